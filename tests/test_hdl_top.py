# amaranth: UnusedElaboratable=no
"""The network top in Amaranth's own simulator: results, stream rules, published cycles."""

from __future__ import annotations

import numpy as np
import pytest
from simulated import agrees

from hdl.plan import plan
from mapping import Connection, Dense, Input, Network, Neuron, Population, Readout


def chain(rng, sizes, bits: int, steps: int, silent: bool = False) -> Network:
    """Draw a chain of populations whose every number may differ per channel."""
    names = ["input", *(f"p{k}" for k in range(len(sizes) - 1))]
    populations = []
    for k, (n, m) in enumerate(zip(sizes[:-1], sizes[1:], strict=True)):
        op = Dense(rng.choice([-1, 1], (m, n)))
        edge = Connection(names[k], op, gain=4, bias=rng.integers(-5, 9, m))
        quiet = silent and k == len(sizes) - 2
        neuron = Neuron(
            1, 0 if quiet else 1,
            threshold=None if quiet else rng.integers(-3, 3 + 2 * n, m),
            v_reset=rng.integers(-3, 4, m), v_init=rng.integers(-3, 4, m),
            reset="none" if rng.random() < 0.2 else "zero",
        )  # fmt: skip
        populations.append(Population(names[k + 1], (edge,), neuron))
    kind = "membrane" if silent else "count"
    return Network(Input((sizes[0],), bits), tuple(populations), Readout(names[-1], kind), steps)


def graph(rng, sizes, ways, bits: int, steps: int) -> Network:
    """Draw a network whose population k reads (source, delay) for each of ways[k]; -1: input."""
    names = ["input", *(f"p{k}" for k in range(len(ways)))]
    populations = []
    for k, mine in enumerate(ways):
        m = sizes[k + 1]
        edges = tuple(
            Connection(
                names[s + 1], Dense(rng.choice([-1, 1], (m, sizes[s + 1]))),
                gain=rng.integers(1, 5, m), bias=rng.integers(-5, 9, m), delay=d,
            )
            for s, d in mine
        )  # fmt: skip
        neuron = Neuron(1, 1, threshold=rng.integers(-3, 3 + 2 * sizes[k], m), v_reset=-1)
        populations.append(Population(names[k + 1], edges, neuron))
    return Network(Input((sizes[0],), bits), tuple(populations), Readout(names[-1]), steps)


CHAINS = [
    ((1, 1), 1, 1, 1), ((7, 5), 1, 2, 3), ((65, 7, 3), 1, 4, 16), ((5, 1, 6), 4, 3, 2),
    ((6, 12, 1, 9), 1, 8, 5), ((20, 10, 4), 8, 3, 6), ((3, 7, 7, 2, 5), 1, 2, 3),
]  # fmt: skip


#: Block, timesteps in parallel, lanes: of 4 timesteps.
CUTS = [(1, 1), (4, 1), (4, 2), (3, 1), (2, 2)]


def lanes(sizes, pe: int) -> list[int]:
    """Return for each population the most lanes that divide its neurons and its PE."""
    return [
        max(d for d in range(1, min(pe, m) + 1) if m % d == 0 and min(pe, m) % d == 0)
        for m in sizes[1:]
    ]


@pytest.mark.parametrize(("sizes", "bits", "pe", "simd"), CHAINS)
@pytest.mark.parametrize("cut", CUTS)
def test_chains_of_every_block_equal_the_reference(sizes, bits, pe, simd, cut, rng) -> None:
    network = chain(rng, sizes, bits, 4, silent=bool(rng.integers(2)))
    few = [x for x in range(1, 5) if (4 - x) % cut[0] == 0]  # whole blocks
    samples = [rng.integers(0, 1 << bits, (t, sizes[0])) for t in (4, few[0], 4, few[-1])]
    for wide, stalls in ((False, (30, 70)), (True, (0, 0))):
        made = plan(network, pe, simd, lanes(sizes, pe) if wide else None, *cut)
        agrees(network, made, samples, stalls, seed=7)


@pytest.mark.parametrize(("sizes", "bits", "pe", "simd"), CHAINS[1:5])
@pytest.mark.parametrize("cut", CUTS)
def test_cycles_and_latency_are_as_planned(sizes, bits, pe, simd, cut, rng) -> None:
    network = chain(rng, sizes, bits, 4)
    made = plan(network, pe, simd, None, *cut)
    samples = [rng.integers(0, 1 << bits, (4, sizes[0])) for _ in range(6)]
    streams = agrees(network, made, samples).streams
    per_sample = len(streams.out) // len(samples)
    ends = streams.out_cycles[per_sample - 1 :: per_sample]
    assert ends[0] - streams.in_cycles[0] == made.timing.latency
    assert made.timing.settles < 4
    assert set(np.diff(ends)[made.timing.settles :]) == {made.timing.cycles}
    slowest = max(p.cycles(False) for p in made.populations)
    assert made.timing.cycles >= (made.blocks.count - 1) * slowest


