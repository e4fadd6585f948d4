"""The rows as tables in Markdown, for docs/backends.md."""

from __future__ import annotations

from collections.abc import Iterable

from mapping.capabilities import Takes
from mapping.ops import OPS

from .row import Backend

#: Field of Takes to what the table calls it.
FEATURES = {
    "ops": "connections",
    "weight_bits": "bits of a weight",
    "gates": "gates",
    "shifts": "shifts of a current",
    "streams": "sources without a threshold",
    "delays": "delays",
    "recurrence": "recurrence",
    "held": "max_spikes, refractory, fire_by",
    "without_threshold": "populations without a threshold",
}


def markdown(rows: Iterable[Backend]) -> str:
    """Return two tables: what each backend is, gives and needs; and what it takes."""
    rows = list(rows)
    about = [[f"`{row.name}`", row.what, ", ".join(row.gives), _needs(row)] for row in rows]
    takes = [
        [head, *(_cell(row.takes, feature) for row in rows)] for feature, head in FEATURES.items()
    ]
    return "\n".join(
        [
            *_table(["backend", "what runs", "gives", "needs"], about),
            "",
            *_table(["takes", *(f"`{row.name}`" for row in rows)], takes),
        ]
    )


def _table(head: list[str], body: list[list[str]]) -> list[str]:
    return [f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *body)]


def _needs(row: Backend) -> str:
    needs = [need.name for need in row.needs]
    return ", ".join([*needs, *([" or ".join(row.needs_one)] if row.needs_one else [])]) or "-"


def _cell(takes: Takes, feature: str) -> str:
    value = getattr(takes, feature)
    if feature == "ops":
        if value is None:
            return "every"
        return "all" if set(value) == {kind.__name__ for kind in OPS} else ", ".join(value)
    if feature == "weight_bits":
        return f"1 to {value}" if value > 1 else "1"
    if feature == "without_threshold" and not value:
        return "left out"
    return "yes" if value else "no"
