"""The report: one self-contained HTML file, and the same facts as report.json."""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any

import numpy as np

import mapping
import sim
from mapping.files import beside
from mapping.show import rows_of
from sim.stimuli import stimuli
from sim.trace import Trace

from . import files, plots

_STYLE = """
:root{--ink:#1c2430;--soft:#5b6675;--line:#d9dee6;--good:#0a7d4f;--bad:#b3261e;--mark:#2456c8}
body{font:16px/1.5 system-ui,sans-serif;color:var(--ink);max-width:60rem;margin:2rem auto;
padding:0 1rem}h1{font-size:1.7rem;margin-bottom:.2rem}h2{margin-top:2.2rem;font-size:1.2rem}
p.sub{color:var(--soft);margin-top:0}table{border-collapse:collapse;width:100%;margin:.6rem 0}
th,td{text-align:left;padding:.35rem .6rem;border-bottom:1px solid var(--line);
font-variant-numeric:tabular-nums}th{color:var(--soft);font-weight:600;font-size:.85rem}
.good{color:var(--good);font-weight:600}.bad{color:var(--bad);font-weight:600}
svg{width:100%;height:auto;background:#fafbfd;border:1px solid var(--line);margin:.5rem 0}
svg text{font:12px system-ui,sans-serif;fill:var(--soft)}svg .title{fill:var(--ink);font-weight:600}
.mark rect{fill:var(--mark)}.line{fill:none;stroke:var(--mark);stroke-width:2}
.threshold{stroke:var(--bad);stroke-width:1.5;stroke-dasharray:6 4}
"""


def write(folder: Path, trace: Trace | None = None) -> dict[str, Any]:
    """Write report.html and report.json into a folder that holds a demo.

    Args:
        folder: with network.safetensors, verify.json and rtl/manifest.json; accuracy.json if
            there is one.
        trace: a run to plot; of fresh stimuli if None.

    Raises
    ------
        ValueError: a file is missing or damaged; it is named.
    """
    if not folder.is_dir():
        raise ValueError(f"{folder} is not a folder: give the one that demo wrote")
    network = files.network(folder / "network.safetensors")
    checks = files.read_json(folder / "verify.json")
    manifest = files.read_json(folder / "rtl" / "manifest.json")
    accuracy = (
        files.read_json(folder / "accuracy.json") if (folder / "accuracy.json").exists() else {}
    )
    if trace is None:
        trace = sim.run(network, stimuli(network, 8))
    facts = {
        "accuracy": accuracy,
        "certificate": rows_of(network),
        "exact": network.exact,
        "agreement": checks,
        "size": _size(folder, manifest),
    }
    files.write_json(folder / "report.json", facts)
    with beside(folder / "report.html") as part:
        part.write_text(_page(network, facts, trace), encoding="utf-8")
    return {"report": str(folder / "report.html"), "size": facts["size"]}


def _size(folder: Path, manifest: dict[str, Any]) -> dict[str, Any]:
    populations = manifest["populations"]
    verilog = folder / "rtl" / str(manifest["verilog"])
    return {
        "weights (bits)": sum(p["weight_bits"] for p in populations),
        "weight ROM (bits)": sum(p["rom_bits"] for p in populations),
        "membranes (bits)": sum(p["neurons"] * p["state_bits"] for p in populations),
        "PE x SIMD per connection": ", ".join(
            f"{c['pe']} x {c['simd']}" for p in populations for c in p.get("connections", [p])
        ),
        "cycles per timestep": manifest["cycles_per_timestep"],
        "cycles per sample": manifest["cycles_per_timestep"] * manifest["timesteps"],
        "latency of a timestep (cycles)": manifest["latency"],
        "Verilog (bytes)": verilog.stat().st_size if verilog.exists() else None,
    }


def _table(rows: list[dict[str, Any]]) -> str:
    heads = "".join(f"<th>{html.escape(str(h))}</th>" for h in rows[0])
    cells = [[f"<td{_class(v)}>{html.escape(str(v))}</td>" for v in row.values()] for row in rows]
    body = "".join(f"<tr>{''.join(row)}</tr>" for row in cells)
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"


def _class(value: Any) -> str:
    if value in ("exact", "agrees"):
        return ' class="good"'
    return ' class="bad"' if value in ("bounded", "FAILS") else ""


def _pairs(facts: dict[str, Any]) -> str:
    shown = {
        k: f"{v:.2%}" if isinstance(v, float) else f"{v:,}" if isinstance(v, int) else v
        for k, v in facts.items()
    }
    return _table([{"": k, "value": v} for k, v in shown.items()])


def _agreement(checks: dict[str, Any]) -> str:
    parts = []
    for title, check in checks.get("checks", {"verify": checks}).items():
        rows = []
        for name, backend in check["backends"].items():
            for population, cell in backend["populations"].items():
                rows.append(
                    {
                        "backend": name,
                        "samples": backend["samples"],
                        "population": population,
                        "spikes": _count(cell["spikes"]),
                        "membranes": _count(cell["v"]),
                        "result": "agrees" if backend["ok"] else "FAILS",
                    }
                )
        problems = "".join(f'<p class="bad">{html.escape(p)}</p>' for p in check["problems"])
        parts.append(
            f"<h3>{html.escape(title)}</h3>{_table(rows)}<p class=sub>"
            f"{check['compared']:,} neuron-values compared, {check['mismatches']:,} mismatches; "
            f"{check['threshold_hits']:,} membranes exactly at their threshold</p>{problems}"
        )
    return "".join(parts)


def _count(count: dict[str, Any] | None) -> str:
    if count is None:
        return "-"
    if count["compared"] is None:
        return "not compared"
    return f"{count['mismatches']:,} / {count['compared']:,}"


def _plots(network: mapping.Network, trace: Trace) -> str:
    name = next((n for n in trace.spikes), None)
    if name is None:
        return "<p>no population fires</p>"
    samples = min(8, len(trace.spikes[name]))
    spikes = trace.spikes[name][:samples].reshape(samples * trace.spikes[name].shape[1], -1)
    v = trace.v[name][:samples].reshape(spikes.shape)
    busiest = int(np.argmax(spikes.any(axis=0) * v.std(axis=0)))
    threshold = int(network[name].neuron.threshold[busiest])
    return plots.raster(
        spikes, f"spikes of {name!r}: {samples} samples, one after the other"
    ) + plots.membrane(
        v[:, busiest], threshold, f"membrane of {name!r}, neuron {busiest}, before reset"
    )


def _page(network: mapping.Network, facts: dict[str, Any], trace: Trace) -> str:
    proof = (
        "Every layer is certified exact: it does what the trained layer does, for every input."
        if facts["exact"]
        else "Not every layer is certified exact; the table says why."
    )
    accuracy = f"<h2>Accuracy</h2>{_pairs(facts['accuracy'])}" if facts["accuracy"] else ""
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><title>spikexact report</title>"
        '<meta name=viewport content="width=device-width,initial-scale=1">'
        f"<style>{_STYLE}</style><h1>spikexact report</h1><p class=sub>{html.escape(proof)}</p>"
        f"{accuracy}<h2>Certificate</h2>{_table(facts['certificate'])}"
        "<h2>Agreement with the reference</h2><p class=sub>mismatches / neuron-values compared"
        f"</p>{_agreement(facts['agreement'])}<h2>Size and speed of the Verilog</h2>"
        f"{_pairs(facts['size'])}<h2>What it does</h2>{_plots(network, trace)}</html>\n"
    )
