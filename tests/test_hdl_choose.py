"""Parallelism that is chosen: it keeps what was asked for, and takes no more than that needs."""

from __future__ import annotations

import functools
from collections.abc import Iterator

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from maps import draw_maps

from hdl import cells as estimate
from hdl.allowed import Allowed
from hdl.cells import cells
from hdl.choose import Budget, Form, Unreachable, choose
from hdl.listing import CIRCLE, busy, input_beats, limits
from hdl.plan import drafted, plan
from hdl.planned import Plan
from hdl.stores import memory_bits
from hdl.ways import Ways
from mapping import Connection, Dense, Input, Network, Neuron, Population, Readout, Unsupported
from sim.campaign import parallelism
from sim.campaign.generate.all_kinds import draw_whole
from sim.campaign.generate.dense import draw_network

NUMBERS = ("pe", "simd", "lanes")


def blocked(network: Network, seed: int) -> dict[str, int]:
    """Draw block and timesteps at once that a network allows."""
    drawn = parallelism.draw(network, np.random.default_rng(seed))
    return {name: drawn[name] for name in ("block", "parallel") if name in drawn}


@functools.cache
def case(seed: int) -> tuple[Network, dict[str, int], Plan, Plan] | None:
    """Return the network of a seed, its block, and its slowest and its fastest plan.

    Seeds by turns: dense networks, maps, networks of every kind of layer. None where a population
    is reached by connections back alone, which RTL refuses.
    """
    draws = (lambda s: draw_network(s, extras=True), draw_maps, draw_whole)
    network = draws[seed % 3](seed)
    options = blocked(network, seed)
    allowed = Allowed(network)
    lanes = {name: allowed.lanes(k)[-1] for k, name in enumerate(allowed.names)}
    try:
        slow = plan(network, 1, 1, 1, **options)
    except Unsupported:
        return None
    return network, options, slow, plan(network, 4096, 4096, lanes, **options)


seeds = st.integers(0, 600).filter(lambda seed: case(seed) is not None)


def less(made: Form, network: Network) -> Iterator[Plan]:
    """Yield the next smaller plan for every number of every population."""
    here = cells(made.plan)
    for what in NUMBERS:
        for name, number in made.options[what].items():
            for fewer in range(number - 1, 0, -1):
                try:
                    found = plan(
                        network,
                        **{**made.options, what: {**made.options[what], name: fewer}},
                    )
                except ValueError:  # lanes that do not divide
                    continue
                if cells(found) < here:
                    yield found
                    break


@settings(max_examples=15)
@given(seeds, st.sampled_from([0, 0.01, 0.2, 0.5, 0.9, 1]))
def test_a_target_is_met_and_no_step_less_would_do(seed: int, share: float) -> None:
    network, options, slow, fast = case(seed)
    low, high = fast.timing.cycles, slow.timing.cycles
    target = max(1, round(low * (high / low) ** share) - (share == 0))
    budget = Budget(cycles=target)
    try:
        made = choose(network, budget, **options)
    except Unreachable as error:
        assert target < low, (target, low)
        told = str(error)
        assert f"{target:,} cycles a sample cannot be reached" in told
        names = [repr(p.name) for p in network.populations]
        assert any(name in told for name in names) or "the beats of the input" in told
        return
    assert made.plan.timing.cycles <= target
    assert made.plan == plan(network, **made.options)
    for fewer in less(made, network):
        assert fewer.timing.cycles > target, (made.options, fewer.timing.cycles, target)
    assert choose(network, budget, **options).options == made.options


@settings(max_examples=8)
@given(seeds, st.sampled_from([0, 0.02, 0.1, 0.5, 1]), st.sampled_from([0.9, 1.02, 1.1, 2]))
def test_a_budget_is_kept(seed: int, share: float, memory: float) -> None:
    network, options, slow, fast = case(seed)
    low, high = cells(slow), cells(fast)
    budget = Budget(
        cells=max(1, round(low + (high - low) * share) - (share == 0)),
        ram=round(memory_bits(slow) * memory),
    )
    try:
        made = choose(network, budget, **options)
    except Unreachable as error:
        assert low > budget.cells or memory_bits(slow) > budget.ram, str(error)
        assert "cells are given" in str(error) or "are given; " in str(error)
        assert any(repr(p.name) in str(error) for p in network.populations)
        return
    assert cells(made.plan) <= budget.cells and memory_bits(made.plan) <= budget.ram
    assert made.plan.timing.cycles <= slow.timing.cycles
    for fewer in less(made, network):
        if memory_bits(fewer) <= budget.ram:
            assert fewer.timing.cycles > made.plan.timing.cycles, made.options
    assert choose(network, budget, **options).options == made.options


@pytest.mark.parametrize("share", [0, 0.3, 1])
def test_ways_promise_nothing_that_a_plan_does_not_keep(share: float) -> None:
    """Not even lanes of a source, which decide how its readers' words are rounded, cost a cycle."""
    for seed in range(120):
        if case(seed) is None:
            continue
        network, options, slow, fast = case(seed)
        ways = Ways(slow, {"PE": {}, "SIMD": {}, "lanes": {}})
        pace = round(ways.least + (ways.most - ways.least) * share)
        numbers = ways.cheapest(pace, 0)
        assert numbers is not None
        made = drafted(network, numbers["PE"], numbers["SIMD"], numbers["lanes"], **options)
        takes = max(input_beats(made), *(busy(made, p) for p in made.populations))
        assert takes <= pace, (seed, options, numbers)
        full = max(input_beats(fast), *(busy(fast, p) for p in fast.populations))
        if not any(c.back for p in fast.populations for c in p.connections):
            assert ways.least <= full, (seed, options)  # they know the fastest


