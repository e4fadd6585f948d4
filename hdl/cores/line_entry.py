"""Line entry: the network's input stream of maps, counted; whole blocks go on, line by line.

Rules and errors are those of ``entry``. But lines go on before their block is whole, so a block
that is given up cannot be taken back: it is filled up, with whatever, and goes on without an end.
Meanwhile nothing is taken, for as many cycles as beats are missing.
"""

from __future__ import annotations

from amaranth.hdl import Module, Mux, ResetSignal, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..streams import word
from .entry import ERRORS


class LineEntry(wiring.Component):
    """Takes a beat a cycle while the line at hand has its bank.

    Latency: one cycle. Nothing is taken during reset.

    Parameters
    ----------
    bits : of a beat
    beats, beats_first : of a line, and of a line of a sample's first block
    lines, blocks : of a block, and of a whole sample

    Members
    -------
    i : :py:`In(stream.Signature(word(bits)))`
    room, reserve : of all readers, for a line
    o : :py:`Out(stream.Signature(word(bits), always_ready=True))`
    error : sticky, see ``entry.ERRORS``
    open : a sample has begun and not ended, or what is left of it is filled up
    """

    latency = 1

    def __init__(self, bits: int, *, beats: int, beats_first: int, lines: int, blocks: int) -> None:
        self.bits, self.beats, self.beats_first = bits, beats, beats_first
        self.lines, self.blocks = lines, blocks
        super().__init__(
            {
                "i": In(stream.Signature(word(bits))),
                "room": In(1),
                "reserve": Out(1),
                "o": Out(stream.Signature(word(bits), always_ready=True)),
                "error": Out(len(ERRORS)),
                "open": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Take a beat, or the one that waits, or make one; the counters see no difference."""
        m = Module()
        is_open = Signal(name="open")  # within a sample
        dropping = Signal(name="dropping")  # until the next first
        held = Signal(name="held")  # a bank is taken
        partial = Signal(name="partial")  # within a block
        filling = Signal(name="filling")  # a block that is given up
        waits = Signal(name="waits")  # the beat that began a sample within a block
        kept = Signal(self.i.payload.shape(), name="kept", reset_less=True)
        left = Signal(range(max(2, self.beats)), name="left")  # beats of this line after the next
        line = Signal(range(max(2, self.lines)), name="line")
        block = Signal(range(max(2, self.blocks)), name="block")

        may, taken, cuts = Signal(name="may"), Signal(name="taken"), Signal(name="cuts")
        m.d.comb += [
            may.eq(held | self.room),
            self.i.ready.eq(~ResetSignal() & may & ~filling & ~waits),
            taken.eq(self.i.valid & self.i.ready),
            cuts.eq(taken & self.i.p.first & partial),
        ]
        with m.If(cuts):
            m.d.sync += [kept.eq(self.i.payload), filling.eq(1), waits.eq(1), is_open.eq(0)]

        beat, first, last = Signal(name="beat"), Signal(name="first"), Signal(name="last")
        payload = Signal(self.i.payload.shape(), name="now")
        m.d.comb += [
            payload.eq(Mux(waits, kept, self.i.payload)),
            beat.eq((taken & ~cuts) | (may & (filling | waits))),
            first.eq(payload.first & ~filling),
            last.eq(payload.last & ~filling),
        ]
        inside = Signal(name="inside")  # this beat belongs to a sample
        now_left, now_line, now_block = (Signal.like(x) for x in (left, line, block))
        m.d.comb += [
            inside.eq(first | is_open | filling),
            now_left.eq(Mux(first, self.beats_first - 1, left)),
            now_line.eq(Mux(first, 0, line)),
            now_block.eq(Mux(first, 0, block)),
        ]
        end_line = now_left == 0
        end_block = end_line & (now_line == self.lines - 1)
        end_sample = end_block & (last | (now_block == self.blocks - 1)) & ~filling
        short = last & ~end_block
        size = Mux((now_block == 0) & ~end_block, self.beats_first - 1, self.beats - 1)
        with m.If(beat & inside):
            m.d.sync += [
                left.eq(Mux(end_line, size, now_left - 1)),
                line.eq(Mux(end_block, 0, now_line + end_line)),
                block.eq(now_block + end_block),
                held.eq(~end_line),
                partial.eq(~end_block),
            ]
            with m.If(filling):
                with m.If(end_block):
                    m.d.sync += filling.eq(0)
            with m.Else():
                m.d.sync += [
                    is_open.eq(~end_sample & ~last),
                    dropping.eq(end_sample & ~last),
                    filling.eq(short),
                    waits.eq(0),
                ]
        m.d.comb += [self.reserve.eq(beat & inside & ~held), self.open.eq(is_open | filling)]

        errors = {
            "cut": taken & self.i.p.first & is_open,
            "short": beat & inside & short,
            "long": beat & inside & end_sample & ~last,
            "stray": taken & ~self.i.p.first & ~is_open & ~dropping,
        }
        for k, name in enumerate(ERRORS):
            with m.If(errors[name]):
                m.d.sync += self.error[k].eq(1)

        out = Signal(self.o.payload.shape(), name="payload", reset_less=True)
        m.d.sync += [
            self.o.valid.eq(beat & inside),
            out.data.eq(payload.data),
            out.first.eq(now_block == 0),
            out.last.eq(end_sample),
        ]
        m.d.comb += self.o.payload.eq(out)
        return m
