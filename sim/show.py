"""Comparisons as HTML: what a notebook shows of an Agreement and of a Verification."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from mapping.show import BAD, GOOD, PLAIN, html

from .counts import Count

#: Colours of a result; a word stands on each.
RESULTS = {"agrees": GOOD, "DIFFERS": BAD, "FAILS": BAD, "not compared": PLAIN}


def row(population: str, spikes: Count | None, v: Count | None) -> dict[str, Any]:
    """Return what is shown of one population."""
    return {
        "population": population,
        "spikes": _cell(spikes),
        "membranes": _cell(v),
        "result": _result([spikes, v]),
    }


def failed() -> dict[str, Any]:
    """Return the row of a backend that broke its protocol, or has nothing to be compared."""
    return {"population": "", "spikes": "-", "membranes": "-", "result": "FAILS"}


def page(title: str, rows: list[dict[str, Any]], sentences: Sequence[str]) -> str:
    """Return a table of these rows, and the sentences below it."""
    head = html(title, rows, {"result": RESULTS}) if rows else f"<p>{escape(title)}</p>"
    return head + "".join(f"<p>{escape(text)}</p>" for text in sentences)


def _cell(count: Count | None) -> str:
    return "-" if count is None else str(count)


def _result(counts: list[Count | None]) -> str:
    """Return the word for a population: what was compared agrees, differs, or there is none."""
    given = [c for c in counts if c is not None and c.compared]
    if not given:
        return "not compared"
    return "DIFFERS" if any(c.mismatches for c in given) else "agrees"