def test_a_direct_coded_input_comes_once_a_sample(rng) -> None:
    op = Dense(rng.choice([-1, 1], (6, 5)))
    for delay, block in ((0, 1), (0, 4), (2, 1), (2, 4), (1, 3)):
        edge = Connection("input", op, gain=2, bias=rng.integers(-4, 5, 6), delay=delay)
        near = Connection("input", Dense(rng.choice([-1, 1], (6, 5))))
        neuron = Neuron(1, 1, threshold=rng.integers(1, 40, 6))
        network = Network(
            Input((5,), bits=4, coding="direct"), (Population("a", (edge, near), neuron),),
            Readout("a"), 4,
        )  # fmt: skip
        made = plan(network, 3, 2, 3, block)
        assert made.enter.beats == 3  # words of one tensor, whatever T
        samples = [np.repeat(rng.integers(0, 16, (1, 5)), 4, axis=0) for _ in range(3)]
        agrees(network, made, samples, (20, 40))


#: Sizes, what each population reads (source, delay; -1 is the input), input bits, PE, SIMD.
GRAPHS = [
    ((4, 3), [[(-1, 0), (-1, 0)]], 1, 2, 3),
    ((9, 5, 4), [[(-1, 0)], [(0, 0), (-1, 0)]], 3, 2, 4),
    ((7, 6, 8, 5, 3), [[(-1, 0)], [(0, 0)], [(1, 0)], [(2, 0), (0, 0), (-1, 0)]], 1, 1, 2),
    ((3, 1, 1, 1, 2), [[(-1, 0)], [(0, 0)], [(1, 0)], [(2, 0), (0, 0)]], 2, 4, 1),
    ((5, 6, 6, 6, 4), [[(-1, 0)], [(0, 0)], [(0, 0)], [(1, 0), (2, 0)]], 1, [1, 6, 2, 3], 3),
    ((6, 5, 4), [[(-1, 3)], [(0, 1), (0, 2), (-1, 1)]], 4, 2, [5, 2]),
    ((3, 5, 5), [[(-1, 0)], [(0, 0)]], 1, [5, 4], 3),  # a chain that takes 3 timesteps to settle
    ((10, 3, 2), [[(-1, 1), (-1, 0)], [(0, 0)]], 1, 3, [1, 3]),  # a buffer decides the latency
    ((4, 3, 5, 2, 3), [[(-1, 0)], [(-1, 1)], [(0, 0)], [(1, 0), (0, 5)]], 1, 2, 2),
]


@pytest.mark.parametrize(("sizes", "ways", "bits", "pe", "simd"), GRAPHS)
@pytest.mark.parametrize("block", [1, 2, 5])
def test_joins_skips_and_delays(sizes, ways, bits, pe, simd, block, rng) -> None:
    network = graph(rng, sizes, ways, bits, 5)
    made = plan(network, pe, simd, None, block)
    lengths = [n for n in (5, 1, 3, 5) if (5 - n) % block == 0]
    samples = [rng.integers(0, 1 << bits, (t, sizes[0])) for t in lengths]
    agrees(network, made, samples, (30, 70), 3)
    whole = [x for x in samples if len(x) == 5] * 4
    streams = agrees(network, made, whole).streams
    per_sample = len(streams.out) // len(whole)
    ends = streams.out_cycles[per_sample - 1 :: per_sample]
    assert ends[0] - streams.in_cycles[0] == made.timing.latency
    assert set(np.diff(ends)[made.timing.settles :]) <= {made.timing.cycles}


def circle(rng: np.random.Generator, delays: tuple[int, int], size: int) -> Network:
    """Return two populations that hear the second one late; the input has ``size`` elements."""
    first = Population(
        "a",
        (
            Connection("input", Dense(rng.choice([-1, 1], (6, size))), gain=2, bias=3),
            Connection("b", Dense(rng.choice([-1, 1], (6, 5))), delay=delays[0]),
        ),
        Neuron(1, 1, threshold=rng.integers(1, 9, 6)),
    )
    second = Population(
        "b",
        (
            Connection("a", Dense(rng.choice([-1, 1], (5, 6))), bias=1),
            Connection("b", Dense(rng.choice([-1, 1], (5, 5))), delay=delays[1]),
        ),
        Neuron(1, 1, threshold=rng.integers(1, 6, 5)),
    )
    return Network(Input((size,)), (first, second), Readout("b"), 6)


@pytest.mark.parametrize(("delays", "block"), [((1, 1), 1), ((2, 3), 1), ((2, 2), 2), ((6, 4), 3)])
def test_connections_back(delays, block, rng) -> None:
    """One to itself, one to an earlier population."""
    network = circle(rng, delays, 4)
    made = plan(network, 2, 3, None, block)
    samples = [rng.integers(0, 2, (t, 4)) for t in (6, 6, 3, 6)]
    agrees(network, made, samples, (30, 50), 5)
    agrees(network, made, samples)


def test_widths_are_those_of_the_facts(rng) -> None:
    network = chain(rng, (30, 9, 2), 5, 4)
    for made, p in zip(plan(network).populations, network.populations, strict=True):
        facts = network.facts[p.name]
        widths = made.widths
        assert (widths.v, widths.state) == (facts.v.bits, facts.state.bits)
        assert (widths.drive, widths.scaled) == (facts.drive.bits, facts.scaled.bits)
        planes = 5 if p.name == network.populations[0].name else 1
        # sum of 2**b * popcount: at most fan-in times 2**planes - 1
        most = p.connections[0].op.weights.shape[1] * ((1 << planes) - 1)
        assert widths.raw == (most.bit_length(),)
