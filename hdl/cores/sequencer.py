"""Sequencer: the schedule of one population, fixed in advance, and the credits that start it.

A block is ``tiles`` tiles of ``chunks`` passes of ``period`` cycles. All connections of a
population run in step: their passes end together, the shorter ones begin later. Nothing waits
within a block. It begins when every connection has its block and every reader has room for what
comes of it, and may follow the one before without a gap.

Of a map, what is said here of a block holds for each line of it: tiles are those of a place, places
follow each other along the line, and a line begins when the lines of the sources are there.

Where words are skipped, a block says how many cycles its passes take, and all of them take as many:
those of its longest connection. ``period`` is then the most that there can be, and ``least`` the
fewest: the neurons of a pass are through when the sums of the next one come.
"""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..streams import Blocks
from .counting import before, count, greater, later


class Sequencer(wiring.Component):
    """Counts cycles, chunks, tiles and, where nobody else does, blocks.

    Parameters
    ----------
    blocks : Blocks
    tiles : of a block. period : cycles of a pass.
    cycles : of each connection's pass, at most period
    constant : for each connection, whether its block holds for the whole sample
    late : for each connection, the timesteps in which it is silent at the beginning of a sample
    back : for each connection, whether it is silent in the whole first block
    leader : the connection whose flags say where a sample begins and ends, or None: it is counted
    fills : whether an input that is given up comes filled up, without an end: what holds for a
        sample is given back after its blocks, by count
    latency : cycles from a pass's last word to the cycle before its sums can be selected
    skips : for each connection, whether its words are skipped; none where it is left out
    least : cycles of a pass, at least, where words are skipped
    places, lines : of a map, places of a line, and lines
    swept : whether a connection reads by lines
    runs : how often the lines of a block are read; the last time they are sent

    Members
    -------
    full, first, last : for each connection, whether a block waits, and its flags
    room : whether every reader has room
    start : a block begins; to the readers it is ``reserve``
    take, release, issue, again : for each connection: its block begins, has been read; a word is
        read; the tile comes once more
    silent : for each connection, whether it is silent
    turns_0, .. : of each connection whose words are skipped, the cycles, less one, of a pass of
        the block that waits. finish : the last word of a pass
    chunk : the chunk of timesteps that is read
    line : the line that begins next. ended: the line at hand has been read
    opens : the line that begins next is the first that is sent
    sends : it is sent. counting: as begins, the pass is of a run before the last
    done, placed, lined : where lines are read: the last cycle of a pass; its place's; its line's
    over : the block at hand is the last for which a constant input is read
    loaded, begins, ends : a pass's sums can be selected from the next cycle on; its block is a
        sample's first, last
    """

    def __init__(
        self, blocks: Blocks, *, tiles: int, period: int, cycles: list[int],
        constant: list[bool], late: list[int], back: list[bool], leader: int | None, latency: int,
        skips: Sequence[bool] = (), least: int = 1, places: int = 1, lines: int = 1,
        swept: bool = False, runs: int = 1, fills: bool = False,
    ) -> None:  # fmt: skip
        if lines * runs > 1 and not swept:
            raise ValueError("lines are read by lines")
        if max(cycles) > period:
            raise ValueError(f"a pass of {max(cycles)} cycles does not fit a period of {period}")
        self.blocks, self.tiles, self.period = blocks, tiles, period
        self.cycles, self.constant, self.late, self.back = cycles, constant, late, back
        self.leader, self.latency = leader, latency
        self.skips, self.least = list(skips) if any(skips) else [], least
        self.places, self.lines, self.swept, self.runs = places, lines * runs, swept, runs
        self.fills = fills and any(constant)
        n = len(cycles)
        super().__init__(
            {
                "full": In(n),
                "first": In(n),
                "last": In(n),
                "room": In(1),
                "start": Out(1),
                "take": Out(n),
                "release": Out(n),
                "issue": Out(n),
                "silent": Out(n),
                "again": Out(1),
                "chunk": Out(range(max(2, blocks.chunks))),
                "loaded": Out(1),
                "begins": Out(1),
                "ends": Out(1),
                **{
                    f"turns_{k}": In(range(cycles[k]))
                    for k, skips in enumerate(self.skips)
                    if skips
                },
                **({"finish": Out(1)} if self.skips else {}),
                **(
                    {
                        "line": Out(range(max(2, lines * runs))),
                        **dict.fromkeys(("ended", "done", "placed", "lined", "over"), Out(1)),
                    }
                    if swept
                    else {}
                ),
                **({"opens": Out(1)} if lines * runs > 1 else {}),
                **({"sends": Out(1), "counting": Out(1)} if runs > 1 else {}),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """One set of counters; a block's end and the next one's start are the same cycle."""
        m = Module()
        blocks = self.blocks
        running = Signal(name="running")
        left = Signal(range(max(2, self.period)), name="left")  # cycles of this pass still to come
        end_pass = left == 0
        first, last = Signal(name="first_block"), Signal(name="last_block")
        at_first, at_last, opens, sends, final = self._flags(m, first)
        over = self._over(m, last, final)
        skipped = Mux(at_first, blocks.skipped, 0) if blocks.skipped else Const(0, 1)

        end_chunk: Value = Const(1, 1)
        if blocks.chunks > 1:
            chunk = Signal(range(blocks.chunks), name="chunk_at")
            end_chunk = chunk == blocks.chunks - 1
            again = Mux(first, blocks.skipped, 0) if blocks.skipped else 0
            with m.If(running & end_pass):
                m.d.sync += chunk.eq(Mux(end_chunk, again, chunk + 1))
            with m.If(self.start):
                m.d.sync += chunk.eq(skipped)
            m.d.comb += self.chunk.eq(chunk)
        _, end_tile = count(m, self.tiles, running & end_pass & end_chunk, "tile")
        ending = Signal(name="ending")
        tiled = running & end_pass & end_chunk & end_tile
        _, end_place = count(m, self.places, tiled, "place")
        m.d.comb += ending.eq(tiled & end_place if self.places > 1 else tiled)
        if self.swept:
            m.d.comb += [
                self.ended.eq(ending),
                self.done.eq(running & end_pass),
                self.placed.eq(end_tile),
                self.lined.eq(end_place),
                self.over.eq(over),
            ]

        m.d.comb += self.start.eq((~running | ending) & self._ready(at_first) & self.room)
        counting = Signal(name="counting_now")
        if self.runs > 1:
            with m.If(self.start):
                m.d.sync += counting.eq(~sends)
            late = later(m, counting, self.latency, "counting")
            m.d.comb += [self.counting.eq(late), self.sends.eq(sends)]
        with m.If(running):
            m.d.sync += left.eq(before(left))
        issues = self._issues(m, running, left, end_pass, at_first)
        with m.If(self.start):
            m.d.sync += [running.eq(1), first.eq(at_first), last.eq(at_last)]
        with m.Elif(ending):
            m.d.sync += running.eq(0)

        m.d.comb += self.again.eq(~end_chunk)
        ends: Value = last
        if self.fills and self.leader is None:
            whole = Signal(name="whole")  # told with the last line of the first block
            with m.If(self.start & at_first):
                m.d.sync += whole.eq(self.last[self.constant.index(True)])
            ends = last & whole
        begun = chunk == Mux(first, blocks.skipped, 0) if blocks.chunks > 1 else Const(1, 1)
        for k, constant in enumerate(self.constant):
            once = constant and not self.late[k]
            if self.back[k]:
                m.d.comb += self.silent[k].eq(first)
            elif self.late[k]:
                now = chunk if blocks.chunks > 1 else Const(0, 1)
                m.d.comb += self.silent[k].eq(self._silent(m, k, at_first, first, now, opens))
            m.d.comb += [
                self.issue[k].eq(issues[k] & begun if once else issues[k]),
                self.take[k].eq(self.start & at_first if constant else self.start),
                self.release[k].eq(ending & over if constant else ending),
            ]
        for name, value, reset in (
            ("loaded", running & end_pass, True),
            ("begins", first, False),
            ("ends", ends, False),
        ):
            m.d.comb += getattr(self, name).eq(later(m, value, self.latency, name, reset))
        return m

    def _issues(
        self, m: Module, running: Value, left: Signal, end_pass: Value, at_first: Value
    ) -> list[Value]:
        """Load the cycles of a pass; return for each connection whether it reads a word."""
        if not self.skips:
            with m.If(~running | end_pass):  # from idle, a block starts with a whole period
                m.d.sync += left.eq(self.period - 1)
            return [
                running if cycles == self.period else running & (left < cycles)
                for cycles in self.cycles
            ]
        m.d.comb += self.finish.eq(running & end_pass)
        longest: Value = Const(self.least - 1, len(left))
        mine = []
        for k, cycles in enumerate(self.cycles):
            turns: Value = Const(cycles - 1, len(left))
            kept: Value = turns
            if self.skips[k]:
                turns = getattr(self, f"turns_{k}")
                if self.back[k]:  # what waits is of the sample before
                    turns = Mux(at_first, 0, turns)
                kept = Signal(range(cycles), name=f"turns_kept_{k}", reset_less=True)
                if self.constant[k]:
                    turns = Mux(at_first, turns, kept)
                with m.If(self.start):
                    m.d.sync += kept.eq(turns)
            mine.append(kept)
            longest = turns if self.least == 1 and k == 0 else greater(m, longest, turns, k)
        span = Signal.like(left, name="span", reset_less=True)
        with m.If(end_pass):
            m.d.sync += left.eq(span)
        with m.If(self.start):
            m.d.sync += [left.eq(longest), span.eq(longest)]
        alone = self.least == 1 and len(mine) == 1
        return [running if alone else running & (left <= kept) for kept in mine]

    def _flags(self, m: Module, first: Value) -> tuple[Value, Value, Value, Value, Value]:
        """Return what holds of the line that begins next.

        Its block is a sample's first, its last; it is the block's first; it is sent; it is the
        block's last. A block may turn out to be the last with that line: before it is not told.
        """
        line, final = count(m, self.lines, self.start, "line_next")
        opens = line == 0 if self.lines > 1 else Const(1, 1)
        sends: Value = Const(1, 1)
        if self.runs > 1:
            sends = line >= self.lines - self.lines // self.runs
        if self.swept:
            m.d.comb += self.line.eq(line)
        if self.lines > 1:
            m.d.comb += self.opens.eq(line == self.lines - self.lines // self.runs)
        if self.leader is None:
            block, end = count(
                m, self.blocks.count, self.start & final if self.lines > 1 else self.start, "block"
            )
            return block == 0, end, opens, sends, final
        at_first, at_last = self.first[self.leader], self.last[self.leader]
        if self.lines > 1:
            at_first = Mux(opens, at_first, first)
            at_last = at_last & final
        return at_first, at_last, opens, sends, final

    def _over(self, m: Module, last: Value, final: Value) -> Value:
        """Return whether a constant input is read for the last time.

        That is in its sample's last block. One that was filled up has none: blocks are counted.
        """
        if not self.fills or self.leader is None:
            return last
        begins = self.start & final if self.lines > 1 else self.start
        _, end = count(m, self.blocks.count, begins, "held_block")
        over = Signal(name="over_now")
        with m.If(self.start):
            m.d.sync += over.eq(end)
        return over

    def _ready(self, at_first: Value) -> Value:
        """Return whether every connection has its block."""
        ready: Value = Const(1, 1)
        for k, constant in enumerate(self.constant):
            ready = ready & (self.full[k] | ~at_first if constant else self.full[k])
        return ready

    def _silent(
        self, m: Module, k: int, at_first: Value, first: Value, chunk: Value, opens: Value
    ) -> Value:
        """Return whether a connection is silent in the timestep that is read."""
        blocks, late = self.blocks, self.late[k]
        age = Signal(range(late + 1), name=f"age_{k}")  # timesteps before this block
        before = Mux(first, blocks.first, blocks.block)
        with m.If(self.start & opens if self.lines > 1 else self.start):
            older = age + before
            m.d.sync += age.eq(Mux(at_first, 0, Mux(older > late, late, older)))
        return age + chunk < late + (Mux(first, blocks.skipped, 0) if blocks.skipped else 0)
