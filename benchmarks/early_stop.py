"""Early stop: cycles of the digits' latency network with and without, on the held-out images.

64-128-10 is trained (``training.latency``), folded and emitted twice: with its class read out, and
stopping at the first output spike besides. Every spike and membrane that ran, and every class,
is compared with the reference before a figure is printed; a difference ends the program.

    python benchmarks/early_stop.py [--quick] [--json] [--seed 0]
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

# a file of this folder must not hide a package
sys.path.remove(str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from mapping import Network, fold
from sim import run
from sim.compare import agreement
from training import latency
from training.data import Arrays, digits
from training.loop import Run, deterministic, fit
from training.recipe import LATENCY
from training.spike_time_network import SpikeTimeNetwork

#: Names of forms, and their options. The output is the slowest in the last one.
FORMS: dict[str, dict[str, Any]] = {
    "8 x 32": {},
    "PE 16, 10; SIMD 64, 32; lanes 4, 1": {"pe": [16, 10], "simd": [64, 32], "lanes": [4, 1]},
    "PE 2, 1; SIMD 32, 4": {"pe": [2, 1], "simd": [32, 4]},
}


def trained(seed: int, epochs: int) -> tuple[Network, np.ndarray, np.ndarray]:
    """Return a network that was trained and folded, held-out images and their labels."""
    from dataclasses import replace

    split = digits.read()
    with deterministic(seed):
        model = SpikeTimeNetwork(latency.DIGITS, digits.CLASSES)
        data = Arrays(latency.ink(split.train), split.train_labels)
        fit(model, model, data, replace(LATENCY, epochs=epochs), Run(seed=seed), (latency.jitter,))
    return fold(model.export()), latency.ink(split.held_out), split.held_out_labels


def measure(network: Network, images: np.ndarray, labels: np.ndarray, form: str) -> dict[str, Any]:
    """Return the figures of one form; end the program where anything differs."""
    expected = run(network, images)
    found: dict[str, Any] = {"form": form, "images": len(images)}
    for name, options in (("whole", {"classes": True}), ("stopped", {"stop": True})):
        trace = run(network, images, "rtl", **FORMS[form], **options)
        same = agreement(expected, trace)
        if same.mismatches or not same.compared:
            raise SystemExit(f"{form}, {name}: {same.divergence or 'nothing was compared'}")
        if (np.array(trace.info["classes"]) != expected.classes).any():
            raise SystemExit(f"{form}, {name}: classes differ from the reference's")
        ran = np.full(len(images), network.timesteps) if trace.ran is None else trace.ran
        found[f"timesteps run, {name}"] = round(float(ran.mean()), 2)
        found[f"cycles an image, {name}"] = round(trace.info["cycles_between_classes"], 1)
        found[f"neuron-values compared, {name}"] = same.compared
    gain = found["cycles an image, whole"] / found["cycles an image, stopped"]
    fired = expected.spikes[network.readout.source].any(axis=(2,))
    decided = np.where(fired.any(1), fired.argmax(1), network.timesteps - 1)
    found["times fewer cycles"] = round(gain, 2)
    found["timestep of the decision, mean"] = round(float(decided.mean()), 2)
    found["classes equal"] = f"{len(images)} of {len(images)}"
    found["accuracy %"] = round(100 * float((expected.classes == labels).mean()), 2)
    return found


def main() -> None:
    """Train, measure, compare and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="three epochs, 60 images, one form")
    parser.add_argument("--json", action="store_true", help="print JSON and nothing else")
    parser.add_argument("--seed", type=int, default=0, help="of the training (0)")
    options = parser.parse_args()
    network, images, labels = trained(options.seed, 3 if options.quick else LATENCY.epochs)
    forms = list(FORMS)[: 1 if options.quick else None]
    few = slice(60 if options.quick else None)
    rows = [measure(network, images[few], labels[few], form) for form in forms]
    if options.json:
        print(json.dumps({"seed": options.seed, "forms": rows}, indent=1))
        return
    print(f"seed {options.seed}")
    for row in rows:
        print()
        for name, value in row.items():
            print(f"  {name:34} {value:,}" if isinstance(value, int) else f"  {name:34} {value}")


if __name__ == "__main__":
    main()
