"""Sender: a reply's fields, its body, the status, and both CRCs, as bytes."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib import crc, stream, wiring
from amaranth.lib.wiring import In, Out

from .protocol import CRC, FIELDS, STATUS, SYNC


class Sender(wiring.Component):
    """Sends one frame at a time; a byte a cycle where they are taken, and a cycle before each CRC.

    Members
    -------
    start : with kind, session, sequence, and ``length`` bytes of body: what is sent from the next
        cycle on. busy : until its last byte is taken. starved : a byte of the body is waited for
    body : :py:`In(stream.Signature(8))`, of which ``length`` bytes are taken
    status : sampled as the body ends
    o : :py:`Out(stream.Signature(8))`
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "start": In(1),
                "busy": Out(1),
                "starved": Out(1),
                "kind": In(8),
                "session": In(32),
                "sequence": In(16),
                "length": In(24),
                "body": In(stream.Signature(8)),
                "status": In(8 * STATUS.size),
                "o": Out(stream.Signature(8)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Shift parts out of one register, but for the body."""
        m = Module()
        m.submodules.crc = check = crc.catalog.CRC32_ISO_HDLC(8).create()
        part = Signal(8 * STATUS.size, name="part", reset_less=True)
        left = Signal(24, name="left")
        length = Signal(24, name="length_kept", reset_less=True)
        total = Signal(24, name="total")
        sent = Signal(name="sent")
        out = self.o
        m.d.comb += [
            total.eq(self.length + STATUS.size),
            sent.eq(out.valid & out.ready),
            check.data.eq(out.payload),
            out.payload.eq(part[:8]),
        ]
        last = Signal(name="last")
        m.d.comb += last.eq(sent & (left == 1))
        with m.If(sent):
            m.d.sync += [left.eq(left - 1), part.eq(part[8:])]
        sync = Const(int.from_bytes(SYNC, "little"), 8 * len(SYNC))

        def given(then: str, counts: bool) -> None:
            m.d.comb += [out.valid.eq(1), check.valid.eq(sent if counts else 0)]
            with m.If(last):
                m.next = then

        def summed(name: str, then: str) -> None:
            """Take what the CRC is by now."""
            with m.State(name):
                m.d.sync += [part.eq(check.crc), left.eq(CRC)]
                m.next = f"{name}_BYTES"
            with m.State(f"{name}_BYTES"):
                given(then, False)

        with m.FSM(name="state") as fsm:
            with m.State("IDLE"):
                m.d.comb += check.start.eq(1)
                with m.If(self.start):
                    fields = Cat(self.kind, self.session, self.sequence, total)
                    m.d.sync += [
                        part.eq(Cat(sync, fields)),
                        left.eq(FIELDS),
                        length.eq(self.length),
                    ]
                    m.next = "FIELDS"
            with m.State("FIELDS"):
                given("HEADER", True)
            summed("HEADER", "BODY")
            with m.State("BODY"):
                with m.If(length == 0):
                    m.d.sync += [part.eq(self.status), left.eq(STATUS.size)]
                    m.next = "STATUS"
                with m.Else():
                    m.d.comb += [
                        out.valid.eq(self.body.valid),
                        out.payload.eq(self.body.payload),
                        self.body.ready.eq(out.ready),
                        self.starved.eq(~self.body.valid),
                        check.valid.eq(sent),
                    ]
                    with m.If(sent):
                        m.d.sync += length.eq(length - 1)
            with m.State("STATUS"):
                given("PAYLOAD", True)
            summed("PAYLOAD", "IDLE")
        m.d.comb += self.busy.eq(~fsm.ongoing("IDLE"))
        return m
