"""Fork: one stream in, the same stream to each of several readers."""

from __future__ import annotations

import functools
import operator

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out


class Fork(wiring.Component):
    """Shows each beat to every reader until all have taken it, each when it is ready.

    A reader's ``valid`` does not wait for any ``ready``, and ``i.ready`` only for those of the
    readers that have not taken the beat: no combinational loop as long as the readers' ``ready``
    does not wait for ``valid``. Throughput: a beat a cycle. Latency: none.

    No network of forks and joins comes to a stop while its input is offered and its output taken.
    Suppose that nothing moves. Take the earliest timestep t that the input or some population has
    not sent in full, and of these senders the first in order. All have sent t - 1, so that every
    dense core is done with it and has a bank for t: the sender's readers take every beat of t. All
    senders before it have sent t, so that its own cores have what they need. So it moves.

    Parameters
    ----------
    readers : how many
    payload : layout of the beats

    Members
    -------
    i : :py:`In(stream.Signature(payload))`
    o_0, o_1, .. : :py:`Out(stream.Signature(payload))`, one per reader
    """

    def __init__(self, readers: int, payload: object) -> None:
        if operator.index(readers) < 1:
            raise ValueError(f"readers of a fork must be positive, not {readers!r}")
        self.readers = readers
        super().__init__(
            {
                "i": In(stream.Signature(payload)),
                **{f"o_{r}": Out(stream.Signature(payload)) for r in range(readers)},
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Keep one bit per reader: it has taken the beat that still waits for others."""
        m = Module()
        outs = [getattr(self, f"o_{r}") for r in range(self.readers)]
        taken = [Signal(name=f"taken_{r}") for r in range(self.readers)]
        done = [Signal(name=f"done_{r}") for r in range(self.readers)]
        m.d.comb += self.i.ready.eq(functools.reduce(operator.and_, done))
        for o, was, now in zip(outs, taken, done, strict=True):
            m.d.comb += [
                o.payload.eq(self.i.payload),
                o.valid.eq(self.i.valid & ~was),
                now.eq(was | o.ready),
            ]
            with m.If(self.i.valid):
                m.d.sync += was.eq(now & ~self.i.ready)
        return m
