"""The plan: choices by name, list or number, where elements stand, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from planned import BACK, CHAIN, LATE, SELF, network
from simulated import agrees

from hdl.choices import chosen
from hdl.cores.matvec import Shape
from hdl.cores.placing import Placing, positions, unused
from hdl.cores.popcount import stages
from hdl.cores.sums import raw_bits
from hdl.cores.tables import Table
from hdl.numbers import packed, parameters
from hdl.plan import plan
from hdl.stores import stores
from hdl.streams import Blocks
from mapping import Dense, Input, Network, Neuron


def test_a_choice_is_a_number_one_for_each_or_some_by_name() -> None:
    names = ["hidden", "out"]
    assert chosen(None, names, 8, "PE") == [8, 8]
    assert chosen(3, names, 8, "PE") == [3, 3]
    assert chosen([3, 5], names, 8, "PE") == [3, 5]
    assert chosen(np.array([3, 5]), names, 8, "PE") == [3, 5]
    assert chosen({"out": 2}, names, 8, "PE") == [8, 2]


def test_choices_reach_their_population() -> None:
    made = plan(network([20, 12, 6], CHAIN), pe={"p1": 3}, simd=[10, 4], lanes={"p0": 2})
    assert [p.order.tile for p in made.populations] == [8, 3]
    assert [p.order.lanes for p in made.populations] == [2, 1]
    assert [p.connections[0].shape.simd for p in made.populations] == [10, 4]
    wide = plan(network([20, 12, 6], CHAIN), pe=64, simd=100)
    assert [(p.order.tile, p.connections[0].shape.simd) for p in wide.populations] == [
        (12, 20), (6, 12)
    ]  # fmt: skip


REFUSED = {
    "unknown name": (
        network([20, 12, 6], CHAIN), {"pe": {"p2": 3}},
        "PE is given for 'p2'; the populations are 'p0', 'p1'",
    ),
    "one too many": (
        network([20, 12, 6], CHAIN), {"simd": [4, 4, 4]},
        r"SIMD must be one number or 2 \(one per population\), not 3",
    ),
    "none": (network([20, 12, 6], CHAIN), {"pe": 0}, "PE must"),
    "lanes and neurons": (
        network([20, 12, 5], CHAIN), {"pe": 4, "lanes": [1, 2]},
        "lanes of 'p1' must divide its 5 neurons and its PE of 4, and 2 does not",
    ),
    "lanes and PE": (
        network([20, 12, 6], CHAIN), {"pe": 3, "lanes": {"p0": 2}},
        "lanes of 'p0' must divide its 12 neurons and its PE of 3, and 2 does not",
    ),
    "parallel and blocks": (
        network([20, 12, 6], CHAIN), {"block": 4, "parallel": 3},
        r"in parallel must divide those of a block \(4\) and of the first block \(2\): 3 does not",
    ),
    "parallel and the first block": (
        network([20, 12, 6], CHAIN, 7), {"block": 4, "parallel": 2},
        r"of a block \(4\) and of the first block \(3\): 2 does not",
    ),
    "a late input in parallel": (
        network([20, 12, 8], LATE), {"block": 2, "parallel": 2},
        "population 'p0' hears the input 3 timesteps late, which needs parallel = 1",
    ),
    "a block longer than a way back": (
        network([20, 12, 8], BACK), {"block": 3},
        "so that a block must divide T = 6 and hold at most 2 timesteps, not 3",
    ),
    "a way back and a first block that is short": (
        network([20, 12, 8], BACK, 7), {"block": 2}, "a block must divide T = 7",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fit_is_refused_by_name(name) -> None:
    built, options, words = REFUSED[name]
    with pytest.raises((ValueError, TypeError), match=words):
        plan(built, **options)


@pytest.mark.parametrize("block", [0, 7, 2.5])
def test_blocks_lie_between_one_timestep_and_all(block) -> None:
    with pytest.raises((ValueError, TypeError), match="block"):
        plan(network([20, 12, 6], CHAIN), block=block)


@given(st.integers(1, 30), st.integers(1, 8), st.integers(1, 4), st.booleans())
def test_elements_stand_where_their_beats_put_them(elements, granule, columns, gathered) -> None:
    p = Placing(elements, granule * columns, 1, Blocks(1), granule, granule)
    want: list[int] = []
    for at in range(0, elements, granule):
        beat = list(range(at, min(at + granule, elements)))
        low = at + granule - len(beat) if gathered else at  # cut off: in the high or the low bits
        want += range(low, low + len(beat))
    assert positions(p, gathered) == want
    words = -(-elements // p.simd)
    free = set(range((words - 1) * p.simd, words * p.simd)) - set(want)
    assert unused(p, gathered) == tuple(sorted(x - (words - 1) * p.simd for x in free))


def test_a_word_that_is_cut_off_has_unused_bits() -> None:
    p = Placing(10, 8, 1, Blocks(1), 4, 4)
    assert positions(p, True) == [*range(8), 10, 11]
    assert unused(p, True) == (0, 1, 4, 5, 6, 7)
    assert positions(p, False) == list(range(10))
    assert unused(p, False) == (2, 3, 4, 5, 6, 7)


SIZES = st.integers(1, 20)


@given(SIZES, SIZES, st.integers(1, 9), st.integers(1, 9), st.booleans(), st.integers(0, 99))
def test_rom_words_hold_every_weight_once_and_ones_beside(out, fan, pe, simd, high, seed) -> None:
    op = Dense(np.random.default_rng(seed).choice([-1, 1], (out, fan)))
    s = Shape(fan, out, 1, pe, simd, 1, 1, raw_bits(op.weights, 1), stages(simd))
    places = positions(Placing(fan, simd, 1, Blocks(1), simd), high)
    rom = packed(op.weights, s, places)
    words = -(-fan // simd)
    assert len(rom) == (-(-out // pe) - 1) * s.stride + words  # tiles may stand apart
    for row, word in enumerate(rom):
        tile, w = divmod(row, s.stride)
        if w >= words:
            continue
        assert word >> (pe * simd) == 0
        for lane in range(pe):
            for j in range(simd):
                o, last = tile * pe + lane, w == words - 1
                i = w * simd + j - (words * simd - fan if high and last else 0)
                inside = o < out and w * simd <= i < fan
                assert word >> (lane * simd + j) & 1 == (op.weights[o, i] > 0 if inside else 1)


def test_negative_weights_of_every_plane_stand_in_the_bias() -> None:
    built = network([20, 3], [[(-1, 0)]], input=Input((20,), 3))
    p, made = built.populations[0], plan(built)
    c, past = p.connections[0], made.populations[0].past
    x = np.random.default_rng(3).integers(0, 8, 20)
    agree = sum(
        (((x >> b & 1) == (c.op.weights > 0)).sum(axis=1) << b) for b in range(3)
    )  # fmt: skip
    numbers = parameters(p, [made.populations[0].connections[0].shape.lack(c.op)], {}, past)
    assert (np.array(numbers.gain[0]) * agree + numbers.constant == c.op.weights @ x).all()
    assert made.populations[0].connections[0].shape.raw_bits == (20 * 7).bit_length()


def test_a_connection_back_has_a_block_of_zeros_and_what_is_left_of_its_delay() -> None:
    back = plan(network([20, 12, 8], BACK)).populations[0].connections[1]
    assert (back.back, back.tokens, back.steps) == (True, 1, 1)
    back = plan(network([20, 12, 8], BACK), block=2).populations[0].connections[1]
    assert (back.tokens, back.steps) == (1, 0)
    back = plan(network([20, 12, 8], SELF)).populations[0].connections[1]
    assert (back.source, back.tokens, back.steps) == (0, 1, 0)


def limited(threshold: int) -> Network:
    """Return a network whose neurons fire once at most, or, by their threshold, never."""
    built = network([6, 3], [[(-1, 0)]])
    p = built.populations[0]
    neuron = replace(p.neuron, threshold=np.full(3, threshold), max_spikes=2)
    return replace(built, populations=(replace(p, neuron=neuron),))


def test_a_design_for_several_networks_holds_the_widest_of_each() -> None:
    small, large = limited(2), limited(2000)
    for one, two in ((small, large), (large, small)):
        made = plan(one, others=(two,)).populations[0]
        assert made.past.max_spikes == 2
        widest = max(n.facts["p0"].v.bits for n in (one, two))
        assert made.widths.v == widest
        for n in (one, two):
            columns = made.parameters(n.populations[0]).columns()
            table = Table(columns, made.order.lanes, made.memory)
            assert set(table.columns) == {"gain_0", "constant", "v_init", "threshold", "v_reset"}
            for row, threshold in zip(table.rows(), n.populations[0].neuron.threshold, strict=True):
                width, at = table.widths["threshold"], 0
                for name in table.columns:
                    if name == "threshold":
                        value = row >> at & ((1 << width) - 1)
                        assert value == threshold
                    at += table.widths[name]


@pytest.mark.parametrize("options", [{}, {"block": 6}, {"block": 6, "parallel": 3}])
def test_neurons_without_a_leak_take_no_memory_and_equal_the_reference(options, rng) -> None:
    built = network([9, 24, 4], CHAIN)
    first, last = built.populations
    forgets = replace(first, neuron=Neuron(0, 0, threshold=rng.integers(-3, 4, 24)))
    built = replace(built, populations=(forgets, last))
    made = plan(built, pe=8, **options)
    assert [p.order.remembers for p in made.populations] == [False, True]
    assert {s.name for s in stores(made) if s.holds == "membranes"} <= {"neurons_1"}
    columns = made.populations[0].parameters(forgets).columns()
    assert list(columns) == ["gain_0", "constant", "threshold"]
    agrees(built, made, [rng.integers(0, 2, (6, 9)) for _ in range(3)])
    kept = plan(network([9, 24, 4], CHAIN), pe=8, **options)
    assert {s.name for s in stores(kept) if s.holds == "membranes"} >= {"neurons_0"}
