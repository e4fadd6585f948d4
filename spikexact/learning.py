"""The report's section on training: what was reached, its curves, and what a sample costs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sim.tools import MissingTool

from . import curves, files
from .page import ABSENT, missing, pairs, table


def section(folder: Path, result: dict[str, Any] | None, rows: curves.Rows | None) -> str:
    """Return the section of trained.json and trained.jsonl, where they are."""
    parts = []
    if result is None:
        parts.append(missing(ABSENT["trained.json"]))
    else:
        with files.whole(folder / "trained.json", "train"):
            parts.append(pairs({k: v for k, v in result.items() if k != "cost"}))
    if rows is None:
        parts.append(missing(ABSENT["trained.jsonl"]))
    else:
        try:
            with files.whole(folder / "trained.jsonl", "train"):
                drawn = curves.figures(rows)
            parts += [curves.svg(figure, f"curve-{name}") for name, figure in drawn.items()]
            if "flips" not in drawn and "rates" not in drawn:
                parts.append(missing("no measures: train with --measures"))
        except MissingTool as error:
            parts.append(missing(str(error)))
    if result is not None and result.get("cost") is None:
        parts.append(missing("no cost: train with --measures"))
    elif result is not None:
        with files.whole(folder / "trained.json", "train --measures"):
            parts.append(_cost(result["cost"]))
    return "".join(parts)


def _cost(cost: dict[str, Any]) -> str:
    """Return what one sample costs: totals, energy, and layer by layer."""
    bits = cost["size in bits"]
    energy = cost["energy in mJ"].items()
    totals = {
        "size, counted as the papers do (bytes)": cost["size in bytes"],
        "apart: gates, scales (bits)": f"{bits['gates']:,}, {bits['scales']:,}",
        "SOPs: accumulates that spikes trigger": f"{cost['SOPs']:,.0f}",
        "as a share of the dense operations": cost["share of them"],
        "MACs, direct-coded layers once": cost["MACs"],
        "MACs, direct-coded layers at every timestep": cost["MACs, every timestep"],
    }
    for name, k in energy:
        what = f"energy, {name}: {k['pJ a MAC']} pJ a MAC, {k['pJ a SOP']} pJ a SOP"
        totals[what] = f"{k['total']:.4g} mJ"
    layers = [
        {
            "into": w["into"],
            "from": w["source"],
            "what": w["what"],
            "weight bits": w["bits"],
            "reads": w["reads"],
            "firing rate": w["rate"],
            "dense operations a timestep": w["dense"],
            "SOPs": round(sum(w["sops"])),
            "MACs": w["macs"] + w["scaled"] + w["gated"],
        }
        for w in cost["layers"]
    ]
    title = f"<h3>Cost of a sample: mean over {int(cost['samples'])} held-out samples</h3>"
    return title + pairs(totals) + table(layers)
