"""The report of a folder: one self-contained HTML file, and the same facts as report.json.

The folder holds a network; every other file is a section if it is there, and one line that says
how to come by it if it is not.
"""

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
from training.mapped import mapped

from . import files, learning, plots
from .page import ABSENT, missing, note, page, pairs, table
from .targets import advice

#: Rows and columns of a raster at most.
MOST = 256


def write(folder: Path, trace: Trace | None = None) -> dict[str, Any]:
    """Write report.html and report.json into a folder.

    Args:
        folder: with network.safetensors, and any of accuracy.json, trained.json, trained.jsonl,
            verify.json and rtl/manifest.json.
        trace: a run to plot; of fresh stimuli if None.

    Raises
    ------
        ValueError: there is no network, or a file is damaged; it is named.
    """
    if not folder.is_dir():
        raise ValueError(f"{folder} is not a folder: give one with network.safetensors")
    network = files.network(folder / "network.safetensors")
    found = {name: _read(folder / name) for name in ABSENT}
    absent = advice(network, ABSENT)
    if trace is None:
        trace = sim.run(network, stimuli(network, 8), "fast")
    facts: dict[str, Any] = {
        "accuracy": found["accuracy.json"],
        "training": found["trained.json"],
        "epochs": found["trained.jsonl"],
        "certificate": rows_of(network),
        "exact": network.exact,
        "agreement": found["verify.json"],
        "size": [
            {**vars(m), "parameters": m.parameters, "state": m.state} for m in mapped(network)
        ],
        "verilog": None,
        "missing": [sentence for name, sentence in absent.items() if found[name] is None],
    }
    if found["rtl/manifest.json"] is not None:
        with files.whole(folder / "rtl" / "manifest.json", "verilog"):
            facts["verilog"] = _verilog(folder, found["rtl/manifest.json"])
    sections = _sections(folder, network, facts, trace, absent)
    files.write_json(folder / "report.json", facts)
    proof = (
        "Every layer is certified exact: it does what the trained layer does, for every input."
        if network.exact
        else "Not every layer is certified exact; the table says why."
    )
    with beside(folder / "report.html") as part:
        part.write_text(page("spikexact report", proof, sections), encoding="utf-8")
    return {
        "report": str(folder / "report.html"),
        "parameters (bits)": sum(row["parameters"] for row in facts["size"]),
        "Verilog": facts["verilog"],
        "missing": facts["missing"],
    }


def _read(path: Path) -> Any:
    """Return what a file holds; None if there is none."""
    if not path.exists():
        return None
    return files.read_lines(path) if path.suffix == ".jsonl" else files.read_json(path)


def _sections(
    folder: Path, network: mapping.Network, facts: dict[str, Any], trace: Trace,
    absent: dict[str, str],
) -> list[tuple[str, str]]:  # fmt: skip
    accuracy, checks = facts["accuracy"], facts["agreement"]
    with files.whole(folder / "verify.json", "verify"):
        agreement = missing(absent["verify.json"]) if checks is None else _agreement(checks)
    unmeasured = missing(absent["accuracy.json"])
    return [
        ("Accuracy", unmeasured if accuracy is None else pairs(accuracy)),
        ("Training", learning.section(folder, facts["training"], facts["epochs"])),
        ("Certificate", table(facts["certificate"])),
        (
            "Agreement with the reference",
            note("mismatches / neuron-values compared") + agreement,
        ),
        ("Size of the network", _size(facts["size"])),
        (
            "Size and speed of the Verilog",
            missing(absent["rtl/manifest.json"])
            if facts["verilog"] is None
            else pairs(facts["verilog"]),
        ),
        ("What it does", _plots(network, trace)),
    ]


def _size(rows: list[dict[str, Any]]) -> str:
    """Return the bits of a folded network, layer by layer and in all."""
    total = {k: sum(row[k] for row in rows) for k in rows[0] if k != "population"}
    return note(
        "bits: weights at their width, numbers per channel at the width of the largest; "
        "membranes and delays are state"
    ) + table([*rows, {"population": "all", **total}])


def _verilog(folder: Path, manifest: dict[str, Any]) -> dict[str, Any]:
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


def _agreement(checks: dict[str, Any]) -> str:
    parts = []
    for title, check in checks.get("checks", {"verify": checks}).items():
        rows = []
        for name, backend in check["backends"].items():
            result = "agrees" if _agrees(backend) else "FAILS"
            cells = backend["populations"] or {"-": {"spikes": None, "v": None}}
            for population, cell in cells.items():
                rows.append(
                    {
                        "backend": name,
                        "samples": backend["samples"],
                        "population": population,
                        "spikes": _count(cell["spikes"]),
                        "membranes": _count(cell["v"]),
                        "result": result,
                    }
                )
        problems = "".join(f"<p class=bad>{html.escape(p)}</p>" for p in check["problems"])
        matrix = table(rows) if rows else missing("nothing was compared")
        if "trained" in check:
            problems += "<h3>The trained network in float64</h3>" + table(check["trained"])
        parts.append(
            f"<h3>{html.escape(title)}</h3>{matrix}<p class=sub>"
            f"{check['compared']:,} neuron-values compared, {check['mismatches']:,} mismatches; "
            f"{check['threshold_hits']:,} membranes exactly at their threshold</p>{problems}"
        )
    return "".join(parts)


def _agrees(backend: dict[str, Any]) -> bool:
    """Whether something was compared, and all of it equal: its word alone is not enough."""
    counted = backend["compared"] > 0 and backend["mismatches"] == 0
    return counted and backend["failure"] is None and backend["ok"] is True


def _count(count: dict[str, Any] | None) -> str:
    if count is None:
        return "-"
    if count["compared"] is None:
        return "not compared"
    return f"{count['mismatches']:,} / {count['compared']:,}"


def _plots(network: mapping.Network, trace: Trace) -> str:
    name = next((n for n in trace.spikes), None)
    if name is None:
        return missing("no population fires")
    steps, neurons = trace.spikes[name].shape[1], trace.spikes[name][0, 0].size
    samples = max(1, min(8, MOST // steps, len(trace.spikes[name])))
    spikes = trace.spikes[name][:samples].reshape(samples * steps, neurons)
    v = trace.v[name][:samples].reshape(spikes.shape)
    busiest = int(np.argmax(spikes.any(axis=0) * v.std(axis=0)))
    thresholds = network[name].neuron.threshold
    threshold = int(thresholds[busiest // (neurons // len(thresholds))])  # one for each channel
    shown = np.unique(np.linspace(0, neurons - 1, MOST).astype(int))
    some = f"{neurons} neurons" if len(shown) == neurons else f"{MOST} of {neurons} neurons"
    return plots.raster(
        spikes[:MOST, shown], f"spikes of {name!r}, {some}: {samples} samples, one after the other"
    ) + plots.membrane(
        v[:MOST, busiest], threshold, f"membrane of {name!r}, neuron {busiest}, before reset"
    )
