"""The demo: from a data set to verified Verilog and a report, in about a minute."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

import mapping
import sim
from mapping import real
from mapping.coding import digest as inputs_digest
from mapping.files import digest
from sim import evaluate, written
from sim.ability import missing, refusal
from sim.backends.rows import BACKENDS
from sim.campaign.stimuli import stimuli
from sim.tools import installed
from sim.vectors import swapped, write_bundle
from sim.verify import Verification, verify

from . import console, files, report
from . import train as training

#: Of what ``--json`` prints.
FORMAT = 3
#: A folder that holds this file is a demo's, and may be replaced by another.
MARK = "demo.json"
#: Held-out samples that the slower backends run.
FEW = 20


@dataclass(frozen=True)
class Shown:
    """A network that the demo trains.

    Attributes
    ----------
        title: in the first line.
        settings: of the training that differ, as ``spikexact train --set`` takes them.
        timesteps: T; the network's usual one if None.
        many, few: held-out samples that are run, all if None, and that the slower backends run.
    """

    title: str
    settings: tuple[str, ...] = ()
    timesteps: int | None = None
    many: int | None = None
    few: int = FEW


NETS = {
    "mlp": Shown("a binary 64-128-10"),
    "cnn": Shown(
        "8C3-8C3-AP2-16C3-16C3-AP2-10, binary but for its ends of 8 bits,",
        ("width=8", "epochs=10"), timesteps=2, many=60, few=4,
    ),
}  # fmt: skip


def run_demo(folder: Path, seed: int, quiet: bool, net: str = "mlp") -> dict[str, Any]:
    """Do everything, writing into an existing folder; return what ``--json`` prints of it.

    net: of NETS.
    """
    for name in ("torch", "sklearn"):
        installed(name, "the demo", "train")
    installed("jinja2", "the demo")
    left_out = [{"name": name, "why": why} for name in names() if (why := missing(name))]
    from training.data import digits
    from training.train import ONE_THREAD, train

    began = time.monotonic()

    def say(text: str) -> None:
        if not quiet:
            console.say(f"[{time.monotonic() - began:5.1f} s] {text}")

    for backend in left_out:
        say(f"{backend['name']} is left out: {backend['why']}")
    shown = NETS[net]
    say(f"training {shown.title} on the digits (seed {seed}) ..")
    plan, data, _ = training.planned(
        "digits", None, "ste", net, shown.timesteps, list(shown.settings), []
    )
    with console.progress(quiet) as tell:
        result = train(
            data, plan, replace(ONE_THREAD, seed=seed), measures=True,
            lines=folder / "trained.jsonl",
            progress=lambda done, total: tell("steps", done, total),
        )  # fmt: skip
    trained = result.network
    mapping.save(trained, folder / "trained.safetensors")
    facts = training.facts(result, "digits", "ste", net, folder / "trained.jsonl")
    files.write_json(folder / "trained.json", facts | {"cost": result.cost})
    network = mapping.fold(trained)
    mapping.save(network, folder / "network.safetensors", folded_from=digest(trained))
    say("folded and certified:")
    if not quiet:
        console.say(str(network))

    split = digits.read()
    x = split.held_out.reshape(-1, *network.input.shape)
    labels = split.held_out_labels
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
    available = ran(left_out)
    bulk = [name for name in available if BACKENDS[name].bulk and refusal(network, name) is None]
    every = "all held-out samples" if shown.many is None else f"{shown.many} held-out samples"
    say(f"running {every} through {', '.join(['reference', *bulk])} ..")
    verified: dict[str, Verification] = {}
    about: dict[str, str | None] = {}
    with console.progress(quiet) as tell:
        verilog = folder / "rtl" if any(BACKENDS[name].verilog for name in bulk) else None
        verified[every] = verify(network, x[: shown.many], bulk, rtl=verilog, progress=tell)
        for name in (name for name in available if name not in bulk):
            runs, title, why = few(network, name, seed, shown.few)
            about[title] = why
            batch = x[: shown.few] if runs is network else stimuli(runs, FEW, seed)
            verilog = folder / "rtl" if BACKENDS[name].verilog and runs is network else None
            verified[title] = verify(runs, batch, [name], rtl=verilog, progress=tell)
    for title, verification in verified.items():
        say(f"{title} ({about[title]})" if about.get(title) else title)
        if not quiet:
            console.matrix(verification)
    checks = [written.entry(each, title, about.get(title)) for title, each in verified.items()]
    files.write_json(folder / "verify.json", written.document(checks, left_out))
    files.write_json(folder / "accuracy.json", accuracy)
    summary = report.write(folder, trace=trace)
    say(f"{sum(v.compared for v in verified.values()):,} neuron-values compared in all")
    return {
        "ok": all(verification.ok for verification in verified.values()),
        "left_out": left_out,
        "net": net,
        "seed": seed,
        "accuracy": accuracy,
        "exact": network.exact,
        "cycles_per_sample": manifest["cycles_per_sample"],
        "seconds": round(time.monotonic() - began, 1),
        **summary,
    }


def few(
    network: mapping.Network, backend: str, seed: int, samples: int = FEW
) -> tuple[mapping.Network, str, str | None]:
    """Return a network for a backend that runs a few samples, a title, and what it is.

    It is the demo's own (None) unless the backend refuses that, as stock Lava does where it cannot
    prove that it runs it exactly; else integrate-and-fire layers of random weights.
    """
    title = backend if "membranes" in BACKENDS[backend].gives else f"{backend}, by spikes"
    why = refusal(network, backend)
    if why is None:
        return network, f"{samples} held-out samples on {title}", None
    rng = np.random.default_rng(seed)
    signs = [rng.choice([-1, 1], shape) for shape in ((32, 64), (10, 32))]
    neuron = mapping.Neuron(1, 0, threshold=6)
    populations = (
        mapping.Population("a", (mapping.Connection("input", mapping.Dense(signs[0])),), neuron),
        mapping.Population("b", (mapping.Connection("a", mapping.Dense(signs[1])),), neuron),
    )
    other = mapping.Network(mapping.Input((64,)), populations, mapping.Readout("b"), timesteps=8)
    about = f"an integrate-and-fire network of random weights, not the demo's: {backend}: {why}"
    return other, title, about


def run(out: Path, net: str, seed: int, force: bool, json: bool) -> int:
    """Run the demo into a folder; return the exit status."""
    if net not in NETS:
        raise ValueError(f"the demo's network must be {' or '.join(NETS)}, not {net!r}")
    if out.is_dir() and any(out.iterdir()) and not (out / MARK).exists():
        if not force:
            raise FileExistsError(
                f"{out} is not empty and holds no demo of ours: name another, or use --force"
            )
        force = True
    elif out.is_dir():
        force = True
    with swapped(out, force) as folder:
        result = run_demo(folder, seed, json, net)
        files.write_json(folder / MARK, {"format": 1, "net": net, "seed": seed})
    result = {**result, "folder": str(out), "report": str(out / "report.html")}
    if json:
        console.print_json({"format": FORMAT, **result})
    else:
        backends = ",".join(name for name in ("fast", "rtl") if name in ran(result["left_out"]))
        ours, python = console.program("spikexact"), console.program("python")
        console.say(
            f"\n{outcome(result)}; open {out / 'report.html'}\n\nnext, try\n"
            f"  {ours} show {out}/network.safetensors\n"
            f"  {ours} verify {out}/network.safetensors --backends {backends} --samples 200\n"
            f"  {python} {out}/rtl/run.py            the shipped testbench, on its own\n"
            f"  {ours} verilog {out}/network.safetensors -o rtl2 --pe 16 --simd 64\n"
            f"  {ours} doctor"
        )
    return 0 if result["ok"] else 1


def outcome(result: dict[str, Any]) -> str:
    """Return the demo's last sentence; a backend that did not run never reads as agreement."""
    seconds = f"in {result['seconds']} s"
    if not result["ok"]:
        return f"A CHECK FAILED {seconds}"
    if not result["left_out"]:
        return f"all backends agree {seconds}"
    compared = ran(result["left_out"])
    agree = f"{', '.join(compared)} {'agrees' if len(compared) == 1 else 'agree'}"
    left_out = ", ".join(backend["name"] for backend in result["left_out"])
    return f"{agree} with the reference {seconds}; NOT run, for what is missing: {left_out}"


def names() -> list[str]:
    """Return the demo's backends but the reference; those that run every sample first."""
    rows = [row for row in BACKENDS.values() if row.name != "reference" and not row.named]
    return [row.name for row in sorted(rows, key=lambda row: not row.bulk)]


def ran(left_out: list[dict[str, str]]) -> list[str]:
    """Return the backends that are not left out, in their order."""
    absent = {backend["name"] for backend in left_out}
    return [name for name in names() if name not in absent]