@settings(max_examples=8)
@given(seeds, st.data())
def test_numbers_that_are_given_are_kept(seed: int, data: st.DataObject) -> None:
    network, options, slow, _ = case(seed)
    p = data.draw(st.sampled_from(network.populations))
    allowed, k = Allowed(network), network.populations.index(p)
    size = network.shapes[p.name][0]
    lanes = data.draw(st.sampled_from(allowed.lanes(k)))
    pe = lanes * data.draw(st.integers(1, size // lanes))
    numbers = {"pe": {p.name: pe}, "lanes": {p.name: lanes}, "simd": {p.name: 3}}
    some = {n: numbers[n] for n in data.draw(st.sets(st.sampled_from(NUMBERS)))}
    made = choose(network, Budget(cells=cells(slow) + 200_000), **some, **options)
    for name, given_one in some.items():
        assert made.options[name][p.name] == given_one[p.name]


def chain(sizes: tuple[int, ...], steps: int = 4, back: int = 0) -> Network:
    """Return a chain of populations; back: the last hears itself so many timesteps late."""
    rng = np.random.default_rng(0)
    names = ["input", *(f"p{k}" for k in range(len(sizes) - 1))]
    populations = []
    for k, (n, m) in enumerate(zip(sizes, sizes[1:], strict=False)):
        edges = [Connection(names[k], Dense(rng.choice([-1, 1], (m, n))))]
        if back and k == len(sizes) - 2:
            op = Dense(rng.choice([-1, 1], (m, m)))
            edges.append(Connection(names[k + 1], op, delay=back))
        populations.append(Population(names[k + 1], tuple(edges), Neuron(1, 1, threshold=4)))
    return Network(Input((sizes[0],)), tuple(populations), Readout(names[-1]), steps)


def test_a_layer_that_does_not_limit_gives_back() -> None:
    network = chain((64, 128, 10))
    made = choose(network, Budget(cycles=4 * 256))
    hidden, out = made.plan.populations
    assert limits(made.plan) == ["p0"] and busy(made.plan, hidden) == 1024
    assert busy(made.plan, out) > 512 and cells(made.plan) < cells(plan(network, 8, 32))
    assert (out.order.tile, out.connections[0].shape.simd) == (1, 6)


def test_a_circle_is_named_and_its_cores_are_no_faster_than_it_needs() -> None:
    network = chain((6, 12, 8), steps=5, back=1)
    fast = plan(network, 12, 64, {"p0": 12, "p1": 8})
    assert limits(fast) == [CIRCLE]
    with pytest.raises(Unreachable, match="circle of connections back into 'p1' takes"):
        choose(network, Budget(cycles=fast.timing.cycles - 1))
    made = choose(network, Budget(cycles=fast.timing.cycles))
    assert made.plan.timing.cycles == fast.timing.cycles and cells(made.plan) < cells(fast)


@pytest.mark.parametrize(
    ("budget", "options", "sentence"),
    [
        ({"cycles": 3}, {}, "3 cycles a sample cannot be reached: population 'p0' takes 4 with"),
        (
            {"cycles": 60},
            {"pe": {"p0": 2}, "lanes": {"p0": 1}},
            "'p0' takes 1,024 with PE 2 and la",
        ),
        ({"cycles": 15}, {"pe": 999, "simd": {"p0": 4}}, "population 'p0' takes 16 with PE 999"),
        ({"cells": 300}, {}, "the smallest form needs an estimated 3"),
        ({"cycles": 4, "cells": 900}, {}, "a sample in 4 cycles needs an estimated"),
        ({"ram": 900}, {}, "bits of memory, and 900 are given; the weights of population 'p0'"),
        ({"cells": 0}, {}, "cells must be between 1 and"),
        ({"cells": 900}, {"pe": {"p7": 1}}, "PE is given for 'p7'; the populations are 'p0', 'p1'"),
        ({"cells": 900}, {"lanes": {"p1": 3}}, "lanes of 'p1' must divide its 10 neurons"),
        ({"cells": 900}, {"simd": [1]}, "SIMD must be one number or 2"),
        ({"cells": 900}, {"block": 5}, "block must be between 1 and 4, not 5"),
    ],
)
def test_what_cannot_be_is_one_sentence(budget: dict, options: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence) as caught:
        choose(chain((16, 256, 10)), Budget(**budget), **options)
    assert "\n" not in str(caught.value)


def test_the_estimate_grows_with_every_number() -> None:
    """The chooser relies on it: a step less is always smaller."""
    for pe, simd, steps, bits in ((1, 1, 1, 1), (7, 5, 3, 8)):
        here = estimate.sums_cells(pe, simd, steps, bits)
        assert estimate.sums_cells(pe + 1, simd, steps, bits) > here
        assert estimate.sums_cells(pe, simd + 1, steps, bits) > here
    assert estimate.neuron_cells(2, 1) > estimate.neuron_cells(1, 1)
