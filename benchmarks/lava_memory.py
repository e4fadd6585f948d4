"""Lava: a session of a million timesteps, and the memory of its processes along the way.

    python benchmarks/lava_memory.py [--timesteps 1000000] [--seed 0]

A small network, eight samples side by side, runs batch after batch in one session. What memory the
processes have written to (Anonymous of /proc, Linux; of all of them together) is taken after the
first tenth, and at every tenth from there; every batch is compared with the reference.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

import numpy as np

# `import lava` must not find this file's neighbour
sys.path.remove(str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from lava_procs.session import LavaSession
from mapping import Connection, Dense, Input, Network, Neuron, Population, Readout
from sim import run

#: Timesteps of a sample, and samples side by side.
STEPS, ROWS = 1000, 8


def network(seed: int) -> Network:
    """Return 32-16, leaky."""
    rng = np.random.default_rng(seed)
    edge = Connection("input", Dense(rng.choice(np.array([-1, 1], np.int8), (16, 32))))
    p = Population("p", (edge,), Neuron(1, 1, threshold=2))
    return Network(Input((32,)), (p,), Readout("p"), STEPS)


def memory(pids: list[int]) -> int:
    """Return the KiB that processes have written to and still hold."""
    total = 0
    for pid in pids:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8")
        total += next(int(s.split()[1]) for s in text.splitlines() if s.startswith("Anonymous:"))
    return total


def main() -> None:
    """Run, compare and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--timesteps", type=int, default=1_000_000, help="of Lava (1000000)")
    parser.add_argument("--seed", type=int, default=0, help="of the network and its input (0)")
    options = parser.parse_args()
    net = network(options.seed)
    shape = (ROWS, STEPS, 32)
    x = np.random.default_rng([options.seed, 1]).integers(0, 2, shape, np.uint8)
    want = run(net, x)
    batches, began = max(10, options.timesteps // STEPS), time.perf_counter()
    with LavaSession(net, rows=ROWS) as session:
        pids = [os.getpid(), *(a.pid for a in session.running.watch.actors)]
        first = last = wrong = 0
        for batch in range(1, batches + 1):
            spikes, v = session.run(x)
            wrong += int((spikes["p"] != want.spikes["p"]).sum() + (v["p"] != want.v["p"]).sum())
            if batch % (batches // 10) == 0:
                last = memory(pids)
                first = first or last
                print(f"{batch * STEPS:9,} timesteps, {time.perf_counter() - began:7.1f} s: "
                      f"{last:,} KiB, {wrong} mismatches", flush=True)  # fmt: skip
                if wrong:
                    sys.exit("spikes or membranes differ")
    print(f"{batches * STEPS:,} timesteps: memory of {len(pids)} processes grew by "
          f"{last - first} KiB")  # fmt: skip


if __name__ == "__main__":
    main()
