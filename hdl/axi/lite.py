"""Lite: one AXI4-Lite port, turned into writes and reads of single words.

Source: ARM IHI 0022, AXI4-Lite; as there, nothing that goes out depends on what comes in within
the same cycle.
"""

from __future__ import annotations

from amaranth.hdl import Module, ResetSignal, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Member, Out

#: Responses.
OKAY, SLVERR = 0, 2


def ports(address: int) -> dict[str, Member]:
    """Return the ports of an AXI4-Lite subordinate with words of 32 bits, by their AXI names."""
    return {
        "awvalid": In(1), "awready": Out(1), "awaddr": In(address), "awprot": In(3),
        "wvalid": In(1), "wready": Out(1), "wdata": In(32), "wstrb": In(4),
        "bvalid": Out(1), "bready": In(1), "bresp": Out(2),
        "arvalid": In(1), "arready": Out(1), "araddr": In(address), "arprot": In(3),
        "rvalid": Out(1), "rready": In(1), "rdata": Out(32), "rresp": Out(2),
    }  # fmt: skip


class Lite(wiring.Component):
    """A write in two cycles and a read in two, one of each at a time; each gets one response.

    Address and data of a write may come in any order, and wait for each other. A read takes its
    word in the cycle in which its address is taken.

    Parameters
    ----------
    address : bits of an address; the lowest two are not looked at

    Members
    -------
    awvalid, .. : see ``ports``
    writes : a word is written: ``place``, ``word``, and whether all four bytes are meant: ``whole``
    refused : it is not; answered by SLVERR
    reads : a word is read: ``asked``, its ``answer``, and whether there is none: ``unknown``
    """

    def __init__(self, address: int) -> None:
        super().__init__(
            {
                **ports(address),
                "writes": Out(1), "place": Out(address - 2), "word": Out(32), "whole": Out(1),
                "refused": In(1),
                "reads": Out(1), "asked": Out(address - 2), "answer": In(32), "unknown": In(1),
            }
        )  # fmt: skip

    def elaborate(self, platform: object) -> Module:
        """Keep what came first of a write until the other is there."""
        m = Module()
        awake = ~ResetSignal()
        placed, filled = Signal(name="placed"), Signal(name="filled")
        strobes = Signal(4, name="strobes", reset_less=True)
        place = Signal(len(self.place), name="place_kept", reset_less=True)
        word = Signal(32, name="word_kept", reset_less=True)
        m.d.comb += [
            self.awready.eq(awake & ~placed),
            self.wready.eq(awake & ~filled),
            self.writes.eq(placed & filled & ~self.bvalid),
            self.place.eq(place),
            self.word.eq(word),
            self.whole.eq(strobes.all()),
            self.arready.eq(awake & ~self.rvalid),
            self.reads.eq(self.arvalid & self.arready),
            self.asked.eq(self.araddr[2:]),
        ]
        with m.If(self.awvalid & self.awready):
            m.d.sync += [place.eq(self.awaddr[2:]), placed.eq(1)]
        with m.If(self.wvalid & self.wready):
            m.d.sync += [word.eq(self.wdata), strobes.eq(self.wstrb), filled.eq(1)]
        with m.If(self.bvalid & self.bready):
            m.d.sync += self.bvalid.eq(0)
        with m.If(self.writes):
            m.d.sync += [placed.eq(0), filled.eq(0), self.bvalid.eq(1)]
            m.d.sync += self.bresp[1].eq(self.refused)
        with m.If(self.rvalid & self.rready):
            m.d.sync += self.rvalid.eq(0)
        with m.If(self.reads):
            m.d.sync += [self.rvalid.eq(1), self.rresp[1].eq(self.unknown)]
            m.d.sync += self.rdata.eq(self.answer)
        return m
