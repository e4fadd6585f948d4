"""Malformed input under CXXRTL: after each, the next whole sample is exact, and the error right.

    python tests/protocol_faults.py [--faults 10000] [--seed 0]

Several designs (one timestep a block, several, all; a direct-coded input; delays, a connection
back; classes that are read out, samples that stop) get what ``sim/backends/malformed.py`` sends
after every run of ``rtl``, many times: one to three malformed samples, some of them with a reset of
one cycle between two beats, streams stalling at random, and then a whole sample.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator

import numpy as np

from hdl.verilog import emit
from mapping import Connection, Dense, Input, Network, Neuron, Population, Readout
from mapping.coding import encode
from sim import run
from sim.backends import malformed
from sim.engines import cxxrtl


def networks(seed: int) -> Iterator[tuple[str, Network, dict]]:
    """Yield what is tried: a name, a network, and the options of its design."""
    rng = np.random.default_rng(seed)

    def edge(source: str, size: int, fan: int, delay: int = 0) -> Connection:
        return Connection(source, Dense(rng.choice([-1, 1], (size, fan))), gain=2, delay=delay)

    def neuron(size: int) -> Neuron:
        return Neuron(1, 1, threshold=rng.integers(1, 9, size))

    for name, enter, more, options in (
        ("timesteps one by one", Input((9,)), (), {}),
        ("blocks, the first one short", Input((9,)), (), {"block": 4}),
        ("whole samples", Input((9,), bits=2), (), {"block": 6, "parallel": 2}),
        ("direct-coded", Input((9,), bits=3, coding="direct"), (), {}),
        ("a delay", Input((9,)), (edge("input", 5, 9, 2),), {}),
        ("a connection back", Input((9,)), (edge("b", 5, 5, 2),), {"block": 2}),
        ("all at once", Input((9,)), (), {"pe": 64, "simd": 64, "lanes": [6, 5]}),
        ("classes", Input((9,)), (), {"classes": True}),
        ("samples that stop", Input((9,)), (), {"stop": True}),
        ("short blocks that stop", Input((9,)), (edge("b", 5, 5, 2),), {"stop": True, "block": 2}),
    ):
        first = Population("a", (edge("input", 6, 9),), neuron(6))
        second = Population("b", (edge("a", 5, 6), *more), neuron(5))
        kind = "first_spike" if "stop" in options else "count"
        network = Network(enter, (first, second), Readout("b", kind), 6)
        yield name, network, {"pe": 3, "simd": 4, **options}


def main(argv: list[str] | None = None) -> int:
    """Run; return 0 if all was right."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--faults", type=int, default=10_000, help="malformed inputs, in all")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(argv)
    print(f"--seed {given.seed}", flush=True)
    tried = list(networks(given.seed))
    wrong = 0
    for number, (name, network, options) in enumerate(tried):
        made = emit(network, **options)
        shape = (8, 9) if made.plan.constant else (8, 6, 9)
        inputs = np.random.default_rng([given.seed, number]).integers(
            0, network.input.top + 1, shape
        )
        trace = run(network, inputs)
        expected = {
            p.name: list(zip(trace.spikes[p.name], trace.v[p.name], strict=True))
            for p in network.populations
        }
        x = encode(network.input, inputs, network.timesteps)
        library = cxxrtl.build(made.verilog, made.manifest, made.files)
        kinds: Counter[str] = Counter()
        errors: Counter[str] = Counter()
        with cxxrtl.Simulation(library, made.manifest) as device:
            for k in range(-(-given.faults // len(tried))):
                seed = (given.seed * len(tried) + number) * 10**6 + k
                try:
                    sent, raised = malformed.check(
                        network, x, expected, device, made.manifest, seed, 1
                    )
                except malformed.ProtocolError as error:
                    wrong += 1
                    if wrong < 10:
                        print(f"{name}, number {k}: {error}")
                    continue
                kinds.update(sent)
                errors.update(raised)
        print(f"{name}: {dict(kinds)}; error bits {dict(errors)}", flush=True)
    print(f"{given.faults:,} malformed inputs, {wrong} wrong")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
