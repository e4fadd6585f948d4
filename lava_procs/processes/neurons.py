"""Population of the contract: leak, integrate, fire and reset; or a stream, without a threshold."""

import numpy as np
from lava.magma.core.decorator import implements, requires
from lava.magma.core.model.py.ports import PyInPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

from lava_procs.arithmetic.membranes import Membranes
from lava_procs.arithmetic.messages import received
from lava_procs.arithmetic.timing import Timing
from lava_procs.processes.population import PyPopulation
from mapping.population import Neuron


class Neurons(AbstractProcess):
    """``v = ((v * num) >> q) + sum of currents``; spike at ``v >= threshold``; reset.

    Several connections into ``a_in`` are summed by the port. ``s_out`` sends spikes, ``v_out`` the
    membrane before reset, both in the timestep of the input. State is v_init at the start of
    every sample of ``steps`` timesteps. Without a threshold ``v_out`` is the population's output,
    and ``s_out`` sends zeros.

    Args:
        neuron: a ``mapping.Neuron``. shape: ``(n,)`` or ``(channels, rows, cols)``.
        rows, steps, offset, narrow, progress: as of ConnectionProcess.
        record: arrays of the session that are written at every timestep, (timesteps, rows,
            *shape), by "spikes" and "v".
    """

    def __init__(
        self,
        neuron: Neuron,
        shape: tuple,
        rows: int | None = None,
        steps: int | None = None,
        offset: int = 0,
        narrow: bool = False,
        record: dict | None = None,
        progress: object = None,
        name: str | None = None,
    ) -> None:
        super().__init__(
            neuron=neuron,
            shape=shape,
            rows=rows,
            timing=Timing(steps, offset, progress),
            narrow=narrow,
            record=record or {},
            name=name,
        )
        side = () if rows is None else (rows,)
        self.a_in = InPort(shape=(*side, *shape))
        self.s_out = OutPort(shape=(*side, *shape))
        self.v_out = OutPort(shape=(*side, *shape))


@implements(proc=Neurons, protocol=LoihiProtocol)
@requires(CPU)
class PyNeurons(PyPopulation):
    """Neurons on the CPU."""

    a_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int64)

    def __init__(self, proc_params: dict) -> None:
        super().__init__(proc_params)
        p = proc_params
        self.timing, self.record = p["timing"], p["record"]
        self.neurons = Membranes(p["neuron"], p["shape"], p["rows"] or 1, p["narrow"])

    def run_spk(self) -> None:
        """Take one timestep."""
        with self.timing.step(self.time_step) as step:
            if step == 0:
                self.neurons.begin()
            drive = received(self.a_in).reshape(self.neurons.shape)
            spikes, v = self.neurons.step(drive, step)
            self.deliver(spikes, v)
