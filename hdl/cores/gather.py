"""Gather: the outputs of a few lanes in, beats of more of them out."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..streams import word
from .counting import count


class Gather(wiring.Component):
    """Collects ``wide`` elements through a shift register.

    Elements of a beat that is cut off by the last neuron stand in its high bits; what is below
    them is left from before. Latency: ``latency`` cycles from a beat's last element to the beat.

    Parameters
    ----------
    lanes, wide : elements that come at once, elements of a beat; lanes divides wide
    bits : of an element

    Members
    -------
    valid, data, end, first, last : ``lanes`` elements, as a neuron unit gives them
    o : :py:`Out(stream.Signature(word(wide * bits), always_ready=True))`
    """

    latency = 1

    def __init__(self, lanes: int, wide: int, bits: int = 1) -> None:
        if wide % lanes:
            raise ValueError(f"{lanes} lanes do not divide a beat of {wide}")
        self.lanes, self.wide, self.bits = lanes, wide, bits
        super().__init__(
            {
                "valid": In(1),
                "data": In(lanes * bits),
                "end": In(1),
                "first": In(1),
                "last": In(1),
                "o": Out(stream.Signature(word(wide * bits), always_ready=True)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Shift whenever something comes; the beat is there with its last place."""
        m = Module()
        turns = self.wide // self.lanes
        kept = Signal(self.wide * self.bits, name="kept", reset_less=True)
        place, end = count(m, turns, self.valid, "place")
        with m.If(self.valid):
            m.d.sync += kept.eq(Cat(kept, self.data)[self.lanes * self.bits :])
        if turns > 1:
            with m.If(self.valid & self.end):
                m.d.sync += place.eq(0)
        first, last = (Signal(name=n, reset_less=True) for n in ("first_late", "last_late"))
        m.d.sync += [
            self.o.valid.eq(self.valid & (end | self.end)),
            first.eq(self.first),
            last.eq(self.last),
        ]
        m.d.comb += [
            self.o.p.data.eq(kept), self.o.p.first.eq(first), self.o.p.last.eq(last)
        ]  # fmt: skip
        return m
