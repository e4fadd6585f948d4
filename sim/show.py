"""Comparisons as HTML: what a notebook shows of an Agreement and of a Verification."""

from __future__ import annotations

from html import escape
from typing import Any

from mapping.show import BAD, GOOD, PLAIN, html

from .compare import Agreement, Count
from .verify import Verification

#: Colours of a result; a word stands on each.
RESULTS = {"agrees": GOOD, "DIFFERS": BAD, "FAILS": BAD, "not compared": PLAIN}


def agreement_page(found: Agreement) -> str:
    """Return a row per population, and the first divergence."""
    rows = [
        {
            "population": name,
            "spikes": _cell(found.spikes.get(name)),
            "membranes": _cell(found.v.get(name)),
            "result": _result([found.spikes.get(name), found.v.get(name)]),
        }
        for name in found.v
    ]
    title = f"{found.compared:,} neuron-values compared, {found.mismatches:,} mismatches"
    told = "" if found.divergence is None else f"<p>{escape(str(found.divergence))}</p>"
    return _page(title, rows) + told


def verification_page(found: Verification) -> str:
    """Return a row per backend and population, and a sentence for every problem."""
    rows: list[dict[str, Any]] = []
    for name, check in found.checks.items():
        for k, (population, cell) in enumerate(check.cells.items()):
            rows.append(
                {
                    "backend": "" if k else name,
                    "population": population,
                    "spikes": _cell(cell.spikes),
                    "membranes": _cell(cell.v),
                    "result": _result([cell.spikes, cell.v]),
                }
            )
        if check.failure is not None or not check.cells:
            row = {"backend": name, "population": "", "spikes": "-", "membranes": "-"}
            rows.append({**row, "result": "FAILS"})
    title = (
        f"against {found.reference}, {found.samples} samples of {found.timesteps} timesteps: "
        f"{found.compared:,} neuron-values compared, {found.mismatches:,} mismatches; "
        f"{found.threshold_hits:,} membranes exactly at their threshold"
    )
    return _page(title, rows) + "".join(f"<p>{escape(text)}</p>" for text in found.problems)


def _page(title: str, rows: list[dict[str, Any]]) -> str:
    return html(title, rows, {"result": RESULTS}) if rows else f"<p>{escape(title)}</p>"


def _cell(count: Count | None) -> str:
    return "-" if count is None else str(count)


def _result(counts: list[Count | None]) -> str:
    """Return the word for a population: what was compared agrees, differs, or there is none."""
    given = [c for c in counts if c is not None and c.compared]
    if not given:
        return "not compared"
    return "DIFFERS" if any(c.mismatches for c in given) else "agrees"
