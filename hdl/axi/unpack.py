"""Unpack: transfers of whole bytes to beats, at the input of a network."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, ResetSignal, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .transfers import Transfers


class Unpack(wiring.Component):
    """Takes a transfer a cycle; a beat goes on with its last one, in the same cycle.

    ``first`` counts on a beat's first transfer, ``last`` on its last one. Where either stands
    within a beat, transfers were lost or are too many: the beat at hand is dropped, and begun anew
    with ``first``. A beat of one transfer passes as it is.

    Parameters
    ----------
    shape : Transfers

    Members
    -------
    tvalid, tready, tdata, tuser, tlast : transfers
    valid, ready, data, first, last : a beat, by ports as the core has them
    partial : a beat is dropped
    """

    def __init__(self, shape: Transfers) -> None:
        self.shape = shape
        super().__init__(
            {
                "tvalid": In(1), "tready": Out(1), "tdata": In(shape.width),
                "tuser": In(1), "tlast": In(1),
                "valid": Out(1), "ready": In(1), "data": Out(shape.bits),
                "first": Out(1), "last": Out(1),
                "partial": Out(1),
            }
        )  # fmt: skip

    def elaborate(self, platform: object) -> Module:
        """Shift what comes down, the first transfer lowest in the end."""
        m = Module()
        shape = self.shape
        m.d.comb += self.last.eq(self.tlast)
        if shape.count == 1:
            m.d.comb += [
                self.valid.eq(self.tvalid), self.tready.eq(self.ready), self.first.eq(self.tuser),
                self.data.eq(self.tdata),
            ]  # fmt: skip
            return m
        low = Signal((shape.count - 1) * shape.width, name="low", reset_less=True)
        at = Signal(range(shape.count), name="at")
        first = Signal(name="first")
        again, completes = Signal(name="again"), Signal(name="completes")
        m.d.comb += [
            again.eq(self.tuser & (at != 0)),
            completes.eq((at == shape.count - 1) & ~again),
            self.valid.eq(self.tvalid & completes),
            self.data.eq(Cat(low, self.tdata)),
            self.first.eq(first),
            self.tready.eq(~ResetSignal() & (self.ready | ~completes)),
            self.partial.eq(self.tvalid & self.tready & (again | (self.tlast & ~completes))),
        ]
        with m.If(self.tvalid & self.tready):
            m.d.sync += [low.eq(Cat(low, self.tdata) >> shape.width), at.eq(at + 1)]
            with m.If((at == 0) | again):
                m.d.sync += [first.eq(self.tuser), at.eq(1)]
            with m.If(completes | self.tlast):
                m.d.sync += at.eq(Const(0))
        return m
