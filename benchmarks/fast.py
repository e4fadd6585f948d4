"""The fast backend beside the reference, on a dense network and on VGGSNN.

Every spike and membrane is compared first; a mismatch ends the program. Samples run in chunks of
at most ``sim.verify.MEMORY`` bytes of trace.

    python benchmarks/fast.py [--quick] [--json] [--seed 0]
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np

# a file of this folder must not hide a package
sys.path.remove(str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from mapping import Connection, Dense, Input, Network, Neuron, Population, Readout, fold
from sim import run
from sim.campaign.generate.papers import vggsnn
from sim.campaign.stimuli import random_inputs
from sim.compare import agreement
from sim.verify import MEMORY


def dense(sizes: tuple[int, ...], steps: int, seed: int) -> Network:
    """Return a chain of leaky populations of random signs."""
    rng = np.random.default_rng(seed)
    populations, source = [], "input"
    for k, (fan, out) in enumerate(zip(sizes, sizes[1:], strict=False)):
        signs = rng.choice(np.array([-1, 1], np.int8), (out, fan))
        edge = Connection(source, Dense(signs), gain=8, bias=rng.integers(-20, 21, out))
        neuron = Neuron(1, 1, threshold=8 * int(np.sqrt(fan)))
        populations.append(Population(f"p{k}", (edge,), neuron))
        source = f"p{k}"
    return Network(Input((sizes[0],)), tuple(populations), Readout(source), steps)


def measure(name: str, network: Network, samples: int, seed: int) -> dict:
    """Compare, then time both backends."""
    inputs = random_inputs(network, samples, seed)
    neurons = sum(int(np.prod(network.shapes[p.name])) for p in network.populations)
    chunk = max(1, min(samples, MEMORY // (9 * neurons * network.timesteps)))
    run(network, inputs[:1], "fast")  # compiles
    seconds = {"reference": 0.0, "fast": 0.0}
    compared = 0
    for start in range(0, samples, chunk):
        traces = []
        for backend in seconds:
            began = time.perf_counter()
            traces.append(run(network, inputs[start : start + chunk], backend))
            seconds[backend] += time.perf_counter() - began
        found = agreement(*traces)
        if found.mismatches:
            raise SystemExit(f"{name}: {found.divergence}")
        compared += found.compared
    return {
        "network": name,
        "timesteps": network.timesteps,
        "samples": samples,
        "samples a chunk": chunk,
        "neuron-values compared": compared,
        "mismatches": 0,
        "seconds a sample": {k: round(s / samples, 5) for k, s in seconds.items()},
        "fast is faster by": round(seconds["reference"] / seconds["fast"], 2),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a smaller image, fewer samples")
    parser.add_argument("--json", action="store_true", help="print JSON and nothing else")
    parser.add_argument("--seed", type=int, default=0, help="of networks and inputs (0)")
    options = parser.parse_args()
    size, few, many = (16, 2, 200) if options.quick else (48, 8, 2000)
    rows = [
        measure("784-512-10", dense((784, 512, 10), 8, options.seed), many, options.seed),
        measure(f"VGGSNN, 2x{size}x{size}", fold(vggsnn(4, options.seed, size)), few, options.seed),
    ]
    if options.json:
        print(json.dumps({"seed": options.seed, "memory": MEMORY, "networks": rows}, indent=1))
        return
    for row in rows:
        print()
        for key, value in row.items():
            print(f"  {key:26} {value}")


if __name__ == "__main__":
    main()
