"""What the Processes of all kinds of connection have in common; no Process to be used itself."""

import numpy as np
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort, PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import AbstractProcess

from lava_procs.arithmetic.current import Current
from lava_procs.arithmetic.messages import received, within
from lava_procs.arithmetic.timing import Timing
from mapping.population import Connection


class ConnectionProcess(AbstractProcess):
    """A connection of the contract: ``(gate * (gain * op(source) + bias)) >> shift``.

    Without a delay it sends in the timestep in which it receives (Lava's own connections: one
    later). With a delay of d >= 1 it sends what it makes of its source of d timesteps ago
    *before* it receives, so that recurrence does not wait for itself; in the first d steps of a
    sample its source is zero.

    ``s_in`` takes (rows, *shape): spikes, or the integers of a population without a threshold;
    ``a_out`` sends (rows, *shape of acc).

    Args:
        connection: a ``mapping.Connection`` of this kind of op.
        shape: of the source, ``(n,)`` or ``(channels, rows, cols)``.
        span: least and largest value of the source.
        rows: samples side by side; None for one, without an axis of its own.
        steps: of a sample; None if it never ends.
        offset: Lava's timesteps before a sample's first step.
        held: the source is the same at every timestep of a sample.
        trusted: the source never leaves its span, and nobody looks.
        narrow: everything fits 32 bits, as ``lava_procs.widths`` proves of whole networks.
        progress: shared counters of the session, and whose they are, or None.
    """

    def __init__(
        self,
        connection: Connection,
        shape: tuple,
        span: tuple = (0, 1),
        rows: int | None = None,
        steps: int | None = None,
        offset: int = 0,
        held: bool = False,
        narrow: bool = False,
        trusted: bool = False,
        progress: object = None,
        name: str | None = None,
    ) -> None:
        super().__init__(
            connection=connection,
            shape=shape,
            span=span,
            rows=rows,
            timing=Timing(steps, offset, progress),
            held=held,
            narrow=narrow,
            trusted=trusted,
            name=name,
        )
        side = () if rows is None else (rows,)
        self.s_in = InPort(shape=(*side, *shape))
        self.a_out = OutPort(shape=(*side, *connection.op.out_shape(tuple(shape))))


class PyConnection(PyLoihiProcessModel):
    """ConnectionProcess on the CPU."""

    s_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int64)
    a_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int64)

    def __init__(self, proc_params: dict) -> None:
        super().__init__(proc_params)
        p = proc_params
        self.current = Current(p["connection"], p["shape"], p["span"], p["held"], p["narrow"])
        self.rows, self.timing, self.trusted = p["rows"] or 1, p["timing"], p["trusted"]

    def run_spk(self) -> None:
        """Send this timestep's current."""
        with self.timing.step(self.time_step) as step:
            if step == 0:
                self.current.begin()
            if self.current.c.delay:
                self.send(self.current.late(self.rows, step))
                self.current.keep(self.receive())
            else:
                self.send(self.current.now(self.receive(), step))

    def receive(self) -> np.ndarray:
        """Return the source, (rows, *shape)."""
        source = received(self.s_in).reshape(self.rows, *self.current.accumulate.shape)
        return source if self.trusted else within(source, self.current.accumulate.span)

    def send(self, current: np.ndarray) -> None:
        """Send (rows, *shape of acc)."""
        self.a_out.send(current.reshape(self.a_out.shape))
