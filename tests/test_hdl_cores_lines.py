# amaranth: UnusedElaboratable=no
"""Line buffer: the words of every window, in order, beside a sequencer that does not know them.

What goes in is counted up, so that every word says which line, place and channel it is of.
"""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from clocked import Bench, clocked

from hdl.cores.lines import LineBuffer
from hdl.cores.placing import Placing
from hdl.cores.sequencer import Sequencer
from hdl.streams import Blocks, word
from hdl.sweeps import Sweep

BITS = 12
#: Source rows and columns, kernel, stride, padding, dilation; words of a place, words and turns
#: that a tile sees, tiles; runs.
WINDOWS = [
    ((5, 4), (3, 3), (1, 1), (1, 1), (1, 1), (1, 1, 1), 1, 1),
    ((6, 5), (2, 3), (2, 1), (0, 1), (1, 1), (2, 2, 2), 2, 1),
    ((4, 4), (1, 1), (1, 1), (0, 0), (1, 1), (2, 2, 3), 3, 1),
    ((7, 6), (3, 2), (2, 2), (2, 1), (2, 2), (2, 2, 1), 1, 1),
    ((3, 3), (3, 3), (1, 1), (2, 2), (1, 1), (4, 2, 2), 4, 1),
    ((4, 6), (2, 2), (2, 2), (0, 0), (1, 1), (3, 1, 1), 3, 1),
    ((9, 2), (2, 1), (4, 1), (0, 0), (1, 1), (1, 1, 1), 1, 1),
    ((3, 4), (3, 3), (1, 1), (1, 1), (1, 1), (2, 2, 2), 2, 2),
    ((1, 1), (3, 3), (1, 1), (1, 1), (1, 1), (1, 1, 2), 2, 2),
    ((4, 1), (4, 1), (1, 1), (0, 0), (1, 1), (3, 3, 2), 2, 1),
]  # fmt: skip


