"""Samples through the AXI wrapper of several designs, under Icarus and Verilator.

    python tests/axis_samples.py [--samples 500] [--seed 0] [--designs loadable narrow ..]
                                 [--simulators icarus verilator]
    python tests/axis_samples.py --networks 20 [--seed 0] [--samples 6] [--simulators icarus]

All channels stall at random while registers are read and written; of a loadable design the weights
are loaded through them first. Every transfer that leaves is compared with the reference, every
register with a model in the cycle in which it is read, and every rule of AXI in every cycle. One
line a run; the exit status is 1 where anything differs. With --networks random dense networks take
their place, in designs as campaigns draw them, and all tests of the wrapper are run.
"""

from __future__ import annotations

import argparse
import itertools
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from mapping import (
    Connection,
    Dense,
    Input,
    Network,
    Neuron,
    Population,
    Readout,
    Unsupported,
)
from sim.campaign import parallelism
from sim.campaign.generate.dense import draw_network
from sim.vectors import write_bundle

SIMULATORS = ("icarus", "verilator")
#: Options of a design: what is emitted unasked, narrow transfers, classes, and one that is loaded.
DESIGNS = {
    "loadable": {"pe": 4, "simd": 5, "loadable": True},
    "narrow": {"pe": 4, "simd": 12, "block": 2, "axis_bytes": 1},
    "classes": {"pe": 4, "simd": 5, "classes": True, "axis_bytes": 1},
}
#: Cycles from which on a random network takes too long: it is passed over.
SLOW = 100
#: What the testbench says in the end.
SAID = re.compile(
    r"(\d+) samples, (\d+) values compared, (\d+) mismatches; (\d+) accesses in (\d+) cycles, "
    r"(\d+) and (\d+) stalls"
)


def network(seed: int = 0) -> Network:
    """Return two layers whose sizes no folding of these designs divides."""
    rng = np.random.default_rng(seed)
    first, second = (rng.choice([-1, 1], shape).astype(np.int8) for shape in ((9, 12), (4, 9)))
    bias, threshold = rng.integers(-6, 9, 9), rng.integers(4, 12, 9)
    hidden = (Connection("input", Dense(first), gain=4, bias=bias),)
    out = (Connection("hidden", Dense(second), gain=4),)
    return Network(
        Input((12,)),
        (
            Population("hidden", hidden, Neuron(1, 1, threshold)),
            Population("out", out, Neuron(1, 1, 5)),
        ),
        Readout("out", "count"),
        3,
    )


def run(
    folder: Path, simulator: str, tests: tuple[str, ...] = (), samples: int = 0, seed: int = 0
) -> subprocess.CompletedProcess:
    """Run the wrapper's testbench of a folder, with nothing of this checkout in its environment."""
    command = [sys.executable, str(folder / "run.py"), "--axis", "--sim", simulator]
    command += ["--seed", str(seed), *(word for test in tests for word in ("--test", test))]
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "MAKEFLAGS")}
    environment |= {"SPIKEXACT_SAMPLES": str(samples)} if samples else {}
    return subprocess.run(command, env=environment, capture_output=True, text=True)


def drawn(networks: int, seed: int, samples: int, simulator: str) -> int:
    """Run random networks; return 0 if all was right."""
    wrong = done = 0
    for number in itertools.count():
        if done == networks:
            break
        net = draw_network(seed * 1_000_003 + number, extras=True)
        rng = np.random.default_rng([seed, number, 12])
        net = parallelism.reading([net], rng)[0]
        options = parallelism.draw(net, rng)
        if not {"classes", "stop", "skip_zeros"} & set(options) and rng.random() < 0.3:
            options["loadable"] = True
        options["axis_bytes"] = [None, 1, 2, 4][rng.integers(4)]
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place) / "rtl"
            try:
                manifest = write_bundle(net, folder, samples, seed, **options)
            except Unsupported:  # no loadable design of this network
                options.pop("loadable")
                manifest = write_bundle(net, folder, samples, seed, **options)
            if manifest["latency"] > SLOW:
                continue
            began = time.monotonic()
            ran = run(folder, simulator, (), samples, seed)
        done += 1
        found = SAID.search(ran.stdout)
        right = ran.returncode == 0 and found is not None and "PASS: 5 tests" in ran.stdout
        wrong += not right
        errors = "; ".join(re.findall(r"\w+Error: .*", ran.stdout)) or ran.stderr[-500:]
        said = found[0] if right else f"wrong; {errors}"
        print(f"{number}, {time.monotonic() - began:.0f} s, {options}: {said}", flush=True)
    print(f"{networks} networks, {wrong} wrong")
    return int(wrong > 0)


def main(argv: list[str] | None = None) -> int:
    """Run; return 0 if all was right."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--samples", type=int)
    parser.add_argument("--networks", type=int, default=0, help="random ones, in place of designs")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--designs", nargs="+", choices=list(DESIGNS), default=list(DESIGNS))
    parser.add_argument("--simulators", nargs="+", choices=SIMULATORS, default=SIMULATORS)
    given = parser.parse_args(argv)
    if given.networks:
        return drawn(given.networks, given.seed, given.samples or 6, given.simulators[0])
    given.samples = given.samples or 500
    wrong = 0
    for design in given.designs:
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place) / "rtl"
            write_bundle(network(given.seed), folder, given.samples, given.seed, **DESIGNS[design])
            for simulator in given.simulators:
                began = time.monotonic()
                done = run(folder, simulator, ("traffic",), given.samples, given.seed)
                found = SAID.search(done.stdout)
                seconds = f"{design} {simulator}, {time.monotonic() - began:.0f} s:"
                if done.returncode or not found or int(found[1]) != given.samples:
                    wrong += 1
                    print(seconds, "wrong;", (done.stdout + done.stderr)[-600:], flush=True)
                else:
                    print(seconds, found[0], flush=True)
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
