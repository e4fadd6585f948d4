"""The page of a report: Jinja2's templates, autoescaped; everything stands in one file."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from mapping.show import readable as readable_rows

from .. import files
from ..labels import readable
from . import activity, curves, placement, sizes
from .drawing import Drawing, styled
from .finding import STATUSES, short
from .model import Report

TEMPLATES = Path(__file__).with_name("templates")
#: Results of a check in words.
RESULTS = {
    "agrees": "agrees",
    "agrees_on_other_network": "agrees, on that network",
    "agrees_on_other_verilog": "agrees, on other Verilog",
    "failed": "FAILS",
    "foreign": "of another network",
    "not_compared": "not compared",
    "nothing_compared": "nothing compared",
    "unknown": "not known of which network",
}
#: Column to text to the class of its cell: a good word, or one that must not be overlooked.
MARKS = {
    "certificate": {"exact": "good", "bounded": "bad"},
    "result": {"agrees": "good"}
    | {RESULTS[key]: "bad" for key in ("failed", "foreign", "nothing_compared", "unknown")},
}


@dataclass(frozen=True)
class Figures:
    """What is drawn of a report: curves of its training, what its network does, and where."""

    curves: tuple[Drawing, ...] = ()
    activity: tuple[Drawing, ...] = ()
    placement: tuple[Drawing, ...] = ()

    @classmethod
    def of(cls, report: Report) -> Figures:
        """Draw a report's figures.

        Raises
        ------
            sim.MissingTool: matplotlib is not installed.
        """
        if not report.curves and report.activity is None and report.placed is None:
            return cls()
        with styled():
            does = [] if report.activity is None else activity.drawings(report.activity)
            where = [] if report.placed is None else placement.drawings(report.placed)
            return cls(tuple(curves.drawings(report.curves)), tuple(does), tuple(where))


def html(report: Report, figures: Figures) -> str:
    """Return a report as a page."""
    verilog = report.verilog
    return _environment().get_template("page.html").render(
        report=report,
        figures=figures,
        mark="good" if report.status == "exact" else "bad" if STATUSES[report.status] else "sub",
        accuracy=_without_cost(report.accuracy),
        training=_without_cost(report.training),
        layers_measured=any(c.name in ("flips", "rates") for c in report.curves),
        certificate=readable_rows(report.certificate),
        size=[*report.size, sizes.total(report.size)],
        verilog=None if verilog is None else _parallelism(verilog),
    )  # fmt: skip


@cache
def _environment() -> Any:
    """Return Jinja2's environment."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,  # names of layers, files and data sets are the user's
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "cell": cell,
        "check_rows": check_rows,
        "difference_rows": files.difference_rows,
        "pairs": pairs,
        "readable": readable,
        "short": short,
    }
    environment.globals |= {"MARKS": MARKS}
    return environment


def cell(value: Any) -> str:
    """Return the text of a table's cell: a number with its thousands, "-" for None."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "-" if value is None else str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"


def pairs(facts: dict[str, Any]) -> list[dict[str, Any]]:
    """Return names and values as rows; a float is a share."""
    shown = {k: f"{v:.2%}" if isinstance(v, float) else v for k, v in facts.items()}
    return [{"": name, "value": value} for name, value in shown.items()]


def check_rows(check: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of a check as a person reads them."""
    return [
        {
            "backend": row["backend"],
            "samples": row["samples"],
            "population": row["population"],
            "spikes": _count(row["spikes"]),
            "membranes": _count(row["v"]),
            "result": RESULTS[row["result"]],
        }
        for row in check["rows"]
    ]


def _count(count: dict[str, Any] | None) -> str:
    if count is None:
        return "-"
    if count["compared"] is None:
        return "not compared"
    return f"{count['mismatches']:,} / {count['compared']:,}"


def _without_cost(facts: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return what a file holds beside its ``cost``, which has tables of its own."""
    return None if facts is None else {k: v for k, v in facts.items() if k != "cost"}


def _parallelism(verilog: dict[str, Any]) -> dict[str, Any]:
    each = ", ".join(f"{c['pe']} x {c['simd']}" for c in verilog["parallelism"])
    return {**verilog, "parallelism": each}
