"""The report's section on training: what was reached, its curves, and what a sample costs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sim.tools import MissingTool

from . import curves, files
from .labels import readable
from .page import ABSENT, missing, pairs, table, warning
from .verdict import Finding


def section(
    folder: Path, found: dict[str, Any], facts: dict[str, Any], findings: list[Finding]
) -> str:
    """Return the section of trained.json and trained.jsonl, where they are.

    Args:
        found: what the files hold, by name. facts: of the report, ``training`` and ``epochs``.
        findings: on any file.
    """
    parts = []
    result, rows = facts["training"], facts["epochs"]
    for name in ("trained.json", "trained.jsonl"):
        if found[name] is None:
            parts.append(missing(ABSENT[name]))
        parts += [warning(f) for f in findings if f.file == name]
    if result is not None:
        with files.whole(folder / "trained.json", "train"):
            parts.append(pairs(readable({k: v for k, v in result.items() if k != "cost"})))
    if rows is not None:
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
    bits = cost["size_bits"]
    totals = {
        "size, counted as the papers do (bytes)": cost["size_bytes"],
        "apart: gates, scales (bits)": f"{bits['gates']:,}, {bits['scales']:,}",
        "SOPs: accumulates that spikes trigger": f"{cost['sops']:,.0f}",
        "as a share of the dense operations": cost["share_of_dense"],
        "MACs, direct-coded layers once": cost["macs"],
        "MACs, direct-coded layers at every timestep": cost["macs_every_timestep"],
    }
    for k in cost["energies"]:
        what = f"energy, {k['name']}: {k['pj_per_mac']} pJ a MAC, {k['pj_per_sop']} pJ a SOP"
        totals[what] = f"{k['millijoules']:.4g} mJ"
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
