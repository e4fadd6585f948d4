"""The lava-stock backend equals the reference in every spike that it gives; else it refuses."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import needs
import numpy as np
import pytest
from lava_networks import draw_stock, draw_stock_maps, signs

from lava_procs import running, shim, stock
from lava_procs.sharing import shared
from lava_procs.stock_plan import plan
from mapping import Connection, Dense, Input, Network, Neuron, Population, Readout, fold
from mapping.value import Unsupported
from sim import run
from sim.campaign.generate.trained_dense import draw_trained
from sim.campaign.stimuli import random_inputs, stimuli
from sim.compare import compare
from sim.verify import threshold_hits

pytestmark = pytest.mark.lava


#: What connections of stock Lava can be.
KINDS = ("conv", "dense", "sparse", "relay", "late", "graded")


@pytest.fixture(autouse=True)
def lava() -> None:
    needs.package("lava")


def chain(rng: np.random.Generator, sizes: tuple[int, ...], steps: int, **fields) -> Network:
    """Return a chain of integrate-and-fire populations with biases, of these sizes."""
    populations, source = [], "input"
    for k, (fan, out) in enumerate(zip(sizes, sizes[1:], strict=False)):
        edge = Connection(source, signs(rng, out, fan), bias=rng.integers(-1, 2, out))
        populations.append(Population(f"p{k}", (edge,), Neuron(threshold=2)))
        source = f"p{k}"
    return Network(Input((sizes[0],), **fields), tuple(populations), Readout(source), steps)


def check(network: Network, x: np.ndarray) -> int:
    """Compare with the reference, every spiking population; return the values compared."""
    expected, trace = run(network, x), run(network, x, "lava-stock")
    found = compare(expected, trace)
    assert list(trace.spikes) == [p.name for p in network.populations if p.spiking]
    assert not trace.v and all(c.compared is None for c in found.v.values())
    return found.compared


@pytest.mark.slow
def test_random_networks(seed: int) -> None:
    """Draw until 16 networks are certified; each must fire as the reference does."""
    certified = refused = values = hits = joins = leaky = graded = 0
    index = seed
    while certified < 16:
        network = draw_stock(index)
        index += 1
        try:
            planned = plan(network)
        except Unsupported:
            refused += 1
            continue
        x = stimuli(network, 8, index)
        values += check(network, x)
        hits += threshold_hits(run(network, x))
        certified += 1
        joins += any(c.delay for p in planned for c in p.connections)
        leaky += any(0 < p.dv and p.memory for p in planned)
        graded += network.input.bits > 1
    print(f"{certified} certified, {refused} refused, {values} spikes, {hits} on a threshold")
    print(f"{joins} with delay lines, {leaky} leaky, {graded} with p-bit inputs")
    assert refused < 24 and hits > 100 and min(joins, leaky, graded) >= 2


@pytest.mark.slow
def test_random_networks_of_maps(seed: int) -> None:
    """Every kind of stock Process takes part, and every network fires as the reference does."""
    kinds: Counter[str] = Counter()
    values = refused = index = 0
    while min(kinds[k] for k in KINDS) < 2 and index < 60:
        network = draw_stock_maps(seed + index)
        index += 1
        try:
            planned = plan(network)
        except Unsupported:
            refused += 1
            continue
        values += check(network, stimuli(network, 4, seed + index))
        for c in (c for p in planned for c in p.connections):
            kinds[c.kind] += 1
            kinds["relay"] += c.relay is not None
            kinds["late"] += c.kind == "sparse" and c.delay > 0
            kinds["graded"] += c.kind != "dense" and c.message_bits > 0
    print(f"{index} networks, {refused} refused, {values} spikes; {dict(kinds)}")
    assert min(kinds[k] for k in KINDS) >= 2 and refused < index // 2


@pytest.mark.slow
def test_folded_networks(seed: int) -> None:
    """Run networks with batch norm and dyadic leaks, folded with as many bits as they need."""
    certified, index = 0, seed
    while certified < 4:
        trained = draw_trained(index)
        index += 1
        if not all(
            p.neuron.reset == "zero" and p.neuron.v_reset == p.neuron.v_init
            for p in trained.populations
        ):
            continue
        network = fold(trained)
        try:
            plan(network)
        except Unsupported:
            continue
        check(network, stimuli(network, 8, index))
        certified += 1
    assert index - seed < 60


def test_sixteen_steps_and_a_direct_coded_first_layer(rng: np.random.Generator) -> None:
    network = chain(rng, (20, 30, 10), 16, bits=5, coding="direct")
    assert check(network, random_inputs(network, 4)) == 4 * 16 * 40


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_networks_deeper_than_a_sample_is_long(steps: int, rng: np.random.Generator) -> None:
    # a sample has left the first population before it reaches the last one
    network = chain(rng, (9, 8, 7, 8, 9, 6), steps)
    check(network, random_inputs(network, 7))


def test_samples_do_not_leak_into_each_other(rng: np.random.Generator) -> None:
    network = chain(rng, (9, 8, 7), 3)
    x, order = random_inputs(network, 9), rng.permutation(9)
    spikes, mixed = stock.run(network, x), stock.run(network, x[order])
    for name, found in spikes.items():
        assert np.array_equal(mixed[name], found[order])


def test_fewer_steps_need_fewer_bits(rng: np.random.Generator) -> None:
    edge = Connection("input", signs(rng, 8, 600), gain=1 << 15)
    lif = Population("p", (edge,), Neuron(1, 1, threshold=9 << 15))
    network = Network(Input((600,)), (lif,), Readout("p"), 16)
    with pytest.raises(Unsupported, match="a leak of 1/2 over 16 timesteps needs inputs of 25"):
        plan(network)
    check(network, random_inputs(network, 5)[:, :6])


def test_sums_beyond_16_bits(rng: np.random.Generator) -> None:
    ones = Dense(np.ones((4, 100), np.int8))
    edge = Connection("input", ones, bias=-60000)
    network = Network(
        Input((100,), bits=10), (Population("p", (edge,), Neuron(threshold=1)),), Readout("p"), 1
    )
    x = rng.integers(550, 650, (40, 1, 100))
    assert 0.1 < run(network, x).spikes["p"].mean() < 0.9
    check(network, x)


def test_an_integrator_is_left_out(rng: np.random.Generator) -> None:
    network = chain(rng, (9, 8), 3)
    integrator = Population("sum", (Connection("p0", signs(rng, 3, 8)),), Neuron())
    network = replace(
        network,
        populations=(*network.populations, integrator),
        readout=Readout("sum", "membrane"),
    )
    x = random_inputs(network, 5)
    trace = run(network, x, "lava-stock")
    assert list(trace.spikes) == ["p0"] and trace.scores is None
    assert compare(run(network, x), trace).compared == 5 * 3 * 8


def test_a_plan_with_one_number_off_is_seen(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = chain(rng, (9, 8, 7), 3)
    right = plan(network)
    for field, by in (("vth", 1), ("bias_mant", 1), ("bias_mant", -1)):
        number = getattr(right[1], field).copy()
        number[4] += by << right[1].bias_exp[4] if field == "vth" else 64 * by
        wrong = [right[0], replace(right[1], **{field: number})]
        monkeypatch.setattr(stock, "plan", lambda *_, wrong=wrong: wrong)
        with pytest.raises(AssertionError, match="first divergence in spike .*'p1', neuron 4 "):
            check(network, stimuli(network, 40))


def test_raw_signs_are_corrupted_by_dense_and_even_ones_are_not() -> None:
    """The fact for which weights are stored even: +1 would become 0, and -1 become -2."""
    shim.load()
    from lava.proc.dense.process import Dense as StockDense

    from lava_procs.processes.sink import Sink
    from lava_procs.processes.source import Source

    found = []
    for weights, exponent in (([[1, -1]], 0), ([[2, -2]], -1), ([[128, -128]], -7)):
        source = Source(np.array([[1, 0], [0, 1], [1, 1], [0, 0]], np.int32))
        dense = StockDense(weights=np.array(weights), weight_exp=exponent)
        kept = shared((4, 1), np.int64)
        sink = Sink((1,), v=kept)
        source.s_out.connect(dense.s_in)
        dense.a_out.connect(sink.v_in)
        running.play(source, 4, "fixed_pt")
        found.append(kept.ravel().tolist())
    assert found == [[0, 0, -2, -2], [0, 1, -1, 0], [0, 1, -1, 0]]


W = Dense(np.array([[1, -1, 1], [-1, -1, 1]], np.int8))
V = Dense(np.ones((2, 2), np.int8))


def one(*connections: Connection, steps: int = 4, **neuron) -> Network:
    """Return a network of one population."""
    p = Population("hidden", connections or (Connection("input", W),), Neuron(**neuron))
    kind = "count" if p.spiking else "membrane"
    return Network(Input((3,)), (p,), Readout("hidden", kind), steps)


@pytest.mark.parametrize(
    ("network", "sentence"),
    [
        (
            one(threshold=2, reset="none"),
            "lava-stock: population 'hidden': reset 'none', and stock LIF only resets to 0",
        ),
        (
            one(Connection("input", W, delay=2), threshold=2),
            ("population 'hidden', connection from 'input': connections with a delay of 2 are not "
            "run by lava-stock, where a delay would carry spikes from one sample into the next"),
        ),
        (
            one(Connection("input", W), Connection("hidden", V, delay=1), threshold=2),
            ("population 'hidden', connection from 'hidden': recurrent connections are not "
            "run by lava-stock, where a delay would carry spikes from one sample into the next"),
        ),
        (
            one(threshold=2, max_spikes=1),
            ("population 'hidden': neurons with max_spikes, refractory or fire_by are not run by "
            "lava-stock, as stock LIF knows none of them"),
        ),
        (
            one(threshold=None),
            "lava-stock gives spikes only, and no population of this network has a threshold",
        ),
        (
            one(threshold=[2, -1]),
            ("lava-stock: population 'hidden', neuron 1: its threshold needs vth = -2, which must "
            "lie within 0..131071"),
        ),
        (
            one(threshold=5, v_reset=1),
            ("lava-stock: population 'hidden', neuron 0: v_init is 0, v_reset is 1 and they differ "
            "in what the neuron fires on, and a stock LIF starts and restarts at 0"),
        ),
        (
            one(Connection("input", W, gain=4), num=3, q=2, threshold=5),
            ("lava-stock: population 'hidden', neuron 0: gain 4 is no multiple of 2**4, so that "
            "its leak 3/4 rounds within 4 timesteps"),
        ),
        (
            one(Connection("input", W, gain=[129, 1]), Connection("input", W), threshold=5),
            ("lava-stock: population 'hidden': its gains differ so much that stored weights would "
            "reach 258, and Dense and Sparse store at most 254"),
        ),
    ],
)  # fmt: skip
def test_refusals_name_population_limit_and_value(network: Network, sentence: str) -> None:
    with pytest.raises(Unsupported) as refusal:
        run(network, random_inputs(network, 1), "lava-stock")
    assert str(refusal.value) == sentence
