"""Reader: a run of a memory's bytes as a stream; and bytes put together to words of a stream."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out


class Reader(wiring.Component):
    """Gives ``count`` bytes from place ``begin`` on; a byte every two cycles.

    Parameters
    ----------
    depth : rows of the memory

    Members
    -------
    start, begin, count : from the next cycle on; what was left of the last run is forgotten
    at, data : the memory's read port: data come a cycle after ``at``
    o : :py:`Out(stream.Signature(8))`
    """

    def __init__(self, depth: int) -> None:
        super().__init__(
            {
                "start": In(1),
                "begin": In(range(depth)),
                "count": In(range(depth + 1)),
                "at": Out(range(depth)),
                "data": In(8),
                "o": Out(stream.Signature(8)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Read in one cycle, and offer from the next one on."""
        m = Module()
        left = Signal.like(self.count, name="left")
        m.d.comb += self.o.payload.eq(self.data)
        with m.If(self.start):
            m.d.sync += [self.at.eq(self.begin), left.eq(self.count), self.o.valid.eq(0)]
        with m.Elif(self.o.valid & self.o.ready):
            m.d.sync += [left.eq(left - 1), self.o.valid.eq(0)]
            with m.If(left != 1):  # behind the last one there may be no row
                m.d.sync += self.at.eq(self.at + 1)
        with m.Else():
            m.d.sync += self.o.valid.eq(left != 0)
        return m


class Words(wiring.Component):
    """Puts bytes together, the first lowest; bits above the word are dropped.

    Parameters
    ----------
    bits : of a word

    Members
    -------
    clear : what has come of a word is forgotten
    i : :py:`In(stream.Signature(8))`; o : :py:`Out(stream.Signature(bits))`
    """

    def __init__(self, bits: int) -> None:
        self.bits, self.bytes = bits, -(-bits // 8)
        super().__init__(
            {"clear": In(1), "i": In(stream.Signature(8)), "o": Out(stream.Signature(bits))}
        )

    def elaborate(self, platform: object) -> Module:
        """Shift bytes in until there is a word; then wait until it is taken."""
        m = Module()
        kept = Signal(8 * self.bytes, name="kept", reset_less=True)
        have = Signal(range(self.bytes + 1), name="have")
        m.d.comb += [
            self.o.valid.eq(have == self.bytes),
            self.o.payload.eq(kept),
            self.i.ready.eq(~self.o.valid),
        ]
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += [kept.eq(Cat(kept, self.i.payload)[8:]), have.eq(have + 1)]
        with m.If(self.clear | (self.o.valid & self.o.ready)):
            m.d.sync += have.eq(0)
        return m
