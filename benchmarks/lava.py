"""Lava: this project's Processes beside Lava's own Dense and LIF, on the same networks.

Integrate-and-fire chains with biases, which stock Lava runs exactly. Every spike of every run is
compared with the reference before anything is timed for print; a mismatch ends the program. Both
sides get the same inputs and record the spikes of every population. ``ours`` also records every
membrane, and is timed with samples side by side (its default) and one at a time, as stock Lava
takes them. ``start`` is a run of one sample and one timestep: what building and ending the
operating-system processes costs.

    python benchmarks/lava.py [--quick] [--json] [--seed 0]
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

# `import lava` must not find this file
sys.path.remove(str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from lava_procs import own, shim, stock
from mapping import Connection, Dense, Input, Network, Neuron, Population, Readout
from mapping.coding import encode
from sim import run


def chain(sizes: tuple[int, ...], steps: int, seed: int) -> Network:
    """Return a chain of integrate-and-fire populations of random signs and biases."""
    rng = np.random.default_rng(seed)
    populations, source = [], "input"
    for k, (fan, out) in enumerate(zip(sizes, sizes[1:], strict=False)):
        signs = rng.choice(np.array([-1, 1], np.int8), (out, fan))
        edge = Connection(source, Dense(signs), bias=rng.integers(-2, 3, out))
        threshold = 1 + int(np.sqrt(fan))
        populations.append(Population(f"p{k}", (edge,), Neuron(threshold=threshold)))
        source = f"p{k}"
    return Network(Input((sizes[0],)), tuple(populations), Readout(source), steps)


def timed(what: Callable[[], Any], times: int) -> tuple[float, Any]:
    """Return the least seconds of some calls, and the last result."""
    best = float("inf")
    for _ in range(times):
        began = time.perf_counter()
        result = what()
        best = min(best, time.perf_counter() - began)
    return best, result


def measure(sizes: tuple[int, ...], steps: int, samples: int, seed: int, times: int) -> dict:
    """Check and time one network; return a row of the table."""
    network = chain(sizes, steps, seed)
    shape = (samples, steps, sizes[0])
    inputs = np.random.default_rng([seed, 1]).integers(0, 2, shape, np.uint8)
    x, first = encode(network.input, inputs, steps), inputs[:1, :1]
    expected = run(network, inputs)
    rows = {
        "ours": lambda: own.run(network, x)[0],
        "ours, one sample at a time": lambda: own.run(network, x, rows=1)[0],
        "stock": lambda: stock.run(network, x),
    }
    seconds = {}
    compared = 0
    for name, call in rows.items():
        seconds[name], spikes = timed(call, times)
        for population, found in spikes.items():
            wrong = int((found != expected.spikes[population]).sum())
            if wrong:
                raise SystemExit(f"{name}: {wrong} spikes of {population!r} differ: no benchmark")
            compared += found.size
    seconds["start, ours"], _ = timed(lambda: own.run(network, first), times)
    seconds["start, stock"], _ = timed(lambda: stock.run(network, first), times)
    return {
        "network": "-".join(map(str, sizes)),
        "timesteps": steps,
        "samples": samples,
        "spikes compared": compared,
        "mismatches": 0,
        "seconds": {name: round(s, 3) for name, s in seconds.items()},
        "ours is faster by": round(seconds["stock"] / seconds["ours"], 2),
        "ours one at a time is faster by": round(
            seconds["stock"] / seconds["ours, one sample at a time"], 2
        ),
    }


def main() -> None:
    """Measure, compare and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer samples, one repetition")
    parser.add_argument("--json", action="store_true", help="print JSON and nothing else")
    parser.add_argument("--seed", type=int, default=0, help="of networks and inputs (0)")
    options = parser.parse_args()
    shim.load()
    samples, times = (16, 1) if options.quick else (128, 3)
    sizes = [(64, 128, 10), (784, 512, 10)]
    found = [measure(s, 8, samples, options.seed, times) for s in sizes]
    if options.json:
        print(json.dumps({"seed": options.seed, "networks": found}, indent=1))
        return
    print(f"seed {options.seed}; seconds are the least of {times}")
    for row in found:
        print(
            f"\n{row['network']}, T = {row['timesteps']}, {row['samples']} samples: "
            f"{row['spikes compared']:,} spikes compared, {row['mismatches']} mismatches"
        )
        for name, seconds in row["seconds"].items():
            print(f"  {name:28} {seconds:8.3f} s")
        print(f"  stock / ours                 {row['ours is faster by']:8.2f}")
        print(f"  stock / ours, one at a time  {row['ours one at a time is faster by']:8.2f}")


if __name__ == "__main__":
    main()
