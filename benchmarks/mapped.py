"""VGGSNN and ResNet-19 at full size: a training step, export, fold, and the backends' spikes.

One SGD step on random data on the CPU, its seconds and the process's peak memory; batch norms are
then settled on the data, the model exported and folded, and run by the reference and the fast
backend, which must agree in every spike and membrane. The float32 model beside the integers: a
sample may differ only from a near-tie on, a membrane of the float64 run within
1e-5 max(1, abs(threshold)) of its threshold at the first divergence.

    python benchmarks/mapped.py [--quick] [--json] [--seed 0] [--networks vggsnn,resnet19]
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from pathlib import Path

# a file of this folder must not hide a package
sys.path.remove(str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import torch

from mapping import Input, fold
from sim import run
from sim.compare import agreement
from sim.disagreement import disagreement
from training.data import Arrays
from training.export import export
from training.graph import SpikingNetwork
from training.loop import Run, settle
from training.networks import resnet19, vggsnn
from training.objective import Classify
from training.recipe import PAPER


def network(name: str, quick: bool) -> SpikingNetwork:
    """Return an untrained network, 8-bit first and last layers."""
    if name == "vggsnn":
        side = 16 if quick else 48
        return vggsnn(Input((2, side, side)), 10, 4 if quick else 10)
    side, width = (16, 16) if quick else (32, 128)
    enter = Input((3, side, side), 8, "direct", 1 / 255)
    return resnet19(enter, 100, 2, width=width)


def samples_of(model: SpikingNetwork, count: int, rng: np.random.Generator) -> Arrays:
    """Draw labelled samples: sparse spikes, or pixels."""
    enter = model.enter
    if enter.coding == "direct":
        x = rng.integers(0, enter.top + 1, (count, *enter.shape)).astype(np.uint8)
    else:
        x = (rng.random((count, model.timesteps, *enter.shape)) < 0.2).astype(np.uint8)
    return Arrays(x, rng.integers(0, 10, count))


def step(model: SpikingNetwork, part: Arrays) -> float:
    """Take one training step; return its seconds."""
    objective = Classify(PAPER)
    optimizer = torch.optim.SGD(model.parameters(), PAPER.rate, momentum=0.9)
    began = time.perf_counter()
    losses = objective.losses(model(torch.from_numpy(part.inputs)), torch.from_numpy(part.labels))
    losses.mean().backward()
    optimizer.step()
    return time.perf_counter() - began


def measure(name: str, options: argparse.Namespace) -> dict:
    """Do everything for one network; end the program at any mismatch."""
    torch.manual_seed(options.seed)
    rng = np.random.default_rng(options.seed)
    model = network(name, options.quick)
    part = samples_of(model, 8, rng)
    seconds = step(model, part)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    settle(model, part, 8, Run())
    value = export(model)
    began = time.perf_counter()
    folded = fold(value)
    folding = time.perf_counter() - began
    x = part.inputs[: options.samples]
    run(folded, x[:1], "fast")  # compiles
    times, traces = {}, []
    for backend in ("reference", "fast"):
        began = time.perf_counter()
        traces.append(run(folded, x, backend))
        times[backend] = round((time.perf_counter() - began) / len(x), 2)
    found = agreement(*traces)
    if found.mismatches:
        raise SystemExit(f"{name}: {found.divergence}")
    seen: dict[str, np.ndarray] = {}
    with torch.no_grad():
        model(torch.from_numpy(x), lambda n, s: seen.__setitem__(n, s.transpose(0, 1).numpy()))
    apart = np.zeros(len(x), bool)
    spikes = 0
    for p in folded.populations:
        if p.spiking:
            odd = (seen[p.name] != 0) != traces[0].spikes[p.name]
            apart |= odd.reshape(len(x), -1).any(axis=1)
            spikes += odd.size
    real = disagreement(value, folded, x)
    return {
        "network": name,
        "timesteps": model.timesteps,
        "parameters": sum(p.numel() for p in model.parameters()),
        "samples in the step": len(part),
        "seconds of the step": round(seconds, 2),
        "peak megabytes after it": peak,
        "seconds to fold and certify": round(folding, 1),
        "populations exact": f"{sum(p.certificate.exact for p in folded.populations)} of "
        f"{len(folded.populations)}",
        "neuron-values, fast against reference": found.compared,
        "mismatches": found.mismatches,
        "seconds a sample": times,
        "firing rate": round(
            float(np.mean([traces[0].spikes[n].mean() for n in model.firing()])), 3
        ),
        "spikes compared with float32": spikes,
        "samples that differ from float32": int(apart.sum()),
        "samples that differ from float64": real.differing,
        "of these first at a near-tie": real.near_ties,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small images, narrow layers")
    parser.add_argument("--json", action="store_true", help="print JSON and nothing else")
    parser.add_argument("--seed", type=int, default=0, help="of weights and data (0)")
    parser.add_argument("--samples", type=int, default=4, help="that the backends run (4)")
    parser.add_argument("--networks", default="vggsnn,resnet19", help="one or both")
    options = parser.parse_args()
    rows = [measure(name, options) for name in options.networks.split(",")]
    if options.json:
        print(json.dumps({"seed": options.seed, "networks": rows}))
        return
    for row in rows:
        print()
        for key, value in row.items():
            print(f"  {key:40} {value}")


if __name__ == "__main__":
    main()
