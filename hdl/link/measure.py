"""Measure: what a batch of samples takes and returns, in bytes; added up, without a multiplier."""

from __future__ import annotations

from amaranth.hdl import Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out


class Measure(wiring.Component):
    """Takes a cycle a sample, and one to begin.

    Parameters
    ----------
    takes : bytes of a sample. returns : bytes of its results, by each bit of ``want``

    Members
    -------
    start : with ``want`` and ``samples``, which stay. done : ``taken`` and ``returned`` are right
    """

    def __init__(self, takes: int, returns: tuple[int, ...]) -> None:
        self.takes, self.returns = takes, returns
        super().__init__(
            {
                "start": In(1),
                "want": In(len(returns)),
                "samples": In(16),
                "done": Out(1),
                "taken": Out(32),
                "returned": Out(32),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Add once for each sample."""
        m = Module()
        left = Signal(16, name="left")
        of_one = sum(
            (Mux(self.want[k], Const(size, 24), 0) for k, size in enumerate(self.returns)),
            Const(0, 1),
        )
        m.d.comb += self.done.eq(left == 0)
        with m.If(self.start):
            m.d.sync += [left.eq(self.samples), self.taken.eq(0), self.returned.eq(0)]
        with m.Elif(left != 0):
            m.d.sync += [
                left.eq(left - 1),
                self.taken.eq(self.taken + self.takes),
                self.returned.eq(self.returned + of_one),
            ]
        return m
