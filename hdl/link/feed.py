"""Feed: bytes as the beats of a stream, with the marks of its first and its last one."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..streams import word
from .reader import Words


class Feed(wiring.Component):
    """Gives beats in runs of ``size``; a beat every ``bytes + 1`` cycles.

    Parameters
    ----------
    bits : of a beat

    Members
    -------
    clear : the next byte begins a run. size : beats of a run
    i : :py:`In(stream.Signature(8))`
    o : :py:`Out(stream.Signature(word(bits)))`
    whole : a run has ended since ``clear``
    """

    def __init__(self, bits: int) -> None:
        self.bits = bits
        super().__init__(
            {
                "clear": In(1),
                "size": In(24),
                "i": In(stream.Signature(8)),
                "o": Out(stream.Signature(word(bits))),
                "whole": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Count beats."""
        m = Module()
        m.submodules.words = words = Words(self.bits)
        wiring.connect(m, wiring.flipped(self.i), words.i)
        place = Signal(24, name="place")
        last = Signal(name="last")
        taken = self.o.valid & self.o.ready
        m.d.comb += [
            words.clear.eq(self.clear),
            self.o.valid.eq(words.o.valid),
            words.o.ready.eq(self.o.ready),
            last.eq(place == self.size - 1),
            self.o.p.data.eq(words.o.payload),
            self.o.p.first.eq(place == 0),
            self.o.p.last.eq(last),
        ]
        with m.If(self.clear):
            m.d.sync += [place.eq(0), self.whole.eq(0)]
        with m.Elif(taken):
            m.d.sync += [place.eq(Mux(last, 0, place + 1)), self.whole.eq(self.whole | last)]
        return m
