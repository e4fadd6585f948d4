"""The demo: from a data set to verified Verilog and a report, in about a minute."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import mapping
import sim
from mapping import real
from mapping.coding import digest as inputs_digest
from mapping.files import digest
from sim import evaluate, written
from sim.stimuli import stimuli
from sim.tools import package
from sim.vectors import swapped, write_bundle
from sim.verify import Verification, verify

from . import console, files, report
from . import train as training

#: Held-out samples that the slower backends run.
FEW = 20


def run_demo(folder: Path, seed: int, quiet: bool) -> dict[str, Any]:
    """Do everything, writing into an existing folder; return what report.json holds."""
    for name in ("torch", "sklearn"):
        package(name, "the demo", "train")
    from training.data import digits
    from training.train import ONE_THREAD, train

    began = time.monotonic()

    def say(text: str) -> None:
        if not quiet:
            console.say(f"[{time.monotonic() - began:5.1f} s] {text}")

    say(f"training a binary 64-128-10 on the digits (seed {seed}) ..")
    with console.progress(quiet) as tell:
        result = train(
            digits.digits(flat=True), run=replace(ONE_THREAD, seed=seed), measures=True,
            lines=folder / "trained.jsonl",
            progress=lambda done, total: tell("steps", done, total),
        )  # fmt: skip
    trained = result.network
    mapping.save(trained, folder / "trained.safetensors")
    told = training.facts(result, "digits", "ste", "mlp", folder / "trained.jsonl")
    files.write_json(folder / "trained.json", told | {"cost": result.cost})
    network = mapping.fold(trained)
    mapping.save(network, folder / "network.safetensors", folded_from=digest(trained))
    say("folded and certified:")
    if not quiet:
        console.say(str(network))

    split = digits.read()
    x, labels = split.held_out, split.held_out_labels
    meant = real.run(trained, x)
    trace = sim.run(network, x)
    accuracy = {
        "format": evaluate.FORMAT,
        "network_sha256": digest(network),
        "inputs_sha256": inputs_digest(x),
        "trained_sha256": digest(trained),
        "data": "digits, held out",
        "samples": len(x),
        "backend": "reference",
        "accuracy": float((trace.classes == labels).mean()),
        "accuracy_trained_float32": result.held_out_accuracy,
        "accuracy_trained_float64": float((meant.classes == labels).mean()),
        "spikes_differing_from_float64": int(
            sum((meant.spikes[n] != trace.spikes[n]).sum() for n in meant.spikes)
        ),
    }
    say(
        f"held-out accuracy: trained {result.held_out_accuracy:.2%}, "
        f"integer {accuracy['accuracy']:.2%}"
    )

    say("writing Verilog, testbench and vectors ..")
    manifest = write_bundle(network, folder / "rtl", seed=seed)
    say("running every held-out sample through reference, fast, rtl and lava ..")
    with console.progress(quiet) as tell:
        whole = verify(network, x, ["fast", "rtl", "lava"], rtl=folder / "rtl", progress=tell)
        few = verify(network, x[:FEW], ["cocotb"], rtl=folder / "rtl", progress=tell)
        stock, title, about = for_stock(network, seed)
        batch = x[:FEW] if stock is network else stimuli(stock, FEW, seed)
        stocked = verify(stock, batch, ["lava-stock"], progress=tell)
    found = {"all held-out samples": whole, f"{FEW} held-out samples": few, title: stocked}
    for name, one in found.items():
        say(f"{name} ({about})" if one is stocked and about else name)
        if not quiet:
            console.matrix(one)
    checks = [
        written.one(one, name, about if one is stocked else None) for name, one in found.items()
    ]
    files.write_json(folder / "verify.json", written.document(checks))
    files.write_json(folder / "accuracy.json", accuracy)
    told = report.write(folder, trace=trace)
    say(f"{sum(v.compared for v in found.values()):,} neuron-values compared in all")
    return {
        "ok": _ok(found),
        "seed": seed,
        "accuracy": accuracy,
        "exact": network.exact,
        "cycles_per_timestep": manifest["cycles_per_timestep"],
        "seconds": round(time.monotonic() - began, 1),
        **told,
    }


def for_stock(network: mapping.Network, seed: int) -> tuple[mapping.Network, str, str | None]:
    """Return a network that Lava's own processes run exactly, a title, and what it is.

    It is the demo's own (None) where its certificate for stock processes holds, else
    integrate-and-fire layers of random weights.
    """
    from lava_procs.stock_plan import plan

    try:
        plan(network)
        return network, f"{FEW} held-out samples on stock Lava, by spikes", None
    except mapping.Unsupported as error:
        why = str(error)
    rng = np.random.default_rng(seed)
    signs = [rng.choice([-1, 1], shape) for shape in ((32, 64), (10, 32))]
    neuron = mapping.Neuron(1, 0, threshold=6)
    populations = (
        mapping.Population("a", (mapping.Connection("input", mapping.Dense(signs[0])),), neuron),
        mapping.Population("b", (mapping.Connection("a", mapping.Dense(signs[1])),), neuron),
    )
    other = mapping.Network(mapping.Input((64,)), populations, mapping.Readout("b"), timesteps=8)
    about = f"an integrate-and-fire network of random weights, not the demo's: {why}"
    return other, "stock Lava, by spikes", about


def _ok(found: dict[str, Verification]) -> bool:
    return all(one.ok for one in found.values())


def run(out: Path, seed: int, force: bool, json: bool) -> int:
    """Run the demo into a folder; return the exit status."""
    if out.is_dir() and any(out.iterdir()) and not (out / "network.safetensors").exists():
        if not force:
            raise FileExistsError(
                f"{out} is not empty and holds no demo of ours: name another, or use --force"
            )
        force = True
    elif out.is_dir():
        force = True
    with swapped(out, force) as folder:
        told = run_demo(folder, seed, json)
    told = {**told, "folder": str(out), "report": str(out / "report.html")}
    if json:
        console.print_json({"format": 1, **told})
    else:
        console.say(
            f"\n{'all backends agree' if told['ok'] else 'A CHECK FAILED'} in "
            f"{told['seconds']} s; open {out / 'report.html'}\n\nnext, try\n"
            f"  spikexact show {out}/network.safetensors\n"
            f"  spikexact verify {out}/network.safetensors --backends fast,rtl --samples 200\n"
            f"  python {out}/rtl/run.py            the shipped testbench, on its own\n"
            f"  spikexact verilog {out}/network.safetensors -o rtl2 --pe 16 --simd 64\n"
            "  spikexact doctor"
        )
    return 0 if told["ok"] else 1
