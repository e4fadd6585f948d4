"""Pack: beats to transfers of whole bytes, at the output of a network."""

from __future__ import annotations

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .transfers import Transfers


class Pack(wiring.Component):
    """Takes a beat every ``shape.count`` cycles; latency 1. What is offered comes from registers.

    A transfer that waits stays, whatever becomes of the core behind: so a soft reset of that one
    breaks no rule of the stream.

    Parameters
    ----------
    shape : Transfers

    Members
    -------
    valid, ready, data, first, last : a beat, by ports as the core has them
    tvalid, tready, tdata, tuser, tlast : transfers; ``tuser`` marks the first one of a beat with
        ``first``, ``tlast`` on the last one of a beat with ``last``
    """

    def __init__(self, shape: Transfers) -> None:
        self.shape = shape
        super().__init__(
            {
                "valid": In(1), "ready": Out(1), "data": In(shape.bits),
                "first": In(1), "last": In(1),
                "tvalid": Out(1), "tready": In(1), "tdata": Out(shape.width),
                "tuser": Out(1), "tlast": Out(1),
            }
        )  # fmt: skip

    def elaborate(self, platform: object) -> Module:
        """Keep a beat, and shift it down."""
        m = Module()
        shape = self.shape
        data = Signal(shape.count * shape.width, name="data", reset_less=True)
        first = Signal(name="first", reset_less=True)
        last = Signal(name="last", reset_less=True)
        left = Signal(range(shape.count + 1), name="left")  # transfers
        final = left == 1
        m.d.comb += [
            self.tvalid.eq(left != 0),
            self.tdata.eq(data),
            self.tuser.eq(first),
            self.tlast.eq(last & final),
            self.ready.eq((left == 0) | (final & self.tready)),
        ]
        with m.If(self.tvalid & self.tready):
            m.d.sync += [data.eq(data >> shape.width), first.eq(0), left.eq(left - 1)]
        with m.If(self.valid & self.ready):
            m.d.sync += [
                data.eq(self.data), first.eq(self.first), last.eq(self.last), left.eq(shape.count)
            ]  # fmt: skip
        return m
