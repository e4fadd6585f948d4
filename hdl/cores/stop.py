"""Stop: has the entry drop the rest of a sample whose answer is known, if it is still that one.

Samples go on through the cores while further ones come in: when the read-out decides, the entry may
be samples ahead. So those between the two are counted. What has gone on of a decided sample runs
through and is not looked at; as with a sample that is cut, every core begins anew with the next.
"""

from __future__ import annotations

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out


class Stop(wiring.Component):
    """Latency: ``drop`` is set the cycle after ``decided``.

    Parameters
    ----------
    samples : between entry and read-out, at most

    Members
    -------
    began : the entry takes a sample's first beat
    entered : a sample's first block has come whole, and goes on
    begun : the read-out sees a sample's first beat
    decided : it has the answer of that sample, which has not ended
    drop : the rest of the sample at hand is not needed
    """

    def __init__(self, samples: int) -> None:
        self.samples = samples
        super().__init__(
            {"began": In(1), "entered": In(1), "begun": In(1), "decided": In(1), "drop": Out(1)}
        )

    def elaborate(self, platform: object) -> Module:
        """Count samples; one whose first block is not whole yet is no longer the decided one."""
        m = Module()
        ahead = Signal(range(self.samples + 1), name="ahead")  # entered, and not begun
        partial = Signal(name="partial")  # the sample at hand has not entered
        m.d.sync += ahead.eq(ahead + self.entered - self.begun)
        with m.If(self.entered):
            m.d.sync += partial.eq(0)
        with m.Elif(self.began):
            m.d.sync += partial.eq(1)
        with m.If(self.began):
            m.d.sync += self.drop.eq(0)
        with m.Elif(self.decided & (ahead == self.begun) & ~partial):
            m.d.sync += self.drop.eq(1)
        return m
