"""Lava: this project's Processes beside Lava's own Dense and LIF, on the same networks.

Integrate-and-fire chains with biases, which stock Lava runs exactly. Both sides get the same
inputs and collect the spikes of the last population. Every spike that is collected is compared with
the reference before anything is printed; a mismatch ends the program. Seconds are of the run alone:
of ours a session's second and later runs, of stock Lava a run less a run of one sample and one
timestep; what building and ending the operating-system processes costs is printed beside them.
``one at a time`` gives ours one sample a message, as stock Lava takes them.

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

from lava_procs import shim, stock
from lava_procs.session import LavaSession
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


def timed(what: Callable[[], Any]) -> tuple[float, Any]:
    """Return the seconds of a call, and what it returned."""
    began = time.perf_counter()
    result = what()
    return time.perf_counter() - began, result


def ours(network: Network, x: np.ndarray, rows: int, times: int) -> tuple[float, float, Any]:
    """Return seconds of the start, the least of some runs, and the last population's spikes."""
    last = network.readout.source

    def start() -> LavaSession:
        return LavaSession(network, (last,), (), rows, x.shape[1])

    begun, session = timed(start)
    with session:
        session.run(x)
        runs = [timed(lambda: session.run(x)) for _ in range(times)]
    return begun, min(s for s, _ in runs), runs[-1][1][0][last]


def measure(sizes: tuple[int, ...], steps: int, samples: int, seed: int, times: int) -> dict:
    """Check and time one network; return a row of the table."""
    network = chain(sizes, steps, seed)
    last = network.readout.source
    shape = (samples, steps, sizes[0])
    inputs = np.random.default_rng([seed, 1]).integers(0, 2, shape, np.uint8)
    x = encode(network.input, inputs, steps)
    expected = run(network, inputs, record=("spikes",)).spikes[last]
    found, seconds = {}, {}
    seconds["start, ours"], seconds["ours"], found["ours"] = ours(network, x, samples, times)
    _, seconds["ours, half the samples"], _ = ours(network, x[: samples // 2], samples // 2, times)
    half = np.ascontiguousarray(x[:, : steps // 2])
    _, seconds["ours, half the timesteps"], _ = ours(network, half, samples, times)
    few = max(1, samples // 8)
    _, one, found["ours, one at a time"] = ours(network, x[:few], 1, times)
    seconds["ours, one at a time"] = one * samples / few
    seconds["start, stock"], _ = timed(lambda: stock.run(network, x[:1, :1], (last,)))
    again, _ = timed(lambda: stock.run(network, x[:1, :1], (last,)))
    seconds["start, stock"] = min(again, seconds["start, stock"])
    whole, trace = min((timed(lambda: stock.run(network, x, (last,))) for _ in range(times)),
                       key=lambda pair: pair[0])  # fmt: skip
    seconds["stock"], found["stock"] = whole - seconds["start, stock"], trace[last]
    for name, spikes in found.items():
        wrong = int((spikes != expected[: len(spikes)]).sum())
        if wrong:
            raise SystemExit(f"{name}: {wrong} spikes of {last!r} differ: no benchmark")
    return {
        "network": "-".join(map(str, sizes)),
        "timesteps": steps,
        "samples": samples,
        "spikes compared": sum(spikes.size for spikes in found.values()),
        "mismatches": 0,
        "seconds": {name: round(s, 4) for name, s in seconds.items()},
        "ours is faster by": round(seconds["stock"] / seconds["ours"], 1),
        "ours one at a time is faster by": round(
            seconds["stock"] / seconds["ours, one at a time"], 2
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
    networks = [((64, 128, 10), 8, 128), ((784, 512, 10), 8, 128), ((784, 512, 512, 10), 16, 256)]
    times = 3
    if options.quick:
        networks, times = [((64, 128, 10), 8, 16), ((784, 512, 10), 8, 16)], 1
    found = [measure(*each, options.seed, times) for each in networks]
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
            print(f"  {name:28} {seconds:9.4f} s")
        print(f"  stock / ours                 {row['ours is faster by']:9.1f}")
        print(f"  stock / ours, one at a time  {row['ours one at a time is faster by']:9.2f}")


if __name__ == "__main__":
    main()
