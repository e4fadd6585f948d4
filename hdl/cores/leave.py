"""Leave: the network's output stream; beats wait here until they are taken."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.wiring import In, Out

from ..streams import word
from .counting import later


class Leave(wiring.Component):
    """Holds ``banks`` blocks of beats, and takes one only where it has room for all of it.

    ``first`` is set on a sample's first beat, ``last`` on its last one. Latency: ``latency``
    cycles.

    Parameters
    ----------
    bits : of a beat. beats, beats_first : of a block, and of a sample's first one. banks : blocks.

    Members
    -------
    i : :py:`In(stream.Signature(word(bits), always_ready=True))`
    reserve, room : a sender takes a bank; whether there is one
    o : :py:`Out(stream.Signature(word(bits)))`
    """

    latency = 2

    def __init__(self, bits: int, *, beats: int, beats_first: int, banks: int) -> None:
        self.bits, self.beats, self.beats_first, self.banks = bits, beats, beats_first, banks
        super().__init__(
            {
                "i": In(stream.Signature(word(bits), always_ready=True)),
                "reserve": In(1),
                "room": Out(1),
                "o": Out(stream.Signature(word(bits))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Put the beats into a FIFO, and count its blocks."""
        m = Module()
        left = Signal(range(max(2, self.beats)), name="left")
        within = Signal(name="within")  # a beat of the block at hand has come
        now = Signal.like(left, name="left_now")
        start = Mux(self.i.p.first, self.beats_first - 1, self.beats - 1)
        m.d.comb += now.eq(Mux(within, left, start))
        end = now == 0
        with m.If(self.i.valid):
            m.d.sync += [left.eq(now - 1), within.eq(~end)]
        # One place of it is an output register, in which a beat comes a cycle late.
        m.submodules.fifo = fifo = SyncFIFOBuffered(
            width=self.bits + 3, depth=max(3, self.beats * self.banks + 1)
        )
        at = self.bits
        m.d.comb += [
            fifo.w_data[:at].eq(self.i.p.data),
            fifo.w_data[at].eq(self.i.p.first & ~within),
            fifo.w_data[at + 1].eq(self.i.p.last & end),
            fifo.w_data[at + 2].eq(end),
            fifo.w_en.eq(self.i.valid),
            self.o.p.data.eq(fifo.r_data[:at]),
            self.o.p.first.eq(fifo.r_data[at]),
            self.o.p.last.eq(fifo.r_data[at + 1]),
            self.o.valid.eq(fifo.r_rdy),
            fifo.r_en.eq(self.o.ready),
        ]
        used = Signal(range(self.banks + 1), name="used")
        release = later(m, self.o.valid & self.o.ready & fifo.r_data[at + 2], 1, "release", True)
        m.d.comb += self.room.eq(used != self.banks)
        with m.If(self.reserve & ~release):
            m.d.sync += used.eq(used + 1)
        with m.Elif(release & ~self.reserve):
            m.d.sync += used.eq(used - 1)
        return m
