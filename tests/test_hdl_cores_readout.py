# amaranth: UnusedElaboratable=no
"""Read-out: classes, scores and ties of every kind, in every order of beats, cut samples between.

What must come is computed by the reference's own read-out (``sim.trace.scores``).
"""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np
import pytest
from clocked import Bench, clocked, joined, lanes
from hypothesis import given, settings
from hypothesis import strategies as st

from hdl.answers import reading
from hdl.cores.argmax import highest, levels
from hdl.cores.neuron import Order
from hdl.cores.readout import ReadoutUnit
from hdl.streams import Blocks
from mapping import Connection, Dense, Input, Network, Neuron, Population, Readout
from sim.trace import scores

#: Bits of a membrane; its values are few, so that many are equal.
V = 4


@dataclass(frozen=True)
class Case:
    """A read-out, and the order in which its population comes."""

    readout: Readout
    order: Order
    spiking: bool
    stop: bool

    @property
    def network(self) -> Network:
        """A network with that read-out."""
        n, steps = self.order.neurons, self.order.blocks.timesteps
        edge = Connection("input", Dense(np.ones((n, 3), np.int8)), gain=2)
        neuron = Neuron(threshold=1 if self.spiking else None, reset="none")
        return Network(Input((3,)), (Population("a", (edge,), neuron),), self.readout, steps)

    def beats(self, block: int) -> list[tuple[int, int]]:
        """Return timestep and first neuron of every beat of a block."""
        o, b = self.order, self.order.blocks
        start = b.first + (block - 1) * b.block if block else 0
        stop = b.first + block * b.block
        return [
            (t, n)
            for at in range(0, o.neurons, o.tile)
            for t in range(start, stop)
            for n in range(at, min(at + o.tile, o.neurons), o.lanes)
        ]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    width = draw(st.integers(1, 5))
    neurons = width * draw(st.integers(1, 4))
    tile = width * draw(st.integers(1, neurons // width))
    steps = draw(st.integers(1, 6))
    block = draw(st.integers(1, steps))
    blocks = Blocks(steps, block)
    parallel = draw(st.sampled_from([p for p in range(1, block + 1) if block % p == 0]))
    if blocks.first % parallel == 0:
        blocks = Blocks(steps, block, parallel)
    kind = draw(st.sampled_from(["count", "membrane", "first_spike"]))
    fallback = draw(st.sampled_from([None, "membrane"])) if kind == "first_spike" else None
    step = None
    if kind == "membrane" or fallback:
        step = draw(st.one_of(st.none(), st.integers(0, steps - 1)))
    spiking = kind == "first_spike" or draw(st.booleans())
    stop = kind == "first_spike" and blocks.count > 1 and draw(st.booleans())
    order = Order(neurons, width, tile, blocks, 1)
    return Case(Readout("a", kind, fallback, step), order, spiking, stop)


def right(case: Case, spikes: np.ndarray, v: np.ndarray) -> tuple[int, int, int]:
    """Return class, score and whether a spike decided."""
    (found,) = scores(case.network, {"a": spikes[None]} if case.spiking else {}, {"a": v[None]})
    called = int(found.argmax())
    fired = case.readout.kind == "first_spike" and bool(spikes.any())
    return called, len(spikes) - int(found[called]) if fired else int(found[called]), int(fired)


def agrees(case: Case, seed: int) -> None:
    """Send samples, some of them cut, and compare every answer and its latency."""
    rng = random.Random(seed)
    o, blocks = case.order, case.order.blocks
    made = reading([case.network], blocks, case.stop)
    made = made.__class__(**{**vars(made), "bits": 9})  # of any membranes of V bits
    share = rng.choice((0.02, 0.2, 0.6))
    sent: list[list[dict[str, int]]] = []  # beats, block by block
    want: list[tuple[int, int, int] | None] = []
    for _ in range(rng.randrange(1, 6)):
        count = rng.randrange(1, blocks.count + 1)
        ends = rng.random() < 0.7  # else it is cut
        steps = blocks.first + (count - 1) * blocks.block
        v = np.array([[rng.randrange(-4, 4) for _ in range(o.neurons)] for _ in range(steps)])
        spikes = np.array([[rng.random() < share for _ in range(o.neurons)] for _ in range(steps)])
        decided = False
        for block in range(count):
            final = ends and block == count - 1
            rows = case.beats(block)
            sent.append([
                {
                    "valid": 1, "index": n // o.lanes, "end": n + o.lanes == o.neurons,
                    "v": joined(v[t, n : n + o.lanes], V),
                    "spike": joined(spikes[t, n : n + o.lanes], 1) if case.spiking else 0,
                    "starts": t == 0, "final": final and t == steps - 1, "first": block == 0,
                }
                for t, n in rows
            ])  # fmt: skip
            so_far = 1 + max(t for t, _ in rows)
            early = case.stop and spikes[:so_far].any()
            answer = (final or early) and not decided
            want.append(right(case, spikes[:so_far], v[:so_far]) if answer else None)
            decided |= answer
    bubbles = rng.choice((0, 0.5))
    fields = made.ports

    def bench() -> Bench[list[tuple[int, tuple[int, int, int] | None]]]:
        found: list[tuple[int, tuple[int, int, int] | None]] = []
        ended = []
        stream = [(beat, k == len(b) - 1) for b in sent for k, beat in enumerate(b)]
        cycle = 0
        while stream or len(found) < len(ended):
            given = {name: rng.getrandbits(1) for name in ("index", "end", "starts", "final")}
            given = {**given, "v": rng.getrandbits(o.lanes * V), "spike": 1, "valid": 0}
            if stream and rng.random() >= bubbles:
                given, last = stream.pop(0)
                if last:
                    ended.append(cycle)
            seen = yield {name: int(value) for name, value in given.items()}
            if seen["ended"]:
                late = cycle - ended[len(found)]
                data, values = seen["data"], []
                for name, bits in fields.items():
                    (value,) = lanes(data, bits, 1, name == "score")
                    values.append(value)
                    data >>= bits
                values += [0] * (3 - len(values))
                found.append((late, tuple(values) if data else None))
            cycle += 1
            assert cycle < 5000
        return found

    found = clocked(ReadoutUnit(made, o, V), bench())
    assert [answer for _, answer in found] == want, f"seed {seed}"
    assert {late for late, _ in found} == {made.latency(o.lanes)}


@given(case=cases(), seed=st.integers(0, 1 << 32))
@settings(max_examples=60, deadline=None)
def test_classes_and_scores_are_those_of_the_reference(case: Case, seed: int) -> None:
    agrees(case, seed)


#: Neurons, lanes, tile, timesteps, block, timesteps in parallel.
SHAPES = [(6, 1, 2, 5, 1, 1), (6, 1, 2, 6, 2, 1), (7, 1, 3, 5, 3, 1), (6, 3, 3, 6, 6, 2),
          (5, 5, 5, 4, 1, 1), (8, 2, 4, 7, 4, 1)]  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("kind", ["count", "membrane", "first_spike"])
def test_read_outs_in_every_order(kind: str, shape, seed) -> None:
    neurons, width, tile, steps, block, parallel = shape
    order = Order(neurons, width, tile, Blocks(steps, block, parallel), 1)
    for round in range(6):
        fallback = "membrane" if kind == "first_spike" and round % 2 else None
        step = round % steps if kind == "membrane" or fallback else None
        stop = kind == "first_spike" and block < steps and round % 3 > 0
        agrees(Case(Readout("a", kind, fallback, step), order, True, stop), seed + round)


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8])
def test_of_equal_values_the_first_is_kept(count, rng) -> None:
    from amaranth.hdl import Module, Signal, signed
    from amaranth.lib import wiring
    from amaranth.lib.wiring import In, Out

    class Largest(wiring.Component):
        def __init__(self) -> None:
            super().__init__({"x": In(3 * count), "value": Out(signed(3)), "place": Out(4)})

        def elaborate(self, platform: object) -> Module:
            m = Module()
            values = [Signal(signed(3), name=f"x{k}") for k in range(count)]
            m.d.comb += [v.eq(self.x[3 * k : 3 * k + 3]) for k, v in enumerate(values)]
            value, place = highest(m, values, "largest")
            m.d.comb += [self.value.eq(value), self.place.eq(place)]
            return m

    drawn = rng.integers(-4, 4, (200, count))
    drawn[0], drawn[1] = 3, -4

    def bench() -> Bench[list[tuple[int, int]]]:
        seen = []
        for row in [*drawn, *drawn[: levels(count)]]:
            now = yield {"x": joined(row, 3)}
            seen.append((now["value"], now["place"]))
        return seen[levels(count) :]

    want = [(int(row.max()), int(row.argmax())) for row in drawn]
    assert clocked(Largest(), bench()) == want


def test_what_cannot_stop_is_refused_by_name() -> None:
    edge = Connection("input", Dense(np.ones((2, 3), np.int8)))
    population = Population("a", (edge,), Neuron(threshold=1))
    counts = Network(Input((3,)), (population,), Readout("a"), 4)
    first = Network(Input((3,)), (population,), Readout("a", "first_spike"), 4)
    direct = Network(Input((3,), 2, coding="direct"), (population,), first.readout, 4)
    for network, blocks, why in (
        (counts, Blocks(4), "the read-out of 'a' is 'count'"),
        (direct, Blocks(4), "a direct-coded one comes at once"),
        (first, Blocks(4, 4), "a block of 4 timesteps is a whole one"),
    ):
        with pytest.raises(ValueError, match=why):
            reading([network], blocks, True)
    with pytest.raises(ValueError, match="must share their read-out"):
        reading([counts, first], Blocks(4), False)
    assert reading([first], Blocks(4, 3), True).stop
