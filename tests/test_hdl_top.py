# amaranth: UnusedElaboratable=no
"""The network top in Amaranth's own simulator: results, stream rules, published cycles."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from streams import play

from hdl import layouts
from hdl.design import layers, raw_bits
from hdl.gather import Gather
from hdl.top import NetworkTop
from mapping import Connection, Dense, Input, Network, Neuron, Population, Readout
from sim import run


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


def words(samples: list[np.ndarray], simd: int, bits: int) -> list[dict[str, int]]:
    """Return the input beats of samples, each (timesteps, inputs), one after another."""
    found = []
    for x in samples:
        count = -(-x.shape[1] // simd)
        for step, vector in enumerate(x):
            for w in range(count):
                part = vector[w * simd : (w + 1) * simd]
                data = sum(int(value) << (j * bits) for j, value in enumerate(part))
                found.append({"data": data, "first": step == 0, "last": w == count - 1})
    return found


def play_samples(network, samples, pe, simd, stalls=(0, 0), seed=0, buffers=True):
    """Run samples of any number of timesteps back to back; return the top and what it sent."""
    top = NetworkTop(layers(network, pe, simd))
    if not buffers:
        none = [[0 for _ in mine] for mine in top.schedule.buffers]
        top.schedule = replace(top.schedule, buffers=none)
    steps = sum(len(x) for x in samples)
    counts = {f"trace_{k}": steps * c.neurons for k, c in enumerate(top.cores)}
    counts["o"] = steps * top.cores[-1].neurons
    beats = words(samples, top.layers[0].edges[0].simd, network.input.bits)
    return top, play(top, {"i": beats}, counts, stalls, seed)


CHAINS = [
    ((1, 1), 1, 1, 1), ((7, 5), 1, 2, 3), ((65, 7, 3), 1, 4, 16), ((5, 1, 6), 4, 3, 2),
    ((6, 12, 1, 9), 1, 8, 5), ((20, 10, 4), 8, 3, 6), ((3, 7, 7, 2, 5), 1, 2, 3),
]  # fmt: skip


def agrees(network, samples, seen) -> None:
    """Check every population's trace, and the output, against the reference."""
    expected = [run(network, x[None]) for x in samples]
    last = len(network.populations) - 1
    for k, p in enumerate(network.populations):
        v = np.concatenate([e.v[p.name].ravel() for e in expected])
        for stream in (f"trace_{k}", *(["o"] if k == last else [])):
            assert [b["v"] for b in seen.beats[stream]] == v.tolist()
            if p.spiking:
                s = np.concatenate([e.spikes[p.name].ravel() for e in expected])
                assert [b["spike"] for b in seen.beats[stream]] == s.tolist()


@pytest.mark.parametrize(("sizes", "bits", "pe", "simd"), CHAINS)
@pytest.mark.parametrize("stalls", [(0, 0), (30, 70), (80, 10)])
def test_samples_of_different_lengths_follow_one_another(
    sizes, bits, pe, simd, stalls, rng
) -> None:
    network = chain(rng, sizes, bits, 4, silent=bool(rng.integers(2)))
    samples = [rng.integers(0, 1 << bits, (t, sizes[0])) for t in (2, 4, 1, 1, 3, 4)]
    _, seen = play_samples(network, samples, pe, simd, stalls, seed=7)
    agrees(network, samples, seen)


@pytest.mark.parametrize(("sizes", "bits", "pe", "simd"), CHAINS)
def test_cycles_and_latency_are_as_published(sizes, bits, pe, simd, rng) -> None:
    network = chain(rng, sizes, bits, 4)
    one = [rng.integers(0, 1 << bits, (1, sizes[0]))]
    top, seen = play_samples(network, one, pe, simd)
    assert seen.cycles["o"][-1] - seen.cycles["i"][0] == top.latency
    many = [rng.integers(0, 1 << bits, (4, sizes[0])) for _ in range(8)]
    top, seen = play_samples(network, many, pe, simd)
    ends = np.diff(seen.cycles["o"][sizes[-1] - 1 :: sizes[-1]])
    assert set(ends[16:].tolist()) == {top.cycles_per_timestep}, ends
    for k, core in enumerate(top.cores):
        assert max(top.layer_cycles[k]) <= top.cycles_per_timestep
        ends = np.diff(seen.cycles[f"trace_{k}"][core.neurons - 1 :: core.neurons])
        assert set(ends[16:].tolist()) == {top.cycles_per_timestep}


