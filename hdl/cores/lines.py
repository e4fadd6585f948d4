"""Lines: the rows of a map that wait for a window, and the words that it sees one after the other.

A ring of lines. A line comes in whole and stays until no window needs it. ``Sweep`` says of each
line of outputs how many lines must be there, and how many are done with after it; so a window that
moves down one line takes one and frees one, and only as many lines are kept as windows overlap.
"""

from __future__ import annotations

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ..streams import word
from ..sweeps import Sweep
from .buffer import UNCHECKED
from .counting import count
from .placing import Placing, placed


class LineBuffer(wiring.Component):
    """Lines in by beats; the words of windows out, in the order of ``Sweep``.

    For each place of the outputs, and for each pass there, it gives the window's words row by row,
    column by column, word by word; for each bit plane and chunk of timesteps again. Beyond the map
    it gives nothing: ``silent`` says so. A word is there one cycle after ``issue``. Throughput: a
    beat and a word a cycle.

    Parameters
    ----------
    placing : of a line. sweep : Sweep. banks : lines that it holds.
    held : whether a block is read again, block by block, until the sample ends
    tokens : blocks of zeros that stand in it after a reset (for connections back)
    rests : whether there is a port ``rest``

    Members
    -------
    i, reserve, room, rest : as of a ``BlockBuffer``, of lines
    line : the line of outputs that begins next, counted through all runs over a block
    full : whether the lines are there that it needs; first, last: flags of their block
    start : it begins. release : the line at hand has been made
    issue : a word is read; chunk: of these timesteps
    done, again, placed, lined : the last cycle of a pass; it is not the tile's last chunk, it is
        the last of its place, of its line
    ends : the block at hand is its sample's last; only where ``held``
    data : the word that was read; silent: the word that is read lies beyond the map
    """

    def __init__(
        self, placing: Placing, sweep: Sweep, banks: int, held: bool = False, tokens: int = 0,
        rests: bool = False,
    ) -> None:  # fmt: skip
        rows = sweep.source[0]
        if banks < sweep.most:
            raise ValueError(f"{banks} lines are fewer than a window needs at a time")
        if banks < tokens * rows or (held and banks < rows):
            raise ValueError(f"a block of {rows} lines does not fit in {banks}")
        self.placing, self.sweep, self.banks, self.held = placing, sweep, banks, held
        self.tokens, self.rests = tokens, rests
        super().__init__(
            {
                "i": In(stream.Signature(word(placing.beat_bits), always_ready=True)),
                "reserve": In(1),
                "room": Out(1),
                "line": In(range(max(2, sweep.rounds))),
                "full": Out(1),
                "first": Out(1),
                "last": Out(1),
                "start": In(1),
                "release": In(1),
                "issue": In(1),
                "chunk": In(max(1, placing.row_bits[1])),
                "done": In(1),
                "again": In(1),
                "placed": In(1),
                "lined": In(1),
                **({"ends": In(1)} if held else {}),
                "data": Out(placing.word_bits),
                "silent": Out(1),
                **({"rest": Out(1)} if rests else {}),
            }
        )

    @property
    def ring(self) -> int:
        """Words of all lines, of one chunk."""
        return self.banks * self.sweep.line

    @staticmethod
    def depth(placing: Placing, sweep: Sweep, banks: int) -> int:
        """Rows of the memory of each column."""
        ring = banks * sweep.line
        return ((placing.blocks.chunks - 1) << (ring - 1).bit_length()) + ring

    def elaborate(self, platform: object) -> Module:
        """Keep books of lines; write where a line begins; read where the window stands."""
        m = Module()
        p = self.placing
        here = placed(m, p, self.i, Const(0, 1))
        self._books(m, here.commit)
        into: Value = Const(0, 1)
        if self.banks > 1:
            first = self.tokens * self.sweep.source[0] % self.banks * self.sweep.line
            into = Signal(range(self.ring), name="into", init=first)
            with m.If(here.commit):
                m.d.sync += into.eq(self._moved(into, 1))
        bits = (self.ring - 1).bit_length()
        chunks = p.row_bits[1]
        write_at, read_at = (
            Signal(max(1, bits + chunks), name=f"{n}_at") for n in ("write", "read")
        )
        place = self._window(m)
        m.d.comb += [
            write_at.eq(Cat((into + here.word)[:bits], here.chunk[:chunks])),
            read_at.eq(Cat(place[:bits], self.chunk[:chunks])),
        ]
        parts = []
        for k in range(p.timesteps * p.columns):
            m.submodules[f"column_{k}"] = memory = Memory(
                shape=unsigned(p.beat_bits),
                depth=max(2, self.depth(p, self.sweep, self.banks)), init=[], attrs=UNCHECKED,
            )  # fmt: skip
            write, read = memory.write_port(), memory.read_port()
            m.d.comb += [
                write.addr.eq(write_at),
                write.data.eq(self.i.p.data),
                write.en.eq(self.i.valid & (here.column == k)),
                read.addr.eq(read_at),
            ]
            parts.append(read.data)
        m.d.comb += self.data.eq(Cat(parts))
        return m

    def _moved(self, at: Value, lines: int) -> Value:
        """Return the place so many lines on, round the ring."""
        far, ring = lines % self.banks * self.sweep.line, self.ring
        if not far:
            return at
        if ring & (ring - 1) == 0:
            return (at + far)[: len(at)]
        moved = at + far
        return Mux(moved >= ring, moved - ring, moved)[: len(at)]

    def _books(self, m: Module, commit: Value) -> None:
        """Count lines that are taken and that wait, and keep the flags of their blocks."""
        sweep, banks = self.sweep, self.banks
        rows, count_out = sweep.source[0], sweep.rounds
        zeros = self.tokens * rows
        used = Signal(range(banks + 1), name="used", init=zeros)
        waiting = Signal(range(banks + 1), name="waiting", init=zeros)
        m.d.comb += self.room.eq(used != banks)
        if self.rests:
            m.d.comb += self.rest.eq((used == zeros) & (waiting == zeros))
        ending = self.line == count_out - 1 if count_out > 1 else Const(1, 1)
        needs = self._by_line(m, self.line, sweep.takes, "takes")
        at = Signal(range(max(2, count_out)), name="line_at")
        with m.If(self.start):
            m.d.sync += at.eq(self.line)
        frees = self._by_line(m, at, sweep.frees, "frees")
        later: Value = Const(0, 1)  # a block of the sample that has been read before
        if self.held:
            later = Signal(name="read_before")
            before = Signal(name="read_before_this")  # the next line may begin in this cycle
            m.d.comb += later.eq(Mux(self.release & (at == count_out - 1), ~self.ends, before))
            m.d.sync += before.eq(later)
            frees = Mux(self.ends & (at == count_out - 1), rows, 0)
        m.d.comb += self.full.eq(later | (waiting >= needs))
        takes = Mux(self.start & ~later, needs, 0)
        m.d.sync += [
            waiting.eq(waiting + commit - takes),
            used.eq(used + self.reserve - Mux(self.release, frees, 0)),
        ]
        # As many blocks may have lines in the ring.
        blocks = (banks + rows - 2) // rows + 1
        _, end_in = count(m, rows, commit, "line_in")
        block_in, _ = count(m, blocks, commit & end_in, "block_in", self.tokens % blocks)
        block_out, _ = count(m, blocks, self.start & ending & ~later, "block_out")
        for name in ("first", "last"):
            flags = Array(Signal(name=f"{name}_{b}", reset_less=True) for b in range(blocks))
            with m.If(commit):
                m.d.sync += flags[block_in].eq(self.i.p[name])
            m.d.comb += getattr(self, name).eq(flags[block_out])

    def _by_line(self, m: Module, line: Value, numbers: tuple[int, ...], name: str) -> Value:
        """Return a number by line; most lines have the same."""
        usual = max(set(numbers), key=numbers.count)
        value = Signal(range(max(numbers) + 1), name=name, init=usual)
        m.d.comb += value.eq(usual)
        with m.Switch(line):
            for number in sorted(set(numbers) - {usual}):
                with m.Case(*(y for y, n in enumerate(numbers) if n == number)):
                    m.d.comb += value.eq(number)
        return value

    def _window(self, m: Module) -> Value:
        """Return the place of the word that is read; ``silent`` where there is none."""
        w = self.sweep
        _, end_seen = count(m, w.seen, self.issue, "seen")
        _, end_col = count(m, w.kernel[1], self.issue & end_seen, "tap_col")
        end_taps = Signal(name="row_ends")
        m.d.comb += end_taps.eq(self.issue & end_seen & end_col)
        _, end_row = count(m, w.kernel[0], end_taps, "tap_row")
        around = Signal(name="around")  # the window once more, or where it stands next
        m.d.comb += around.eq(end_taps & end_row)
        tiled, moves, falls = (Signal(name=n) for n in ("tiled", "moves", "falls"))
        m.d.comb += [
            tiled.eq(self.done & ~self.again),
            moves.eq(tiled & self.placed),
            falls.eq(moves & self.lined),
        ]
        rows = self._rows(m, falls, around, end_taps)
        cols = self._cols(m, tiled, moves, falls, around, end_taps, end_seen)
        silent = [x for x in (rows[1], cols[1]) if x is not None]
        if silent:
            m.d.comb += self.silent.eq(Cat(silent).any())
        return rows[0] + cols[0]

    def _rows(
        self, m: Module, falls: Value, around: Value, end_taps: Value
    ) -> tuple[Value, Value | None]:
        """Return where the line that is read begins, and whether it lies beyond the map."""
        w = self.sweep
        (rows, _), (s, _), (p, _), (d, _) = w.source, w.stride, w.padding, w.dilation
        count_out = w.places[0]
        _, end_line = count(m, count_out, falls, "fallen")
        outside = None
        if p or (count_out - 1) * s + (w.kernel[0] - 1) * d - p >= rows:
            span = signed((max(p, rows + p + d * w.kernel[0] + s)).bit_length() + 1)
            top, row = (Signal(span, name=n, init=-p) for n in ("top", "row"))
            falling = Mux(end_line, -p, top + s)
            with m.If(end_taps):
                m.d.sync += row.eq(row + d)
            with m.If(around):
                m.d.sync += row.eq(top)
            with m.If(falls):
                m.d.sync += [row.eq(falling), top.eq(falling)]
            outside = (row < 0) | (row >= rows)
        if self.banks == 1:
            return Const(0, 1), outside
        start = -p % self.banks * w.line
        origin, line = (
            Signal(range(self.ring), name=n, init=start) for n in ("origin", "line_read")
        )
        on: Value = Const(1, 1)  # to the next block, and not once more over this one
        if w.runs > 1:
            _, on = count(m, w.runs, falls & end_line, "run")
        if self.held:
            on = on & self.ends
        back = self._moved(origin, rows - (count_out - 1) * s)
        if self.held or w.runs > 1:
            back = Mux(on, back, self._moved(origin, -(count_out - 1) * s))
        falling = Mux(end_line, back, self._moved(origin, s))
        with m.If(end_taps):
            m.d.sync += line.eq(self._moved(line, d))
        with m.If(around):
            m.d.sync += line.eq(origin)
        with m.If(falls):
            m.d.sync += [line.eq(falling), origin.eq(falling)]
        return line, outside

    def _cols(
        self, m: Module, tiled: Value, moves: Value, falls: Value, around: Value, end_taps: Value,
        end_seen: Value,
    ) -> tuple[Value, Value | None]:  # fmt: skip
        """Return the word within its line, or the line's first one, and whether it lies beyond."""
        w = self.sweep
        (_, cols), (_, s), (_, p), (_, d) = w.source, w.stride, w.padding, w.dilation
        count_out = w.places[1]
        outside = None
        if p or (count_out - 1) * s + (w.kernel[1] - 1) * d - p >= cols:
            span = signed((max(p, cols + p + d * w.kernel[1] + s)).bit_length() + 1)
            left, col = (Signal(span, name=n, init=-p) for n in ("left", "col"))
            moving = Mux(falls, -p, left + s)
            with m.If(self.issue & end_seen):
                m.d.sync += col.eq(col + d)
            with m.If(end_taps | around):
                m.d.sync += col.eq(left)
            with m.If(moves):
                m.d.sync += [col.eq(moving), left.eq(moving)]
            outside = (col < 0) | (col >= cols)
        bits = (w.line + w.column * (p + s + d * w.kernel[1])).bit_length()
        start = -p * w.column % (1 << bits)
        base, at = (Signal(bits, name=n, init=start) for n in ("base", "word_read"))
        groups = w.column // w.seen
        _, end_turn = count(m, w.turns, tiled, "turn_seen") if groups > 1 else (None, Const(0, 1))
        moving = Mux(falls, start, base + s * w.column - (groups - 1) * w.seen)[:bits]
        with m.If(self.issue):
            m.d.sync += at.eq(at + 1)
            with m.If(end_seen):
                m.d.sync += at.eq(at + d * w.column - (w.seen - 1))
        with m.If(end_taps | around):
            m.d.sync += at.eq(base)
        if groups > 1:
            with m.If(tiled & end_turn):
                m.d.sync += [at.eq(base + w.seen), base.eq(base + w.seen)]
        with m.If(moves):
            m.d.sync += [at.eq(moving), base.eq(moving)]
        return at if outside is None else Mux(outside, 0, at), outside
