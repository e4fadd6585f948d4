"""Buffer: words that wait for those of a longer way."""

from __future__ import annotations

from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.wiring import In, Out


class Buffer(wiring.Component):
    """First in, first out, in a memory.

    A dense core holds two timesteps; where a longer way goes round it, more must wait, or the
    longer way would get its next timestep too late to run at full rate. Results are the same
    without it. Throughput: a beat a cycle. Latency: ``latency`` cycles, from empty.

    Parameters
    ----------
    payload : layout of the beats
    depth : beats that it holds, at least 2

    Members
    -------
    i, o : :py:`stream.Signature(payload)`
    """

    latency = 2

    def __init__(self, payload: object, depth: int) -> None:
        if depth < 2:
            raise ValueError(f"depth of a buffer must be at least 2, not {depth!r}")
        self.depth = depth
        super().__init__({"i": In(stream.Signature(payload)), "o": Out(stream.Signature(payload))})

    def elaborate(self, platform: object) -> Module:
        """Put a FIFO between the streams."""
        m = Module()
        raw = self.i.payload.as_value()
        m.submodules.fifo = fifo = SyncFIFOBuffered(width=len(raw), depth=self.depth)
        m.d.comb += [
            fifo.w_data.eq(raw),
            fifo.w_en.eq(self.i.valid),
            self.i.ready.eq(fifo.w_rdy),
            self.o.payload.eq(fifo.r_data),
            self.o.valid.eq(fifo.r_rdy),
            fifo.r_en.eq(self.o.ready),
        ]
        return m
