"""Networks as text and as HTML: one line a population.

What is shown of a population beside its name, shape and sources is said by the network itself
(``columns``, ``claim``), so that nothing here knows one value from the other.
"""

from __future__ import annotations

from html import escape
from typing import Any

from .value import Unsupported

#: Colours of what a table says of a row: white letters on each can be read anywhere.
GOOD, FAIR, BAD, PLAIN = "#2e7d32", "#a65c00", "#b71c1c", "#616161"
CERTIFIED = {"exact": GOOD, "bounded": FAIR, "none": PLAIN}
#: Rows of a table in a notebook; a network of more says so.
ROWS = 60


def line(value: Any) -> str:
    """Return one line: what enters, how many populations, T, the read-out, what is certified."""
    count = len(value.populations)
    return f"{_head(value)}; {count} population{'s' * (count > 1)}{value.claim()}"


#: How a person reads the keys of ``rows_of`` that are not read as they are written.
HEADS = {"fraction_bits": "F", "acc_bits": "acc bits", "v_bits": "v bits"}


def table(value: Any) -> str:
    """Return a short table of a network: shapes, neurons, and what is certified."""
    rows = readable(rows_of(value))
    heads = list(rows[0])
    cells = [heads, *([str(row[h]) for h in heads] for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(heads))]
    text = ["  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) for row in cells]
    return "\n".join([_head(value), *(row.rstrip() for row in text)])


def page(value: Any) -> str:
    """Return the table as HTML, certificates in colour: what a notebook shows."""
    try:
        rows = readable(rows_of(value))
    except Unsupported as error:  # widths without proof: a print never raises
        return f"<p>{escape(line(value))}</p><p>{escape(str(error))}</p>"
    return html(line(value), rows, {"certificate": CERTIFIED})


def html(title: str, rows: list[dict[str, Any]], colours: dict[str, dict[str, str]]) -> str:
    """Return rows of equal keys as an HTML table; everything in it is escaped.

    Args:
        colours: column to text to the colour behind that text.
    """

    def cell(head: str, content: Any) -> str:
        text, colour = escape(str(content)), colours.get(head, {}).get(str(content))
        if colour is not None:
            style = f"background:{colour};color:#fff;padding:0 .4em;border-radius:3px"
            text = f'<span style="{style}">{text}</span>'
        return f'<td style="text-align:left">{text}</td>'

    heads = "".join(f'<th style="text-align:left">{escape(h)}</th>' for h in rows[0])
    body = "".join(
        "<tr>" + "".join(cell(*pair) for pair in row.items()) + "</tr>" for row in rows[:ROWS]
    )
    more = f"<p>and {len(rows) - ROWS} more</p>" if len(rows) > ROWS else ""
    return (
        f"<table><caption>{escape(title)}</caption><thead><tr>{heads}</tr></thead>"
        f"<tbody>{body}</tbody></table>{more}"
    )


def _head(value: Any) -> str:
    enter = value.input
    shape = "x".join(map(str, enter.shape))
    return (
        f"{type(value).__name__}: input {shape}, {enter.bits} bit, coding {enter.coding}; "
        f"T = {value.timesteps}; read-out {value.readout.kind} of {value.readout.source!r}"
    )


def rows_of(value: Any) -> list[dict[str, Any]]:
    """Return one dict per population, JSON values under keys for programs; see ``readable``."""
    return [
        {
            "population": p.name,
            "shape": list(value.shapes[p.name]),
            "from": ", ".join(f"{c.source} ({_op(c.op)})" for c in p.connections),
            **value.columns(p),
        }
        for p in value.populations
    ]


def readable(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows of ``rows_of`` as a person reads them: without the ways that failed."""

    def text(value: Any) -> Any:
        if isinstance(value, list):
            return "x".join(map(str, value))
        return "-" if value is None else value

    return [{HEADS.get(k, k): text(v) for k, v in row.items() if k != "failed"} for row in rows]


def _op(op: Any) -> str:
    weights = getattr(op, "weights", None)
    size = "" if weights is None else " " + "x".join(map(str, weights.shape))
    return op.name + size
