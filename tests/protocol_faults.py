"""Malformed input under CXXRTL: after each, the next whole sample is exact, and the error right.

    python tests/protocol_faults.py [--faults 10000] [--seed 0]

Several designs (one timestep a block, several, all; a direct-coded input; delays, a connection
back; classes that are read out, samples that stop) get one to three malformed samples each time,
some of them with a reset of one cycle between two beats, streams stalling at random, and then a
whole sample. What must come of it is said by ``hdl/testbench/protocol.py``, which knows nothing of
the hardware: how many blocks go on, and which error bits are set. A design that stops runs some of
these blocks, its trace says how many, and every answer must be what its trace says.
"""

from __future__ import annotations

import argparse
import importlib
import random
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from hdl.verilog import Emitted, emit
from mapping import Connection, Dense, Input, Network, Neuron, Population, Readout
from mapping.coding import encode
from sim import run
from sim.backends import answers, beats, decoded
from sim.backends.decoded import wanted
from sim.engines import cxxrtl

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "hdl" / "testbench"))
KINDS = importlib.import_module("malformed").KINDS
Beat, Rules = (getattr(importlib.import_module("protocol"), n) for n in ("Beat", "Rules"))


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


def sample_beats(data: np.ndarray, flags: np.ndarray, sample: int) -> list[Beat]:
    """Return a sample's beats as the rules know them; their data stay in the array."""
    return [
        Beat(k, bool(flag & beats.FIRST), bool(flag & beats.LAST), sample, k)
        for k, flag in enumerate(flags)
    ]


def attempt(
    rng: random.Random,
    made: Emitted,
    device: cxxrtl.Simulation,
    samples: list,
    expected: dict,
    network: Network,
) -> tuple[list[str], set[str]]:
    """Send malformed samples and a whole one; return what was sent, and the errors raised.

    Raises
    ------
        AssertionError, ProtocolError: something differs from what must come.
    """
    told = made.manifest
    data, flags = samples[0]
    enter = told["input"]
    sizes = enter["beats_per_block"], enter["beats_of_first_block"]
    blocks = 1 if enter["constant"] else -(-told["timesteps"] // told["block"])
    ends = [sizes[1] - 1 + k * sizes[0] for k in range(blocks)]
    sent: list[Beat] = []
    kinds = []
    for _ in range(rng.randrange(1, 4)):
        kind = rng.choice(KINDS)
        sample = rng.randrange(len(samples))
        mistake = kind(rng, sample_beats(*samples[sample], sample), ends)
        if mistake is not None:
            kinds.append(kind.__name__)
            sent += mistake
    whole = rng.randrange(len(samples))
    at = len(sent)
    sent += sample_beats(*samples[whole], whole)
    reset = rng.randrange(1, at) if at > 1 and rng.random() < 0.3 else None
    rules = Rules(sizes[0], sizes[1], blocks)
    for beat in sent[reset or 0 :]:
        rules.take(beat)
    if reset is not None:
        kinds.append("a reset")
    array = np.stack([samples[b.sample][0][b.data] for b in sent])
    marks = np.array([b.first * beats.FIRST | b.last * beats.LAST for b in sent], np.uint8)
    if reset is not None:
        marks[reset] |= beats.RESET
    first, block = told["block_first"], told["block"]
    steps = [first + (r.blocks - 1) * block for r in rules.runs if r.blocks]
    if enter["constant"]:
        steps = [told["timesteps"] for _ in steps]
    want = wanted(steps, told)
    if decoded.reads(told):  # without a last block no answer, but of a sample that stops
        ends = [r.ended for r in rules.runs if r.blocks]
        want["o"] = None if decoded.stops(told) else sum(ends)
    stalls = (rng.choice((0, 30, 80)), rng.choice((0, 30, 80)))
    streams = device.run(array, marks, want, rng.getrandbits(31), stalls)
    raised = {n for k, n in enumerate(told["errors"]) if streams.error >> k & 1}
    assert raised == rules.errors, f"error bits {sorted(raised)}, not {sorted(rules.errors)}"
    if decoded.reads(told):
        steps = answered(streams, network, told, steps, ends)
    for p in told["populations"]:
        count = len(beats.rows(p, p["neurons"], steps[-1], told))
        ports = {name: found[-count:] for name, found in streams.taps[p["trace"]].items()}
        ((spikes, v),) = beats.neurons(ports, p, steps[-1:], told)
        for what, got, right in (("spikes", spikes, expected[p["name"]][0][whole][: steps[-1]]),
                                 ("v", v, expected[p["name"]][1][whole][: steps[-1]])):  # fmt: skip
            assert (got == right).all(), f"{what} of {p['name']!r} differ in the whole sample"
    return kinds, raised


def answered(
    streams: cxxrtl.Streams, network: Network, told: dict, steps: list[int], ends: list[bool]
) -> list[int]:
    """Check every answer against the trace; return the timesteps that samples ran."""
    p = next(p for p in told["populations"] if p["name"] == network.readout.source)
    ports, sent = streams.taps[p["trace"]], steps
    if decoded.stops(told):
        steps = answers.stopped(ports, p, steps, told)
    ran = beats.neurons(ports, p, steps, told)
    decided = [
        (end and now == was) or (decoded.stops(told) and spikes.any())
        for (spikes, _), end, was, now in zip(ran, ends, sent, steps, strict=True)
    ]
    got = answers.told(streams, told["output"])
    answers.check(network, got, [r for r, d in zip(ran, decided, strict=True) if d], p["name"])
    return steps


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
        rng = random.Random(given.seed * 1000 + number)
        shape = (8, 9) if made.plan.constant else (8, 6, 9)
        inputs = np.random.default_rng([given.seed, number]).integers(
            0, network.input.top + 1, shape
        )
        trace = run(network, inputs)
        expected = {p.name: (trace.spikes[p.name], trace.v[p.name]) for p in network.populations}
        x = encode(network.input, inputs, network.timesteps)
        samples = [beats.input_beats(one[None], made.manifest) for one in x]
        library = cxxrtl.build(made.verilog, made.manifest, made.files)
        kinds: Counter[str] = Counter()
        errors: Counter[str] = Counter()
        with cxxrtl.Simulation(library, made.manifest) as device:
            for k in range(-(-given.faults // len(tried))):
                try:
                    sent, raised = attempt(rng, made, device, samples, expected, network)
                except (AssertionError, cxxrtl.ProtocolError) as error:
                    wrong += 1
                    if wrong < 10:
                        print(f"{name}, number {k}: {error}")
                    continue
                kinds.update(sent)
                errors.update(raised or {"none"})
        print(f"{name}: {dict(kinds)}; error bits {dict(errors)}", flush=True)
    print(f"{given.faults:,} malformed inputs, {wrong} wrong")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
