"""Bodies: where the bytes of a reply come from."""

from __future__ import annotations

from enum import IntEnum

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out


class Body(IntEnum):
    """A source of bytes."""

    CORE = 0
    STORE = 1
    HELLO = 2
    SHORT = 3


class Bodies(wiring.Component):
    """Joins one of four sources to the sender; no latency.

    Members
    -------
    source : a Body, while a reply is sent
    rest : nothing is sent
    short : the two bytes of SHORT, the lower one first
    core, store, hello : :py:`In(stream.Signature(8))`
    o : :py:`Out(stream.Signature(8))`
    """

    def __init__(self) -> None:
        byte = stream.Signature(8)
        super().__init__(
            {
                "source": In(2),
                "rest": In(1),
                "short": In(16),
                "core": In(byte),
                "store": In(byte),
                "hello": In(byte),
                "o": Out(byte),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Choose."""
        m = Module()
        second = Signal(name="second")
        with m.If(self.rest):
            m.d.sync += second.eq(0)
        with m.Elif(self.o.valid & self.o.ready):
            m.d.sync += second.eq(1)
        with m.Switch(self.source):
            for k, source in enumerate((self.core, self.store, self.hello)):
                with m.Case(k):
                    m.d.comb += [
                        self.o.valid.eq(source.valid),
                        self.o.payload.eq(source.payload),
                        source.ready.eq(self.o.ready),
                    ]
            with m.Case(Body.SHORT):
                m.d.comb += [
                    self.o.valid.eq(1),
                    self.o.payload.eq(self.short.word_select(second, 8)),
                ]
        return m