def test_random_foldings_keep_their_published_cycles(rng) -> None:
    """Odd sizes meet odd foldings, a different one in every layer."""
    for _ in range(12):
        sizes = rng.choice([1, 2, 3, 5, 8, 13, 20], rng.integers(2, 5)).tolist()
        bits = int(rng.choice([1, 1, 2, 5]))
        pe = rng.integers(1, 9, len(sizes) - 1).tolist()
        simd = rng.integers(1, 9, len(sizes) - 1).tolist()
        network = chain(rng, sizes, bits, 4)
        samples = [rng.integers(0, 1 << bits, (4, sizes[0])) for _ in range(7)]
        top, seen = play_samples(network, samples, pe, simd)
        ends = np.diff(seen.cycles["o"][sizes[-1] - 1 :: sizes[-1]])[16:]
        assert set(ends.tolist()) <= {top.cycles_per_timestep}, (sizes, bits, pe, simd, ends)
        top, seen = play_samples(network, [samples[0][:1]], pe, simd)
        assert seen.cycles["o"][-1] - seen.cycles["i"][0] == top.latency, (sizes, bits, pe, simd)


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
@pytest.mark.parametrize("stalls", [(0, 0), (30, 70), (80, 10)])
def test_joins_skips_and_delays(sizes, ways, bits, pe, simd, stalls, rng) -> None:
    """With buffers and without: two timesteps in every dense core are enough not to block."""
    network = graph(rng, sizes, ways, bits, 5)
    samples = [rng.integers(0, 1 << bits, (t, sizes[0])) for t in (2, 5, 1, 1, 4, 5)]
    for buffers in (True, False):
        _, seen = play_samples(network, samples, pe, simd, stalls, 3, buffers)
        agrees(network, samples, seen)


def rates(network, samples, pe, simd, buffers=True):
    """Return the top, the latency of a first timestep, and the cycles between the later ones."""
    top, seen = play_samples(network, samples, pe, simd, buffers=buffers)
    ends = seen.cycles["o"][top.cores[-1].neurons - 1 :: top.cores[-1].neurons]
    return top, ends[0] - seen.cycles["i"][0], np.diff(ends)[1:]


@pytest.mark.parametrize(("sizes", "ways", "bits", "pe", "simd"), GRAPHS)
def test_joins_keep_their_published_cycles(sizes, ways, bits, pe, simd, rng) -> None:
    network = graph(rng, sizes, ways, bits, 5)
    samples = [rng.integers(0, 1 << bits, (5, sizes[0])) for _ in range(8)]
    top, latency, gaps = rates(network, samples, pe, simd)
    assert latency == top.latency
    assert len(gaps) > top.schedule.settles + 8
    assert set(gaps[top.schedule.settles :].tolist()) == {top.cycles_per_timestep}


def test_a_long_skip_runs_at_full_rate_thanks_to_its_buffer(rng) -> None:
    sizes, ways, bits, pe, simd = GRAPHS[2]
    network = graph(rng, sizes, ways, bits, 5)
    samples = [rng.integers(0, 1 << bits, (5, sizes[0])) for _ in range(6)]
    top, _, gaps = rates(network, samples, pe, simd)
    assert top.schedule.buffers[:3] == [[0], [0], [0]] and min(top.schedule.buffers[3][1:]) > 2
    _, _, slow = rates(network, samples, pe, simd, buffers=False)
    assert gaps[-1] == top.cycles_per_timestep < slow[-8:].mean()


