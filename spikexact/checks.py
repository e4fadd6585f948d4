"""The report's section on verify.json: who agrees with the reference, and on which network."""

from __future__ import annotations

import html
from typing import Any

from sim import written
from sim.verify import READ_RTL

from . import files, verdict
from .page import missing, note, table, warning

SAYS = {"agrees": "agrees", "nothing_compared": "nothing compared"}


def section(found: dict[str, Any] | None, network: str, verilog: str | None) -> str:
    """Return the section of verify.json on a page of the network and Verilog with these hashes."""
    if found is None or found["format"] != written.FORMAT:
        return ""
    parts = [_check(check, network, verilog) for check in found["checks"]]
    parts += [missing(f"not run: {one['name']}: {one['why']}") for one in found["left_out"]]
    return "".join(parts)


def _check(check: dict[str, Any], network: str, verilog: str | None) -> str:
    of = verdict.whose_check(check, network)
    rows = []
    for backend, state in zip(check["backends"], verdict.states(check), strict=True):
        cells = backend["populations"] or [{"name": "-", "spikes": None, "v": None}]
        stale = backend["name"] in READ_RTL and verdict.of_other_verilog(check, verilog)
        for cell in cells:
            result = _result(state, of, cell)
            if stale and result == "agrees":
                result = "agrees, on other Verilog"
            rows.append(
                {
                    "backend": backend["name"],
                    "samples": backend["samples"],
                    "population": cell["name"],
                    "spikes": _count(cell["spikes"]),
                    "membranes": _count(cell["v"]),
                    "result": result,
                }
            )
    title = f"<h3>{html.escape(check['title'])}</h3>"
    if of == verdict.OTHER:
        title += note(f"of another network than this one: {check['about']}")
    told = (
        f"{check['compared']:,} neuron-values compared, {check['mismatches']:,} mismatches; "
        f"{check['threshold_hits']:,} membranes exactly at their threshold; network "
        f"{verdict.short(check['network_sha256'])}, inputs {verdict.short(check['inputs_sha256'])}"
    )
    text = title + (table(rows) if rows else missing("nothing was compared")) + note(told)
    text += "".join(warning(problem) for problem in check["problems"])
    if "trained" in check:
        trained = files.difference_rows(check["trained"])
        text += "<h3>The trained network in float64</h3>" + table(trained)
    return text


def _result(state: str, of: str, cell: dict[str, Any]) -> str:
    if of == verdict.FOREIGN:
        return "of another network"
    if of == verdict.UNKNOWN:
        return "not known of which network"
    says = SAYS.get(state, "FAILS")
    given = [count for count in (cell["spikes"], cell["v"]) if count is not None]
    if says == "agrees" and not any(count["compared"] for count in given):
        return "not compared"
    return "agrees, on that network" if (of, says) == (verdict.OTHER, "agrees") else says


def _count(count: dict[str, Any] | None) -> str:
    if count is None:
        return "-"
    if count["compared"] is None:
        return "not compared"
    return f"{count['mismatches']:,} / {count['compared']:,}"
