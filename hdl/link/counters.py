"""Counters: the status that ends every reply."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .protocol import STATUS


class Counters(wiring.Component):
    """Counts what happens on the link, and keeps which network the memories hold.

    That survives a reset, as the memories do.

    Parameters
    ----------
    weights : CRC-32 of the network at first

    Members
    -------
    damaged, late, refused : of one cycle, each counted
    clear, moved : cycles are 0; a cycle of the core
    loading, loaded : the memories hold nothing that is known; ``crc`` is what they hold
    error, good, crc : of the core
    status : see ``protocol.Status``
    """

    def __init__(self, weights: int) -> None:
        self.weights = weights
        flags = ("damaged", "late", "refused", "clear", "moved", "loading", "loaded", "good")
        super().__init__(
            {
                **{name: In(1) for name in flags},
                "error": In(8),
                "crc": In(32),
                "status": Out(8 * STATUS.size),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Count."""
        m = Module()
        counts = [Signal(16, name=f"{name}_count") for name in ("damaged", "late", "refused")]
        for count, event in zip(counts, (self.damaged, self.late, self.refused), strict=True):
            with m.If(event):
                m.d.sync += count.eq(count + 1)
        weights = Signal(32, name="weights", init=self.weights, reset_less=True)
        cycles = Signal(32, name="cycles")
        with m.If(self.clear):
            m.d.sync += cycles.eq(0)
        with m.Elif(self.moved):
            m.d.sync += cycles.eq(cycles + 1)
        with m.If(self.loading):
            m.d.sync += weights.eq(0)
        with m.If(self.loaded):
            m.d.sync += weights.eq(self.crc)
        m.d.comb += self.status.eq(
            Cat(self.error, self.good, Const(0, 7), weights, cycles, *counts)
        )
        return m
