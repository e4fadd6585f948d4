"""Receiver: bytes in, frames out; a payload is written away as it comes, and judged at its end."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import crc, stream, wiring
from amaranth.lib.wiring import In, Out

from .protocol import CRC, FIELDS, SYNC


class Receiver(wiring.Component):
    """Takes a byte a cycle, at any time.

    What stands before SYNC is skipped. A header whose CRC is wrong is dropped, without a word: not
    even whose it was is known. Of one that is right, kind, session, sequence and length are there
    with ``valid``, one cycle after the frame's last byte, until ``take``; what comes in between is
    dropped. A frame that is too long is told of at once. Silence of ``silence`` cycles within a
    frame ends it.

    Parameters
    ----------
    limit : bytes of a payload. silence : cycles

    Members
    -------
    i : :py:`In(stream.Signature(8))`
    write, at, data : a byte of the payload and its place
    valid, take : a frame is there; it was dealt with
    kind, session, sequence, length : of it
    intact : its payload's CRC is right; fits: its length is within the limit
    first : the first four bytes of its payload
    damaged, late : of one cycle: a CRC was wrong; a frame broke off
    """

    def __init__(self, limit: int, silence: int) -> None:
        self.limit, self.silence = limit, silence
        super().__init__(
            {
                "i": In(stream.Signature(8)),
                "write": Out(1),
                "at": Out(range(limit)),
                "data": Out(8),
                "valid": Out(1),
                "take": In(1),
                "kind": Out(8),
                "session": Out(32),
                "sequence": Out(16),
                "length": Out(24),
                "intact": Out(1),
                "fits": Out(1),
                "first": Out(32),
                "damaged": Out(1),
                "late": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Shift the fields in; the CRC stands still while a CRC comes, and is compared instead."""
        m = Module()
        byte, data = Signal(name="byte"), self.i.payload
        m.d.comb += [self.i.ready.eq(1), byte.eq(self.i.valid)]
        m.submodules.crc = check = crc.catalog.CRC32_ISO_HDLC(8).create()
        place = Signal(24, name="place")  # bytes of this part that have come
        fields = Signal(8 * FIELDS, name="fields", reset_less=True)
        wrong = Signal(name="wrong")  # a byte of the CRC at hand differed
        m.d.comb += [
            Cat(self.kind, self.session, self.sequence, self.length).eq(fields[8 * len(SYNC) :]),
            check.data.eq(data),
        ]
        differs = Signal(name="differs")
        m.d.comb += differs.eq(wrong | (data != check.crc.word_select(place[:2], 8)))
        within = Signal(name="within")
        quiet = Signal(range(self.silence + 1), name="quiet")
        with m.If(byte | ~within):
            m.d.sync += quiet.eq(0)
        with m.Else():
            m.d.sync += quiet.eq(quiet + 1)
        broken = Signal(name="broken")
        m.d.comb += broken.eq(within & ~byte & (quiet == self.silence - 1))

        with m.If(byte):
            m.d.sync += place.eq(place + 1)
        with m.FSM(name="state"):
            with m.State("SYNC_0"):
                m.d.comb += check.start.eq(1)
                m.d.sync += [place.eq(1), wrong.eq(0)]
                with m.If(byte & (data == SYNC[0])):
                    m.d.comb += check.valid.eq(1)
                    m.d.sync += fields.eq(Cat(fields[8:], data))
                    m.next = "SYNC_1"
            with m.State("SYNC_1"):
                m.d.comb += within.eq(1)
                with m.If(byte):
                    with m.If(data == SYNC[1]):
                        m.d.comb += check.valid.eq(1)
                        m.d.sync += fields.eq(Cat(fields[8:], data))
                        m.next = "FIELDS"
                    with m.Elif(data == SYNC[0]):  # "SSX": the second one begins it
                        m.d.sync += place.eq(1)
                    with m.Else():
                        m.next = "SYNC_0"
                with m.If(broken):
                    m.next = "SYNC_0"
            with m.State("FIELDS"):
                m.d.comb += [within.eq(1), check.valid.eq(byte)]
                with m.If(byte):
                    m.d.sync += fields.eq(Cat(fields[8:], data))
                    with m.If(place == FIELDS - 1):
                        m.d.sync += place.eq(0)
                        m.next = "HEADER_CRC"
                with m.If(broken):
                    m.next = "SYNC_0"
            with m.State("HEADER_CRC"):
                m.d.comb += within.eq(1)
                with m.If(byte):
                    m.d.sync += wrong.eq(differs)
                    with m.If(place == CRC - 1):
                        m.d.sync += [place.eq(0), wrong.eq(0)]
                        with m.If(differs):
                            m.d.comb += self.damaged.eq(1)
                            m.next = "SYNC_0"
                        with m.Elif(self.length > self.limit):
                            m.d.sync += [self.fits.eq(0), self.intact.eq(1), self.valid.eq(1)]
                            m.next = "WAITS"
                        with m.Elif(self.length == 0):
                            m.next = "PAYLOAD_CRC"
                        with m.Else():
                            m.next = "PAYLOAD"
                with m.If(broken):
                    m.next = "SYNC_0"
            with m.State("PAYLOAD"):
                m.d.comb += [
                    within.eq(1), check.valid.eq(byte), self.write.eq(byte),
                    self.at.eq(place), self.data.eq(data),
                ]  # fmt: skip
                with m.If(byte):
                    with m.If(place[2:] == 0):
                        m.d.sync += self.first.eq(Cat(self.first[8:], data))
                    with m.If(place == self.length - 1):
                        m.d.sync += place.eq(0)
                        m.next = "PAYLOAD_CRC"
                with m.If(broken):
                    m.next = "SYNC_0"
            with m.State("PAYLOAD_CRC"):
                m.d.comb += within.eq(1)
                with m.If(byte):
                    m.d.sync += wrong.eq(differs)
                    with m.If(place == CRC - 1):
                        m.d.comb += self.damaged.eq(differs)
                        m.d.sync += [self.fits.eq(1), self.intact.eq(~differs), self.valid.eq(1)]
                        m.next = "WAITS"
                with m.If(broken):
                    m.next = "SYNC_0"
            with m.State("WAITS"):
                with m.If(self.take):
                    m.d.sync += self.valid.eq(0)
                    m.next = "SYNC_0"
        m.d.comb += self.late.eq(broken)
        return m
