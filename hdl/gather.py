"""Gather: one spike a beat in, words of spikes out."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from . import layouts


class Gather(wiring.Component):
    """Collects ``simd`` spikes into a word, through a shift register.

    The spikes of a last, partial word stand in its high bits (``pack(tail="high")``).
    Throughput: one spike a cycle. Latency: one cycle from the last spike of a word to the word.

    Parameters
    ----------
    simd : spikes a word
    payload : layout of the input beats, with ``spike``, ``first`` and ``last``

    Members
    -------
    i : :py:`In(stream.Signature(payload))`
    o : :py:`Out(stream.Signature(layouts.words(simd, 1)))`
    """

    latency = 1

    def __init__(self, simd: int, payload: object) -> None:
        self.simd = simd
        super().__init__(
            {
                "i": In(stream.Signature(payload)),
                "o": Out(stream.Signature(layouts.words(simd, 1))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Hand a word over with its last place, or with the last spike of the timestep."""
        m = Module()
        place = Signal(range(self.simd), name="place")
        partial = Signal(self.simd, name="partial")
        shifted = Signal(self.simd, name="shifted")
        kept = Mux(place == 0, 0, partial)
        m.d.comb += [
            self.i.ready.eq(~self.o.valid | self.o.ready),
            shifted.eq(Cat(kept, self.i.p.spike) >> 1 if self.simd > 1 else self.i.p.spike),
        ]
        with m.If(self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += [partial.eq(shifted), place.eq(place + 1)]
            with m.If(self.i.p.last | (place == self.simd - 1)):
                m.d.sync += [
                    place.eq(0),
                    self.o.valid.eq(1),
                    self.o.p.data.eq(shifted),
                    self.o.p.first.eq(self.i.p.first),
                    self.o.p.last.eq(self.i.p.last),
                ]
        return m
