"""Framing: the rules of a network's input, kept beside it, for errors that can be cleared."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..cores.entry import ERRORS


class Framing(wiring.Component):
    """Watches beats as they are taken; says in the same cycle what is wrong with one.

    The bits of ``error`` in the core stay until a reset, so that a second error of a kind cannot
    be told from the first; here it can. The rules are those of ``cores.entry``, of which this is
    the counting alone.

    Parameters
    ----------
    beats, beats_first : of a block, and of a sample's first one
    blocks : of a whole sample

    Members
    -------
    beat, first, last : a beat is taken, and its flags
    wrong : bits as of ``cores.entry.ERRORS``
    ended : a sample ends with this beat, as it should
    open : a sample has begun and not ended
    """

    def __init__(self, *, beats: int, beats_first: int, blocks: int) -> None:
        self.beats, self.beats_first, self.blocks = beats, beats_first, blocks
        super().__init__(
            {
                "beat": In(1),
                "first": In(1),
                "last": In(1),
                "wrong": Out(len(ERRORS)),
                "ended": Out(1),
                "open": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Count the beats of a block, and blocks."""
        m = Module()
        left = Signal(range(max(2, self.beats, self.beats_first)), name="left")
        block = Signal(range(max(2, self.blocks)), name="block")
        dropping = Signal(name="dropping")  # what follows a sample without an end
        now_left, now_block = Signal.like(left, name="left_now"), Signal.like(block, name="now")
        m.d.comb += [
            now_left.eq(Mux(self.first, self.beats_first - 1, left)),
            now_block.eq(Mux(self.first, 0, block)),
        ]
        inside = self.beat & (self.first | self.open)
        whole = now_left == 0  # a block ends with this beat
        all_of_it = whole & (now_block == self.blocks - 1)
        with m.If(inside):
            m.d.sync += [
                self.open.eq(~self.last & ~all_of_it),
                left.eq(Mux(whole, self.beats - 1, now_left - 1)),
                block.eq(now_block + whole),
                dropping.eq(all_of_it & ~self.last),
            ]
        found = {
            "cut": self.beat & self.first & self.open,
            "short": inside & self.last & ~whole,
            "long": inside & all_of_it & ~self.last,
            "stray": self.beat & ~self.first & ~self.open & ~dropping,
        }
        m.d.comb += [self.wrong[k].eq(found[name]) for k, name in enumerate(ERRORS)]
        m.d.comb += self.ended.eq(inside & whole & (self.last | all_of_it))
        return m
