# amaranth: UnusedElaboratable=no
"""The delay against its definition: beats of earlier timesteps, zeros before the sample began."""

from __future__ import annotations

import random

import pytest
from blocks import order
from clocked import played
from hypothesis import given, settings
from hypothesis import strategies as st

from hdl.cores.delay import Delay
from hdl.cores.placing import Placing
from hdl.streams import Blocks

#: One timestep a block, several, a first block that is shorter, one block a sample; words, tiles,
#: tiles in which timesteps in parallel come one after the other.
PLACINGS = {
    "one beat": Placing(1, 1, 1, Blocks(9), 1),
    "words": Placing(13, 4, 3, Blocks(9), 4),
    "words, blocks": Placing(7, 4, 2, Blocks(9, 3), 4),
    "words, first block short": Placing(7, 4, 2, Blocks(11, 4), 4),
    "words, one block": Placing(9, 4, 1, Blocks(6, 6), 4),
    "tiles": Placing(12, 4, 1, Blocks(9, 3), 2, 4),
    "tiles, all short": Placing(11, 6, 1, Blocks(10, 3), 2, 4),
    "tiles, one block": Placing(11, 6, 1, Blocks(7, 7), 2, 4),
    "tiles in parallel": Placing(11, 6, 2, Blocks(10, 4, 2), 2, 4),
    "tiles in parallel, one block": Placing(12, 4, 1, Blocks(6, 6, 3), 2, 4),
    "one tile": Placing(3, 1, 2, Blocks(8, 4), 1, 3),
}


def follow(p: Placing, steps: int, seed: int, slow: int, cuts: int) -> None:
    """Send samples of any length, some cut; compare every beat that goes on.

    slow, cuts: per cent of cycles without a beat, and of samples that are cut.
    """
    rng = random.Random(seed)
    rows, wanted = [], []
    for _ in range(6):
        data: dict[tuple[int, int], int] = {}
        count = rng.randint(1, p.blocks.count)
        sent, cut = [], rng.randrange(100) < cuts
        done = 0  # timesteps before this block
        for n in range(count):
            start = min(t for _, t in order(p, n == 0))
            for g, t in order(p, n == 0):
                at = done + t - start
                data[g, at] = rng.getrandbits(p.beat_bits)
                flags = (n == 0, n == count - 1)
                sent.append((data[g, at], data.get((g, at - steps), 0), flags))
            done += p.blocks.block - start
        if cut:
            sent = sent[: rng.randrange(len(sent))]
        for value, old, (first, last) in sent:
            while rng.randrange(100) < slow:  # what is there without valid means nothing
                rows.append({"i_data": rng.getrandbits(p.beat_bits), "i_first": rng.getrandbits(1)})
            rows.append({"i_valid": 1, "i_data": value, "i_first": first, "i_last": last})
            wanted.append({"o_data": old, "o_first": first, "o_last": last})
        if cut:
            rows.append({"abort": 1})
    seen = played(Delay(p, steps), [*rows, *[{}] * Delay.latency])
    late = [bool(r.get("i_valid")) for r in rows]
    assert [bool(s["o_valid"]) for s in seen] == [False] * Delay.latency + late
    found = [{k: v for k, v in s.items() if k != "o_valid"} for s in seen if s["o_valid"]]
    assert found == wanted


@pytest.mark.parametrize("name", PLACINGS)
@pytest.mark.parametrize("steps", [1, 2, 3, 5])
def test_beats_come_some_timesteps_later(name, steps, seed) -> None:
    follow(PLACINGS[name], steps, seed, 0, 0)
    follow(PLACINGS[name], steps, seed + 1, 40, 50)


@settings(max_examples=25)
@given(st.data(), st.integers(1, 9), st.integers(0, 99), st.booleans())
def test_any_stream_comes_some_timesteps_later(data, steps, seed, gathered) -> None:
    draw = data.draw
    parallel = draw(st.integers(1, 3)) if gathered else 1
    block = parallel * draw(st.integers(1, 3))
    first = parallel * draw(st.integers(1, block // parallel))
    blocks = Blocks(first + block * draw(st.integers(int(first < block), 2)), block, parallel)
    granule, elements = draw(st.integers(1, 3)), draw(st.integers(1, 11))
    tile = granule * draw(st.integers(1, 3)) if gathered else None
    follow(Placing(elements, granule, 1, blocks, granule, tile), steps, seed, 20, 40)


def test_rows_that_are_kept_are_those_of_a_tile_where_a_sample_is_one_block() -> None:
    whole, several = PLACINGS["tiles, one block"], PLACINGS["tiles, all short"]
    assert (Delay(whole, 3).kept, Delay(several, 3).kept) == (2, 6)
    assert (Delay(whole, 3).depth, Delay(several, 3).depth) == (2 * 2 + 2, 2 * 8 + 6)


def test_what_a_delay_cannot_do_is_refused() -> None:
    with pytest.raises(ValueError, match="steps of a delay must be positive, not 0"):
        Delay(PLACINGS["words"], 0)
    with pytest.raises(ValueError, match="a delay takes beats of one timestep"):
        Delay(Placing(4, 2, 1, Blocks(4, 4, 2), 2), 1)
