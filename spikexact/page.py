"""The parts of an HTML page: its style, tables, and the line that says what is not there."""

from __future__ import annotations

import html
from typing import Any

#: Optional files, and what stands in their section's place.
ABSENT = {
    "accuracy.json": "not measured: run spikexact evaluate DIR/network.safetensors DATA --json > "
    "DIR/accuracy.json",
    "trained.json": "not known how it was trained: run spikexact train .. --measures "
    "-o DIR/trained.safetensors",
    "trained.jsonl": "no curves: run spikexact train .. --measures -o DIR/trained.safetensors",
    "verify.json": "not compared: run spikexact verify DIR/network.safetensors -o DIR/verify.json",
    "rtl/manifest.json": "no Verilog: run spikexact verilog DIR/network.safetensors -o DIR/rtl",
}


def remedy(file: str) -> str:
    """Return how to come by a file of ABSENT."""
    return ABSENT[file].partition(": ")[2]


#: What a cell of a table says where something is wrong.
BAD = ("bounded", "FAILS", "of another network", "not known of which network", "nothing compared")

STYLE = """
:root{--ink:#1c2430;--soft:#5b6675;--line:#d9dee6;--good:#0a7d4f;--bad:#b3261e;--mark:#2456c8}
body{font:16px/1.5 system-ui,sans-serif;color:var(--ink);max-width:60rem;margin:2rem auto;
padding:0 1rem}h1{font-size:1.7rem;margin-bottom:.2rem}h2{margin-top:2.2rem;font-size:1.2rem}
h3{margin-top:1.6rem;font-size:1rem}
p.sub{color:var(--soft);margin-top:0}p.missing{color:var(--soft);font-style:italic}
div.wide{overflow-x:auto}table{border-collapse:collapse;width:100%;margin:.6rem 0}
th,td{text-align:left;padding:.35rem .6rem;border-bottom:1px solid var(--line);
font-variant-numeric:tabular-nums}th{color:var(--soft);font-weight:600;font-size:.85rem}
.good{color:var(--good);font-weight:600}.bad{color:var(--bad);font-weight:600}
svg{width:100%;height:auto;background:#fafbfd;border:1px solid var(--line);margin:.5rem 0}
svg.drawn text{font:12px system-ui,sans-serif;fill:var(--soft)}
svg.drawn .title{fill:var(--ink);font-weight:600}
.mark rect{fill:var(--mark)}.line{fill:none;stroke:var(--mark);stroke-width:2}
.threshold{stroke:var(--bad);stroke-width:1.5;stroke-dasharray:6 4}
"""


def page(title: str, headline: str, mark: str, sections: list[tuple[str, str]]) -> str:
    """Return a whole page of sections, (heading, HTML), under a headline.

    Args:
        mark: class of the headline: good, bad, or sub.
    """
    body = "".join(f"<h2>{html.escape(head)}</h2>{text}" for head, text in sections)
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{html.escape(title)}</title>"
        '<meta name=viewport content="width=device-width,initial-scale=1">'
        f"<style>{STYLE}</style><h1>{html.escape(title)}</h1>"
        f"<p class={mark}>{html.escape(headline)}</p>{body}</html>\n"
    )


def table(rows: list[dict[str, Any]]) -> str:
    """Return rows of the same keys as a table."""
    if not rows:
        return missing("nothing")
    heads = "".join(f"<th>{html.escape(str(h))}</th>" for h in rows[0])
    cells = [[f"<td{_class(v)}>{html.escape(_text(v))}</td>" for v in r.values()] for r in rows]
    body = "".join(f"<tr>{''.join(row)}</tr>" for row in cells)
    return (
        f"<div class=wide><table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def pairs(facts: dict[str, Any]) -> str:
    """Return names and values as a table; a float is a share."""
    shown = {k: f"{v:.2%}" if isinstance(v, float) else v for k, v in facts.items()}
    return table([{"": k, "value": v} for k, v in shown.items()])


def missing(sentence: str) -> str:
    """Return the line that stands where a section has nothing to show."""
    return f"<p class=missing>{html.escape(sentence)}</p>"


def warning(sentence: object) -> str:
    """Return a sentence that must not be overlooked."""
    return f"<p class=bad>{html.escape(str(sentence))}</p>"


def note(sentence: str) -> str:
    """Return a line of small print."""
    return f"<p class=sub>{html.escape(sentence)}</p>"


def _text(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "-" if value is None else str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"


def _class(value: Any) -> str:
    if value in ("exact", "agrees"):
        return " class=good"
    return " class=bad" if value in BAD else ""
