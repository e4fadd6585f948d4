"""The report of a folder: one self-contained HTML file, and the same facts as report.json.

The folder holds a network; every other file is a section if it is there, and one line that says
how to come by it if it is not. A file of another network is said to be one, and shows nothing of
this one; the headline is the worst of what the page holds.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import mapping
import sim
from mapping.cost import storage
from mapping.files import beside, digest, folded_from
from mapping.show import readable as readable_rows
from mapping.show import rows_of
from sim.campaign.stimuli import stimuli
from sim.trace import Trace

from . import checks, files, learning, plots, verdict
from .labels import readable
from .page import ABSENT, missing, note, page, pairs, table, warning
from .targets import advice
from .verdict import Finding

#: Of report.json.
FORMAT = 1
NETWORK, MANIFEST = "network.safetensors", "rtl/manifest.json"
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
    network = files.network(folder / NETWORK)
    found = {name: _read(folder / name) for name in ABSENT}
    absent = advice(network, ABSENT)
    if trace is None:
        trace = sim.run(network, stimuli(network, 8), "fast")
    verilog = None
    if found[MANIFEST] is not None:
        with files.whole(folder / MANIFEST, "verilog"):
            verilog = files.sha256(folder / "rtl" / found[MANIFEST]["verilog"])
    findings = _findings(folder, network, found, verilog)
    with files.whole(folder / "verify.json", "verify"):
        agreed = verdict.agreement(found["verify.json"], digest(network), verilog)
        matrix = checks.section(found["verify.json"], digest(network), verilog)
    status, headline = verdict.headline([*findings, verdict.certified(network)], agreed)
    foreign = {f.file for f in findings if f.status == "foreign"}
    unproved = foreign | {f.file for f in findings if f.status == "unknown"}
    facts: dict[str, Any] = {
        "format": FORMAT,
        "status": status,
        "headline": headline,
        "findings": [vars(f) for f in findings],
        "network_sha256": digest(network),
        "exact": network.exact,
        "certificate": rows_of(network),
        "accuracy": None if "accuracy.json" in unproved else found["accuracy.json"],
        "training": None if "trained.json" in unproved else found["trained.json"],
        "epochs": None if "trained.jsonl" in foreign else found["trained.jsonl"],
        "agreement": None if "verify.json" in unproved else found["verify.json"],
        "size": [
            {**vars(row), "parameters": row.parameters, "state": row.state}
            for row in storage(network)
        ],
        "verilog": None,
        "missing": [sentence for name, sentence in absent.items() if found[name] is None],
    }
    if found[MANIFEST] is not None and MANIFEST not in unproved:
        with files.whole(folder / MANIFEST, "verilog"):
            facts["verilog"] = _verilog(folder, found[MANIFEST])
    pictures = _plots(network, trace)
    sections = _sections(folder, found, facts, findings, absent, matrix, pictures)
    files.write_json(folder / "report.json", facts)
    with beside(folder / "report.html") as part:
        mark = "good" if status == "exact" else "bad" if verdict.STATUSES[status] else "sub"
        part.write_text(page("spikexact report", headline, mark, sections), encoding="utf-8")
    return {
        "report": str(folder / "report.html"),
        "status": status,
        "headline": headline,
        "parameter_bits": sum(row["parameters"] for row in facts["size"]),
        "verilog": facts["verilog"],
        "missing": facts["missing"],
    }


def _read(path: Path) -> Any:
    """Return what a file holds; None if there is none."""
    if not path.exists():
        return None
    if not path.is_file():
        raise ValueError(f"{path} is no file: remove it")
    return files.read_lines(path) if path.suffix == ".jsonl" else files.read_json(path)


def _findings(
    folder: Path, network: mapping.Network, found: dict[str, Any], verilog: str | None
) -> list[Finding]:
    """Return everything but what is good: files of other networks, checks that failed, .."""
    ours, origin = digest(network), folded_from(folder / NETWORK)
    training = found["trained.json"]
    findings: list[Finding] = []
    if found["accuracy.json"] is not None:
        with files.whole(folder / "accuracy.json", "evaluate"):
            findings += verdict.of_accuracy(found["accuracy.json"], ours)
    if training is not None:
        with files.whole(folder / "trained.json", "train"):
            findings += verdict.of_training(training, origin)
    if found["trained.jsonl"] is not None:
        with files.whole(folder / "trained.json", "train"):
            lines = files.sha256(folder / "trained.jsonl")
            findings += verdict.of_epochs(lines, training, origin)
    if found[MANIFEST] is not None:
        with files.whole(folder / MANIFEST, "verilog"):
            findings += verdict.of_verilog(found[MANIFEST], verilog, ours)
    if found["verify.json"] is None:
        text = "no backend was compared with the reference"
        findings.append(Finding("not_compared", "verify.json", text))
    else:
        with files.whole(folder / "verify.json", "verify"):
            findings += verdict.of_checks(found["verify.json"], ours, origin, verilog)
    return findings


def _sections(
    folder: Path, found: dict[str, Any], facts: dict[str, Any], findings: list[Finding],
    absent: dict[str, str], matrix: str, pictures: str,
) -> list[tuple[str, str]]:  # fmt: skip
    def told(name: str, text: str) -> str:
        """Return what is wrong with a file, then what its section says."""
        if found[name] is None:
            return missing(absent[name])
        part = name.partition("/")[0]  # of rtl/, any file
        return "".join(warning(f) for f in findings if f.file.startswith(part)) + text

    accuracy, verilog = facts["accuracy"], facts["verilog"]
    legend = note("mismatches / neuron-values compared")
    return [
        ("Accuracy", told("accuracy.json", pairs(readable(accuracy)) if accuracy else "")),
        ("Training", learning.section(folder, found, facts, findings)),
        ("Certificate", table(readable_rows(facts["certificate"]))),
        ("Agreement with the reference", legend + told("verify.json", matrix)),
        ("Size of the network", _size(facts["size"])),
        (
            "Size and speed of the Verilog",
            told(MANIFEST, pairs(_foldings(verilog)) if verilog else ""),
        ),
        ("What it does", pictures),
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
        "weight_bits": sum(p["weight_bits"] for p in populations),
        "rom_bits": sum(p["rom_bits"] for p in populations),
        "membrane_bits": sum(p["neurons"] * p["state_bits"] for p in populations),
        "foldings": [
            {"pe": int(c["pe"]), "simd": int(c["simd"])}
            for p in populations
            for c in p.get("connections", [p])
        ],
        "cycles_per_timestep": manifest["cycles_per_timestep"],
        "cycles_per_sample": manifest["cycles_per_timestep"] * manifest["timesteps"],
        "latency": manifest["latency"],
        "bytes": verilog.stat().st_size if verilog.exists() else None,
    }


def _foldings(verilog: dict[str, Any]) -> dict[str, Any]:
    each = ", ".join(f"{c['pe']} x {c['simd']}" for c in verilog["foldings"])
    return readable({**verilog, "foldings": each})


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