def test_connections_of_a_population_share_its_pe_and_those_of_the_input_its_words(rng) -> None:
    network = graph(rng, (9, 5, 4), [[(-1, 0)], [(0, 0), (-1, 0)]], 1, 2)
    plan = layers(network, [4, 3], [6, 2])
    assert [[(e.pe, e.simd, e.tail) for e in p.edges] for p in plan] == [
        [(4, 6, "low")], [(3, 2, "high"), (3, 6, "low")]
    ]  # fmt: skip


def test_outputs_do_not_wait_for_ready(rng) -> None:
    from amaranth.sim import Simulator

    network = chain(rng, (4, 3, 2), 1, 2)
    top = NetworkTop(layers(network, 1, 2))
    beats = words([rng.integers(0, 2, (1, 4))], 2, 1)
    seen = []

    async def bench(ctx) -> None:
        ctx.set(top.o.ready, 0)
        for beat in beats:
            ctx.set(top.i.payload, beat)
            ctx.set(top.i.valid, 1)
            await ctx.tick().until(top.i.ready)
        ctx.set(top.i.valid, 0)
        for _ in range(200):
            seen.append(ctx.get(top.o.valid))
            await ctx.tick()

    simulator = Simulator(top)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert seen[-1] == 1 and seen == sorted(seen)  # it comes, and it stays


@pytest.mark.parametrize("simd", [1, 2, 3, 8])
@pytest.mark.parametrize("stalls", [(0, 0), (40, 60)])
def test_gather_fills_words_from_the_top(simd, stalls, rng) -> None:
    count, steps = 7, 5
    layout = layouts.neurons(count, 4)
    spikes = rng.integers(0, 2, (steps, count))
    beats = [
        {"index": n, "v": -3, "spike": int(s), "first": t == 0, "last": n == count - 1}
        for t, row in enumerate(spikes)
        for n, s in enumerate(row)
    ]
    size = -(-count // simd)
    dut = Gather(simd, layout)
    seen = play(dut, {"i": beats}, {"o": size * steps}, stalls)
    want = []
    for t, row in enumerate(spikes):
        for w in range(size):
            part = row[w * simd : (w + 1) * simd]
            shift = simd - len(part)  # a partial word stands in the high bits
            data = sum(int(s) << (j + shift) for j, s in enumerate(part))
            want.append({"data": data, "first": int(t == 0), "last": int(w == size - 1)})
    if count % simd:
        mask = ((1 << count % simd) - 1) << (simd - count % simd)
    for found, word in zip(seen.beats["o"], want, strict=True):
        if word["last"] and count % simd:
            found = {**found, "data": found["data"] & mask}
        assert found == word
    if stalls == (0, 0):
        assert seen.cycles["o"][0] - seen.cycles["i"][min(simd, count) - 1] == Gather.latency


def test_one_folding_per_layer_is_kept_within_the_layer(rng) -> None:
    network = chain(rng, (12, 9, 2), 1, 2)
    plan = layers(network, [4, 30], [5, 7])
    assert [(p.pe, p.edges[0].simd) for p in plan] == [(4, 5), (2, 7)]
    for wrong, sentence in [([1], "PE must be one number or 2"), (0, "PE must be between 1")]:
        with pytest.raises(ValueError, match=sentence):
            layers(network, wrong)
    with pytest.raises(TypeError, match="SIMD must be an integer, not 2.5"):
        layers(network, 1, 2.5)


def test_widths_are_those_of_the_facts(rng) -> None:
    network = chain(rng, (30, 9, 2), 5, 4)
    for layer, p in zip(layers(network), network.populations, strict=True):
        facts = network.facts[p.name]
        assert layer.widths.v == facts.v.bits and layer.widths.state == facts.state.bits
        assert layer.widths.drive == facts.drive.bits and layer.widths.scaled == facts.scaled.bits
        planes = 5 if p.name == network.populations[0].name else 1
        assert layer.widths.raw == (raw_bits(p.connections[0].op, planes),)
