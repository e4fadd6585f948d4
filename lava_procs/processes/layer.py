"""Layer: a population that one connection enters, both in one Process."""

import numpy as np
from lava.magma.core.decorator import implements, requires
from lava.magma.core.model.py.ports import PyInPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

from lava_procs.arithmetic.current import Current
from lava_procs.arithmetic.membranes import Membranes
from lava_procs.arithmetic.messages import received, within
from lava_procs.arithmetic.timing import Timing
from lava_procs.processes.population import PyPopulation
from mapping.population import Connection, Neuron


class Layer(AbstractProcess):
    """A connection and its neurons: what ConnectionProcess and Neurons are, without the message.

    ``s_in`` as of ConnectionProcess, ``s_out`` and ``v_out`` as of Neurons.

    Args:
        connection, shape, span, held, trusted: as of ConnectionProcess.
        neuron, record: as of Neurons.
        rows, steps, offset, narrow, progress: as of both.
    """

    def __init__(
        self,
        connection: Connection,
        neuron: Neuron,
        shape: tuple,
        span: tuple = (0, 1),
        rows: int | None = None,
        steps: int | None = None,
        offset: int = 0,
        held: bool = False,
        narrow: bool = False,
        trusted: bool = False,
        record: dict | None = None,
        progress: object = None,
        name: str | None = None,
    ) -> None:
        super().__init__(
            connection=connection,
            neuron=neuron,
            shape=shape,
            span=span,
            rows=rows,
            timing=Timing(steps, offset, progress),
            held=held,
            narrow=narrow,
            trusted=trusted,
            record=record or {},
            name=name,
        )
        side = () if rows is None else (rows,)
        out = connection.op.out_shape(tuple(shape))
        self.s_in = InPort(shape=(*side, *shape))
        self.s_out = OutPort(shape=(*side, *out))
        self.v_out = OutPort(shape=(*side, *out))


@implements(proc=Layer, protocol=LoihiProtocol)
@requires(CPU)
class PyLayer(PyPopulation):
    """Layer on the CPU."""

    s_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int64)

    def __init__(self, proc_params: dict) -> None:
        super().__init__(proc_params)
        p = proc_params
        self.timing, self.record = p["timing"], p["record"]
        self.current = Current(p["connection"], p["shape"], p["span"], p["held"], p["narrow"])
        self.rows, self.trusted = p["rows"] or 1, p["trusted"]
        shape = self.current.accumulate.out_shape
        self.neurons = Membranes(p["neuron"], shape, self.rows, p["narrow"])

    def run_spk(self) -> None:
        """Take one timestep; a connection with a delay receives after it has sent."""
        with self.timing.step(self.time_step) as step:
            if step == 0:
                self.current.begin()
                self.neurons.begin()
            if self.current.c.delay:
                drive = self.current.late(self.rows, step)
            else:
                drive = self.current.now(self.receive(), step)
            spikes, v = self.neurons.step(drive, step)
            self.deliver(spikes, v)
            if self.current.c.delay:
                self.current.keep(self.receive())

    def receive(self) -> np.ndarray:
        """Return the source, (rows, *shape)."""
        source = received(self.s_in).reshape(self.rows, *self.current.accumulate.shape)
        return source if self.trusted else within(source, self.current.accumulate.span)