class Around(wiring.Component):
    """A sequencer and a line buffer, joined as ``hdl.top`` joins them."""

    def __init__(self, sweep: Sweep, tiles: int, blocks: Blocks, banks: int, held: bool) -> None:
        inner = Blocks(1) if held else blocks
        elements = sweep.line
        tile = None if held else sweep.column
        placing = Placing(elements, 1, BITS, inner, 1, tile)
        self.buffer = LineBuffer(placing, sweep, banks, held)
        self.sequencer = Sequencer(
            blocks, tiles=tiles, period=sweep.words, cycles=[sweep.words], constant=[held],
            late=[0], back=[False], leader=None if held else 0, latency=1,
            places=sweep.places[1], lines=sweep.places[0], swept=True, runs=sweep.runs,
        )  # fmt: skip
        super().__init__(
            {
                "i": In(stream.Signature(word(placing.beat_bits), always_ready=True)),
                "reserve": In(1),
                "room": Out(1),
                "may": In(1),
                "issue": Out(1),
                "silent": Out(1),
                "start": Out(1),
                "data": Out(placing.word_bits),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Join them."""
        m = Module()
        m.submodules.buffer, m.submodules.sequencer = buffer, s = self.buffer, self.sequencer
        m.d.comb += [
            buffer.i.valid.eq(self.i.valid),
            buffer.i.payload.eq(self.i.payload),
            buffer.reserve.eq(self.reserve),
            self.room.eq(buffer.room),
            s.full.eq(buffer.full),
            s.first.eq(buffer.first),
            s.last.eq(buffer.last),
            s.room.eq(self.may),
            buffer.line.eq(s.line),
            buffer.start.eq(s.start),
            buffer.release.eq(s.ended),
            buffer.issue.eq(s.issue),
            self.issue.eq(s.issue),
            self.silent.eq(buffer.silent),
            self.start.eq(s.start),
            self.data.eq(buffer.data),
        ]
        m.d.comb += [
            getattr(buffer, n).eq(getattr(s, n)) for n in ("done", "again", "placed", "lined")
        ]
        if buffer.held:
            m.d.comb += buffer.ends.eq(s.over)
        else:
            m.d.comb += buffer.chunk.eq(s.chunk)
        return m


def value(line: int, place: int, t: int) -> int:
    """Return what a word of a line holds at a timestep."""
    return (line * 37 + place * 5 + t * 911) % (1 << BITS)


def wanted(sweep: Sweep, tiles: int, blocks: Blocks, samples: int, held: bool) -> list[int | None]:
    """Return the words that are read, None where there is nothing; lines are counted through."""
    rows, found, line, t0 = sweep.source[0], [], 0, 0
    for _ in range(samples):
        for b in range(blocks.count):
            steps = blocks.first if b == 0 else blocks.block
            for _ in range(sweep.runs):
                for y, x in np.ndindex(*sweep.places):
                    for tile in range(tiles):
                        for t in range(steps):
                            if held and t:
                                continue
                            at = 0 if held else t0 + t
                            for r, c in np.ndindex(*sweep.kernel):
                                row = y * sweep.stride[0] - sweep.padding[0] + r * sweep.dilation[0]
                                col = x * sweep.stride[1] - sweep.padding[1] + c * sweep.dilation[1]
                                for k in range(sweep.seen):
                                    inside = 0 <= row < rows and 0 <= col < sweep.source[1]
                                    word = tile // sweep.turns * sweep.seen + k
                                    place = col * sweep.column + word
                                    found.append(value(line + row, place, at) if inside else None)
            if not held:
                line, t0 = line + rows, t0 + steps
        if held:
            line += rows
    return found


def bench(dut: Around, tiles: int, blocks: Blocks, samples: int, seed: int) -> Bench[list]:
    """Send lines whenever there is room, with pauses; gather what is read."""
    rng, sweep = random.Random(seed), dut.buffer.sweep
    held, line, t0 = dut.buffer.held, 0, 0
    queue = []  # lines as lists of beats
    for _ in range(samples):
        for b in range(1 if held else blocks.count):
            steps = 1 if held else blocks.first if b == 0 else blocks.block
            for r in range(sweep.source[0]):
                beats = []
                for col in range(sweep.source[1]):
                    for t in range(steps):
                        for w in range(sweep.column):
                            at = value(line + r, col * sweep.column + w, t0 + t)
                            beats.append((at, b == 0, b == blocks.count - 1 or held))
                queue.append(beats)
            line, t0 = line + sweep.source[0], t0 + (0 if held else steps)
    want = len(wanted(sweep, tiles, blocks, samples, held))
    got, issued, now, idle = [], None, [], 0
    room, pace = 0, rng.choice((0.2, 1.0))
    while len(got) < want:
        given = {"may": int(rng.random() < 0.8)}
        if not now and queue and room and rng.random() < pace:
            now, given["reserve"] = queue.pop(0), 1
        elif now and rng.random() < 0.9:
            data, first, last = now.pop(0)
            given |= {"i_valid": 1, "i_data": data, "i_first": int(first)}
            # A block may turn out to be the last with its last beat.
            given["i_last"] = int(last and not now)
        out = yield given
        room = out["room"] and not given.get("reserve")
        if issued is not None:
            got.append(None if issued else out["data"])
        issued = out["silent"] if out["issue"] else None
        idle = 0 if out["issue"] else idle + 1
        assert idle < 4000, f"it stands still after {len(got)} of {want} words"
    for _ in range(40):
        out = yield {"may": 1}
        assert not out["issue"], "it reads more than there is"
    return got


@pytest.mark.parametrize("cut", [(1, 1), (3, 2), (2, 2)])
@pytest.mark.parametrize("window", WINDOWS)
def test_every_window_in_order(window, cut, rng) -> None:
    source, kernel, stride, padding, dilation, (column, seen, turns), tiles, runs = window
    places = tuple(
        (n + 2 * p - d * (k - 1) - 1) // s + 1
        for n, k, s, p, d in zip(source, kernel, stride, padding, dilation, strict=True)
    )
    sweep = Sweep(source, places, kernel, stride, padding, dilation, column, seen, turns, runs)
    blocks = Blocks(*cut)
    for held in (False, True):
        least = source[0] if held else sweep.most
        for banks in (least, least + 2):
            dut = Around(sweep, tiles, blocks, banks, held)
            seed = int(rng.integers(1 << 30))
            found = clocked(dut, bench(dut, tiles, blocks, 2, seed), 400_000)
            assert found == wanted(sweep, tiles, blocks, 2, held), (held, banks, seed)


def test_it_needs_the_lines_of_a_window() -> None:
    sweep = Sweep((8, 2), (8, 2), (3, 3), padding=(1, 1))
    placing = Placing(2, 1, 1, Blocks(1), 1)
    with pytest.raises(ValueError, match="2 lines are fewer"):
        LineBuffer(placing, sweep, 2)
    with pytest.raises(ValueError, match="a block of 8 lines does not fit in 3"):
        LineBuffer(placing, sweep, 3, held=True)
    with pytest.raises(ValueError, match="a block of 8 lines does not fit in 7"):
        LineBuffer(placing, sweep, 7, tokens=1)
    assert LineBuffer.depth(placing, sweep, 3) == math.prod((3, 2))
