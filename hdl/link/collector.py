"""Collector: what a core's streams show in a cycle, as bytes; the core stands still meanwhile.

A trace never waits, so nothing in the core could be told to. Instead the core as a whole is held:
``hold`` takes the enable from all its registers, and what it shows stays until all of it is taken.
So no memory is needed for what a line is slower than, and the core computes what it would without.
"""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Array, Cat, Const, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out


class Collector(wiring.Component):
    """Gives of each stream's beat its number, then its bytes, the lowest first.

    Streams that show a beat in the same cycle follow in their order. A byte a cycle; a cycle before
    the bytes of a beat, in which it is chosen.

    Parameters
    ----------
    sizes : of each form of each stream, in bits; the form is chosen while nothing runs

    Members
    -------
    valid : of each stream, a beat is shown in this cycle of the core. wanted : of each, whether it
        is collected. form : which form of it, 0 or 1. data_0_0, data_0_1, data_1_0, .. : its bits
    hold : the core must not go on at the end of this cycle
    clear : nothing has been taken of what is shown
    o : :py:`Out(stream.Signature(8))`
    """

    def __init__(self, sizes: Sequence[tuple[int, int]]) -> None:
        self.sizes = list(sizes)
        count = len(self.sizes)
        super().__init__(
            {
                "valid": In(count),
                "wanted": In(count),
                "form": In(1),
                "hold": Out(1),
                "clear": In(1),
                "o": Out(stream.Signature(8)),
                **{
                    f"data_{k}_{n}": In(bits)
                    for k, forms in enumerate(self.sizes)
                    for n, bits in enumerate(forms)
                },
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Choose the first stream that is not done; shift its bytes out."""
        m = Module()
        count = len(self.sizes)
        most = 1 + max(-(-bits // 8) for forms in self.sizes for bits in forms)
        done = Signal(count, name="done")
        pending = Signal(count, name="pending")
        m.d.comb += [pending.eq(self.valid & self.wanted & ~done), self.hold.eq(pending.any())]
        kept = Signal(8 * most, name="kept", reset_less=True)
        left = Signal(range(most + 1), name="left")
        chosen = Signal(count, name="chosen")
        m.d.comb += [self.o.valid.eq(left != 0), self.o.payload.eq(kept[:8])]
        sent = Signal(name="sent")
        m.d.comb += sent.eq(self.o.valid & self.o.ready)
        with m.If(sent):
            m.d.sync += [kept.eq(kept[8:]), left.eq(left - 1)]
        with m.If((left == 0) & self.hold):
            for k in reversed(range(count)):
                with m.If(pending[k]):
                    lengths = Array(Const(1 + -(-bits // 8)) for bits in self.sizes[k])
                    data = Array(getattr(self, f"data_{k}_{n}") for n in range(2))
                    m.d.sync += [
                        kept.eq(Cat(Const(k, 8), data[self.form])),
                        left.eq(lengths[self.form]),
                    ]
                    m.d.sync += chosen.eq(1 << k)
        # A beat is done with its last byte, so that the core goes on only once it is out.
        with m.If(sent & (left == 1)):
            m.d.sync += done.eq(done | chosen)
        with m.Elif(~self.hold | self.clear):
            m.d.sync += done.eq(0)
        with m.If(self.clear):
            m.d.sync += left.eq(0)
        return m
