# amaranth: UnusedElaboratable=no
"""What a plan says before anything is emitted: compared with what is emitted."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from amaranth.back import rtlil
from maps import draw_maps

from hdl.blocking import membrane_bits, usual, weight_bits
from hdl.listing import CIRCLE, busy, limits, listing, reason
from hdl.plan import plan
from hdl.planned import Plan
from hdl.stores import memory_bits, stores
from hdl.top import NetworkTop
from mapping import (
    Connection,
    Conv,
    Dense,
    Gate,
    Identity,
    Input,
    Network,
    Neuron,
    Population,
    Readout,
)  # fmt: skip
from sim.campaign import parallelism
from sim.campaign.generate.all_kinds import draw_whole
from sim.campaign.generate.dense import draw_network

MEMORY = re.compile(r"^\s*memory width (\d+) size (\d+) ", re.MULTILINE)
#: Drawn networks that have, together, every kind of memory; chosen once, by looking.
SEEDS = (0, 3, 5, 13, 22, 31)


def drawn(seed: int, **more: object) -> tuple[Network, dict]:
    """Draw a network and options of its plan."""
    network = draw_network(seed, extras=True)
    return network, parallelism.draw(network, np.random.default_rng(seed + 1)) | more


def emitted(made: Plan) -> Counter:
    """Return how many memories of each width and depth there are in what is emitted of a plan."""
    text = rtlil.convert(NetworkTop(made), name="network", emit_src=False)
    return Counter((int(w), int(d)) for w, d in MEMORY.findall(text))


@pytest.mark.parametrize("loadable", [False, True])
def test_every_memory_is_listed(loadable: bool) -> None:
    kinds = Counter()
    for seed in SEEDS:
        network, options = drawn(seed, loadable=loadable)
        made = plan(network, **options)
        listed = Counter()
        for store in stores(made):
            listed[store.width, store.depth] += store.count
            kinds[store.holds] += store.count
        assert listed == emitted(made), (seed, options)
    assert set(kinds) == {
        "weights", "parameters", "buffer", "list", "delay", "membranes", "tally", "output",
    }  # fmt: skip


#: The same of networks of every kind of layer.
WHOLE = (19, 28, 180)


def test_every_memory_of_maps_and_gates_is_listed() -> None:
    kinds = Counter()
    for seed in WHOLE:
        network = draw_whole(seed)
        options = parallelism.draw(network, np.random.default_rng(seed))
        made = plan(network, **options)
        listed = Counter()
        for store in stores(made):
            listed[store.width, store.depth] += store.count
            kinds[store.holds] += store.count
        assert listed == emitted(made), (seed, options)
    assert set(kinds) >= {"weights", "buffer", "membranes", "weighing", "totals", "factors"}


def test_a_listing_is_json_and_its_sums_agree() -> None:
    for seed in range(60):
        network, options = drawn(seed)
        if seed >= 40:
            network = draw_maps(seed)
            options = parallelism.draw(network, np.random.default_rng(seed))
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
        beats *= made.rows
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
        ({}, "B = 1: one membrane a neuron is little to keep"),
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


def mapped(side: int, delay: int = 0, **more: object) -> Network:
    """Return a network of one map of 6 channels; delay: it hears itself so many timesteps late."""
    edges = [Connection("input", Conv(np.ones((6, 2, 3, 3), np.int8), padding=1))]
    if delay:
        edges.append(Connection("a", Identity(), delay=delay))
    only = Population("a", tuple(edges), Neuron(**{"num": 1, "q": 1, "threshold": 3} | more))
    return Network(Input((2, side, side)), (only,), Readout("a"), timesteps=4)


def test_maps_with_more_membranes_than_weights_take_all_timesteps_at_once() -> None:
    made = plan(mapped(8))
    assert made.blocks.block == 4 and usual(made.network) == 4
    bits = made.populations[0].widths.state
    assert membrane_bits(made.network) == 6 * 64 * bits and weight_bits(made.network) == 108
    said = reason(made)
    assert said.startswith("B = T = 4: no membrane outlives its tile")
    assert f"timestep by timestep {6 * 64 * bits:,} bits of membranes would be kept" in said
    assert "beside 108 of weights" in said
    kept = [s for s in stores(made) if s.holds == "membranes"]
    assert sum(s.bits for s in kept) < 6 * 64 * bits


@pytest.mark.parametrize(
    ("network", "options", "block"),
    [
        (mapped(2), {}, 1),  # 24 membranes, fewer bits than the weights
        (mapped(8, delay=1), {}, 1),  # it has to hear itself within the block
        (mapped(8, delay=3), {}, 1),
        (mapped(8, delay=4), {}, 4),
        (mapped(8, num=0, q=0), {}, 1),  # nothing is kept from timestep to timestep
        (mapped(8), {"block": 1}, 1),
        (mapped(8), {"block": 2}, 2),
        (mapped(8), {"loadable": True}, 1),  # numbers that are written must not change the shape
        (mapped(8), {"parallel": 2}, 4),
    ],
)
def test_what_else_decides_the_block(network: Network, options: dict, block: int) -> None:
    assert plan(network, **options).blocks.block == block


def test_a_map_is_listed_with_its_window_and_its_lines() -> None:
    facts = json.loads(json.dumps(listing(plan(mapped(8), 3, 2))))
    (p,) = facts["populations"]
    (c,) = p["connections"]
    assert p["shape"] == [6, 8, 8] and p["runs"] == 1 and p["neurons"] == 384
    assert c["op"] == "Conv" and c["bank_is"] == "line" and 3 <= c["banks"] <= 8
    assert c["window"] == {
        "kernel": [3, 3], "stride": [1, 1], "padding": [1, 1], "dilation": [1, 1], "groups": 1,
    }  # fmt: skip
    assert c["words"] == 9 and p["membranes_in"] == "memory" and c["weight_bits"] == 1
    forgets = listing(plan(mapped(8, num=0, q=0), 3, 2))["populations"][0]
    assert (forgets["membranes"], forgets["membranes_in"]) == (0, "nowhere")
    gate = Gate(weights=1, offset=0, shift=0, table=np.arange(16).reshape(4, 4))
    gated = replace(mapped(8).populations[0].connections[0], gate=gate)
    only = replace(mapped(8).populations[0], connections=(gated,))
    made = plan(replace(mapped(8), populations=(only,)), 3, 2)
    (twice,) = listing(made)["populations"]
    assert twice["runs"] == 2 and twice["connections"][0]["gate"] == "one total"
    assert twice["cycles_per_sample"] == busy(made, made.populations[0]) == made.timing.cycles


@pytest.mark.parametrize("seed", [67, 131, 356])
def test_the_schedule_of_a_constant_input_becomes_periodic(seed: int) -> None:
    """Its beats come once a sample; compared as if once a block, they never looked alike."""
    made = plan(draw_network(seed, extras=True))
    assert made.constant and made.timing.settles < 8
    assert made.timing.cycles == max(busy(made, p) for p in made.populations) or (
        limits(made) == [CIRCLE]
    )
