# amaranth: UnusedElaboratable=no
"""What a plan says before anything is emitted: compared with what is emitted."""

from __future__ import annotations

import json
import re
from collections import Counter

import numpy as np
import pytest
from amaranth.back import rtlil

from hdl.listing import CIRCLE, busy, limits, listing
from hdl.plan import plan
from hdl.stores import memory_bits, stores
from hdl.top import NetworkTop
from mapping import (
    Connection,
    Conv,
    Dense,
    Gate,
    Input,
    Network,
    Neuron,
    Population,
    Readout,
)  # fmt: skip
from sim.campaign import parallelism
from sim.campaign.generate.dense import draw_network

MEMORY = re.compile(r"^\s*memory width (\d+) size (\d+) ", re.MULTILINE)
#: Drawn networks that have, together, every kind of memory; chosen once, by looking.
SEEDS = (0, 3, 5, 13, 22, 31)


def drawn(seed: int, **more: object) -> tuple[Network, dict]:
    """Draw a network and options of its plan."""
    network = draw_network(seed, extras=True)
    return network, parallelism.draw(network, np.random.default_rng(seed + 1)) | more


@pytest.mark.parametrize("loadable", [False, True])
def test_every_memory_is_listed(loadable: bool) -> None:
    kinds = Counter()
    for seed in SEEDS:
        network, options = drawn(seed, loadable=loadable)
        made = plan(network, **options)
        text = rtlil.convert(NetworkTop(made), name="network", emit_src=False)
        emitted = Counter((int(w), int(d)) for w, d in MEMORY.findall(text))
        listed = Counter()
        for store in stores(made):
            listed[store.width, store.depth] += store.count
            kinds[store.holds] += store.count
        assert listed == emitted, (seed, options)
    assert set(kinds) == {
        "weights", "parameters", "buffer", "list", "delay", "membranes", "tally", "output",
    }  # fmt: skip


@pytest.mark.parametrize("each", [False, True])
@pytest.mark.parametrize("block", [1, 3])
@pytest.mark.parametrize("weights", [1, [1, 2, 1, 3]])
def test_every_memory_of_a_gate_is_listed(each: bool, block: int, weights: object) -> None:
    rng = np.random.default_rng(4)
    table = rng.integers(1, 200, (3, 16))
    gate = Gate(weights=weights, offset=2, shift=1, table=table, per_channel=each)
    edge = Connection("input", Conv(rng.choice([-1, 1], (4, 2, 3, 3)), 1, 1), gate=gate)
    gated = Population("gated", (edge,), Neuron(1, 1, threshold=3))
    made = plan(Network(Input((2, 4, 8)), (gated,), Readout("gated"), 3), 4, 2, 2, block)
    text = rtlil.convert(NetworkTop(made), name="network", emit_src=False)
    emitted = Counter((int(w), int(d)) for w, d in MEMORY.findall(text))
    kept = stores(made)
    listed = Counter()
    for store in kept:
        listed[store.width, store.depth] += store.count
    assert listed == emitted
    # 3 timesteps of 16 entries, once for each lane where channels have totals of their own
    factors = [store for store in kept if store.name == "factors_0"]
    assert [(s.holds, s.width, s.count) for s in factors] == [("gate", 9, 1 + each)]
    assert factors[0].depth == 48
    assert any(s.name == "gate_0" for s in kept) == each


def test_a_listing_is_json_and_its_sums_agree() -> None:
    for seed in range(40):
        network, options = drawn(seed)
        try:
            made = plan(network, **options)
        except ValueError:  # reached by connections back alone
            continue
        facts = json.loads(json.dumps(listing(made, mhz=100.0)))
        assert sum(m["bits"] for m in facts["memories"]) == facts["memory_bits"]
        assert facts["memory_bits"] == memory_bits(made)
        assert facts["cells_estimated"] > sum(p["cells_estimated"] for p in facts["populations"])
        assert facts["frames_per_second"] == round(1e8 / made.timing.cycles, 1)
        whole = made.blocks.count - 1
        names = []
        for p, mine in zip(made.populations, facts["populations"], strict=True):
            cycles = p.cycles(first=True) + whole * p.cycles(first=False)
            assert mine["cycles_per_sample"] == busy(made, p) == cycles <= made.timing.cycles
            assert mine["occupancy"] == round(cycles / made.timing.cycles, 4)
            assert 0 < mine["neurons_occupancy"] <= mine["occupancy"] <= 1
            assert all(0 < c["occupancy"] <= mine["occupancy"] for c in mine["connections"])
            names += [p.name] * (cycles == made.timing.cycles)
        beats = made.enter.beats_first
        beats += 0 if made.constant else whole * made.enter.beats
        assert facts["input"]["beats"] == beats <= made.timing.cycles
        names += ["input"] * (beats == made.timing.cycles)
        assert facts["limited_by"] == (names or [CIRCLE])


def test_who_limits_the_rate_is_named() -> None:
    rng = np.random.default_rng(0)
    edge = Connection("input", Dense(rng.choice([-1, 1], (4, 64))))
    back = Connection("a", Dense(rng.choice([-1, 1], (4, 4))), delay=1)
    for edges, options, who in (
        ((edge,), {"pe": 4, "simd": 8, "lanes": 4}, ["a", "input"]),
        ((edge,), {"pe": 1, "simd": 8}, ["a"]),
        ((edge, back), {"pe": 4, "simd": 64, "lanes": 4}, [CIRCLE]),
    ):
        only = Population("a", edges, Neuron(1, 1, threshold=3))
        network = Network(Input((64,)), (only,), Readout("a"), timesteps=4)
        assert limits(plan(network, **options)) == who


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "B = 1: the default"),
        ({"block": 2}, "B = 2: 3 blocks a sample"),
        ({"block": 6}, "B = T = 6: no membrane outlives its tile"),
    ],
)
def test_the_block_has_its_reason(options: dict, words: str) -> None:
    edge = Connection("input", Dense(np.ones((16, 8), np.int8)))
    only = Population("a", (edge,), Neuron(1, 1, threshold=3))
    network = Network(Input((8,)), (only,), Readout("a"), timesteps=6)
    made = plan(network, 2, 4, **options)
    assert listing(made)["block_reason"].startswith(words)
    kept = [store for store in stores(made) if store.holds == "membranes"]
    assert [store.depth for store in kept] == ([16] if made.blocks.count > 1 else [2])


@pytest.mark.parametrize("seed", [67, 131, 356])
def test_the_schedule_of_a_constant_input_becomes_periodic(seed: int) -> None:
    """Its beats come once a sample; compared as if once a block, they never looked alike."""
    made = plan(draw_network(seed, extras=True))
    assert made.constant and made.timing.settles < 8
    assert made.timing.cycles == max(busy(made, p) for p in made.populations) or (
        limits(made) == [CIRCLE]
    )
