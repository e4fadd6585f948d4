"""Sweeps: which lines of a source a line of outputs needs, and until when, whatever the window."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hdl.sweeps import Sweep


@st.composite
def sweeps(draw) -> Sweep:
    """Draw a window over the rows of a map."""
    rows, kernel = draw(st.integers(1, 9)), draw(st.integers(1, 4))
    stride, dilation = draw(st.integers(1, 4)), draw(st.integers(1, 3))
    padding = draw(st.integers(0, 4))
    room = rows + 2 * padding - dilation * (kernel - 1) - 1
    if room < 0:
        kernel, room = 1, rows + 2 * padding - 1
    return Sweep(
        (rows, 3), (room // stride + 1, 1), (kernel, 1), (stride, 1), (padding, 0), (dilation, 1),
        runs=draw(st.sampled_from([1, 2])),
    )  # fmt: skip


def seen(sweep: Sweep, y: int) -> list[int]:
    """Return the lines of the source that a line of outputs sees."""
    top = y % sweep.places[0] * sweep.stride[0] - sweep.padding[0]
    lines = [top + k * sweep.dilation[0] for k in range(sweep.kernel[0])]
    return [line for line in lines if 0 <= line < sweep.source[0]]


@given(sweep=sweeps())
def test_every_line_is_there_when_a_window_sees_it(sweep) -> None:
    needs, done = sweep.needs, sweep.done
    assert len(needs) == len(done) == sweep.runs * sweep.places[0] == sweep.rounds
    for y in range(sweep.rounds):
        gone = done[y - 1] if y else 0
        assert all(gone <= line < needs[y] for line in seen(sweep, y))


@given(sweep=sweeps())
def test_lines_are_taken_once_and_freed_once(sweep) -> None:
    rows = sweep.source[0]
    assert sweep.takes[0] >= 1 and min(sweep.takes) >= 0 and sum(sweep.takes) == rows
    assert min(sweep.frees) >= 0 and sum(sweep.frees) == rows
    # The flags of a block are those of its last line: it is there until the end.
    assert sweep.frees[-1] >= 1
    assert all(d <= n for d, n in zip(sweep.done, sweep.needs, strict=True))
    held = [n - d for n, d in zip(sweep.needs, (0, *sweep.done), strict=False)]
    assert sweep.most == max(held) <= rows


def test_a_window_of_three_lines_keeps_three() -> None:
    sweep = Sweep((8, 8), (8, 8), (3, 3), padding=(1, 1))
    assert sweep.takes == (2, 1, 1, 1, 1, 1, 1, 0)
    assert sweep.frees == (0, 1, 1, 1, 1, 1, 1, 2)
    assert sweep.most == 3 and sweep.pads
    pool = Sweep((8, 8), (4, 4), (2, 2), (2, 2))
    assert pool.takes == pool.frees == (2, 2, 2, 2) and not pool.pads
    twice = Sweep((2, 2), (2, 2), (1, 1), runs=2)
    assert twice.takes == (1, 1, 0, 0) and twice.frees == (0, 0, 1, 1)


@pytest.mark.parametrize("axis", [0, 1])
def test_it_pads_where_a_window_reaches_beyond_the_source(axis) -> None:
    def pair(n: int, other: int = 1) -> tuple[int, int]:
        return (n, other) if axis == 0 else (other, n)

    assert not Sweep(pair(5), pair(3), pair(3)).pads
    assert Sweep(pair(5), pair(5), pair(3), padding=pair(1, 0)).pads
