# amaranth: UnusedElaboratable=no
"""Line entry: whatever comes, whole blocks go on, and the next whole sample is exact.

What must come of it is said by ``hdl.testbench.protocol``, which knows nothing of the hardware.
"""

from __future__ import annotations

import random

import pytest
from clocked import Bench, clocked
from hypothesis import given, settings
from hypothesis import strategies as st

from hdl.cores.entry import ERRORS
from hdl.cores.line_entry import LineEntry
from hdl.testbench.malformed import KINDS, short
from hdl.testbench.protocol import Beat, Rules

#: Beats of a line, and of one of a sample's first block; lines, blocks.
SHAPES = [(1, 1, 3, 1), (2, 2, 2, 3), (4, 2, 3, 2), (3, 3, 1, 4), (1, 1, 1, 2), (5, 5, 4, 1)]


def made(shape: tuple[int, int, int, int]) -> LineEntry:
    """Return an entry."""
    beats, first, lines, blocks = shape
    return LineEntry(8, beats=beats, beats_first=first, lines=lines, blocks=blocks)


def sample(shape: tuple[int, int, int, int], number: int) -> list[Beat]:
    """Return a whole sample."""
    beats, first, lines, blocks = shape
    size = first * lines + (blocks - 1) * beats * lines
    return [Beat((number * 41 + k) % 256, k == 0, k == size - 1, number, k) for k in range(size)]


def bench(
    shape: tuple[int, int, int, int], sent: list[Beat], pace: int, room: int, seed: int
) -> Bench[tuple[list[list[tuple[int, int, int]]], set[str]]]:
    """Send beats, with pauses; return what goes on, line by line, and the error bits."""
    rng, queue, lines, quiet = random.Random(seed), list(sent), [], 0
    beats, first, _, _ = shape
    due, error, waits = 0, 0, False
    while quiet < 60:
        waits = waits or (bool(queue) and rng.randrange(100) < pace)
        beat = queue[0] if queue else None
        out = yield {
            "room": int(rng.randrange(100) < room),
            "i_valid": int(waits),
            "i_data": beat.data if waits else rng.getrandbits(8),
            "i_first": int(beat.first) if waits else rng.getrandbits(1),
            "i_last": int(beat.last) if waits else rng.getrandbits(1),
        }
        if out["o_valid"]:
            if due == 0:
                lines.append([])
                due = first if out["o_first"] else beats
            lines[-1].append((out["o_data"], out["o_first"], out["o_last"]))
            due -= 1
        error = out["error"]
        quiet = 0 if queue or out["o_valid"] else quiet + 1
        if waits and out["i_ready"]:
            queue.pop(0)
            waits = False
    assert due == 0, "it stops within a line"
    return lines, {n for k, n in enumerate(ERRORS) if error >> k & 1}


def check(
    shape: tuple[int, int, int, int], sent: list[Beat], pace: int, room: int, seed: int
) -> None:
    """Check that what goes on is what the rules say."""
    beats, first, lines, blocks = shape
    rules = Rules(beats * lines, first * lines, blocks, True)
    for beat in sent:
        rules.take(beat)
    got, errors = clocked(made(shape), bench(shape, sent, pace, room, seed))
    assert errors == rules.errors
    assert len(got) == sum(r.blocks for r in rules.runs) * lines
    for run in rules.runs:
        mine, got = got[: run.blocks * lines], got[run.blocks * lines :]
        want = sample(shape, run.sample)
        for n, line in enumerate(mine):
            block = n // lines
            assert {f for _, f, _ in line} == {int(block == 0)}
            final = n == len(mine) - 1
            assert [end for _, _, end in line[:-1]] == [0] * (len(line) - 1)
            assert line[-1][2] == int(final and run.ended)
            if block < run.sound:
                at = sum(len(x) for x in mine[:n])
                assert [d for d, _, _ in line] == [b.data for b in want[at : at + len(line)]]


@pytest.mark.parametrize("shape", SHAPES)
def test_samples_go_on_line_by_line(shape) -> None:
    sent = [beat for n in range(4) for beat in sample(shape, n)]
    check(shape, sent, 100, 100, 0)
    check(shape, sent, 60, 40, 1)


@settings(max_examples=120)
@given(
    shape=st.sampled_from(SHAPES),
    seed=st.integers(0, 1 << 30),
    pace=st.sampled_from([30, 100]),
    room=st.sampled_from([30, 100]),
)
def test_whatever_comes_is_whole_blocks(shape, seed, pace, room) -> None:
    rng = random.Random(seed)
    beats, first, lines, blocks = shape
    ends = [first * lines - 1 + k * beats * lines for k in range(blocks)]
    sent: list[Beat] = []
    for number in range(rng.randint(1, 6)):
        mistake = rng.choice(KINDS)(rng, sample(shape, number), ends)
        sent += sample(shape, number) if mistake is None else mistake
    check(shape, [*sent, *sample(shape, 9)], pace, room, seed)


@pytest.mark.parametrize("shape", [shape for shape in SHAPES if shape[0] * shape[2] > 1])
def test_a_short_block_is_filled_up_at_once(shape) -> None:
    """Not only as the next sample comes, whose results would wait behind it."""
    rng = random.Random(3)
    beats, first, lines, blocks = shape
    ends = [first * lines - 1 + k * beats * lines for k in range(blocks)]
    for number in range(4):
        check(shape, short(rng, sample(shape, number), ends), 100, 60, number)


def test_nothing_is_taken_in_reset_or_without_room() -> None:
    def rows() -> Bench[None]:
        out = yield {"i_valid": 1, "i_first": 1, "room": 0}
        assert not out["i_ready"] and not out["reserve"]
        out = yield {"i_valid": 1, "i_first": 1, "room": 1, "reset": 1}
        assert not out["i_ready"]
        out = yield {"i_valid": 1, "i_first": 1, "room": 1}
        assert out["i_ready"] and out["reserve"] and not out["open"]
        out = yield {}
        assert out["open"]

    clocked(made((2, 2, 2, 1)), rows())
