"""Bridge: words of a register to the port through which another network is written."""

from __future__ import annotations

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..cores.counting import later
from ..cores.rows import WORD


class Bridge(wiring.Component):
    """Keeps one word until the core takes it: a write of a register never waits for the core.

    Members
    -------
    put, data, first, last : a word; to be set only where there is room
    room : for a word
    w_valid, w_ready, w_data, w_first, w_last : of the core
    good : of the core, one cycle after a last word is taken
    loading : a first word has come, and the last one has not gone
    done : a load has just ended; failed: it has, and is not good
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "put": In(1), "data": In(WORD), "first": In(1), "last": In(1), "room": Out(1),
                "w_valid": Out(1), "w_ready": In(1), "w_data": Out(WORD),
                "w_first": Out(1), "w_last": Out(1),
                "good": In(1),
                "loading": Out(1), "done": Out(1), "failed": Out(1),
            }
        )  # fmt: skip

    def elaborate(self, platform: object) -> Module:
        """Hold a word and its marks."""
        m = Module()
        m.d.comb += self.room.eq(~self.w_valid)
        with m.If(self.w_valid & self.w_ready):
            m.d.sync += self.w_valid.eq(0)
            with m.If(self.w_last):
                m.d.sync += self.loading.eq(0)
        with m.If(self.put):
            m.d.sync += [self.w_valid.eq(1), self.w_data.eq(self.data)]
            m.d.sync += [self.w_first.eq(self.first), self.w_last.eq(self.last)]
            with m.If(self.first):
                m.d.sync += self.loading.eq(1)
        ends = later(m, self.w_valid & self.w_ready & self.w_last, 1, "ends", reset=True)
        m.d.comb += [self.done.eq(ends & self.good), self.failed.eq(ends & ~self.good)]
        return m
