"""Sink: collects spikes and membranes of one port each in arrays that the parent shares.

Reading a Lava Var costs 15 us an element; an array in shared memory costs nothing to speak of.
"""

import numpy as np
from lava.magma.core.decorator import implements, requires
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.ports.ports import InPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

from lava_procs.arithmetic.timing import Timing


class Sink(AbstractProcess):
    """Write what ``s_in`` and ``v_in`` receive into arrays, round and round.

    A port that is not connected receives zeros.

    Args:
        shape: of one timestep.
        spikes, v: (timesteps, *shape) arrays of ``lava_procs.sharing.shared``, or None for what
            is not kept.
        progress: as of ConnectionProcess.
    """

    def __init__(
        self,
        shape: tuple,
        spikes: np.ndarray | None = None,
        v: np.ndarray | None = None,
        progress: object = None,
        name: str | None = None,
    ) -> None:
        super().__init__(spikes=spikes, v=v, timing=Timing(None, 0, progress), name=name)
        self.s_in = InPort(shape=shape)
        self.v_in = InPort(shape=shape)


@implements(proc=Sink, protocol=LoihiProtocol)
@requires(CPU)
class PySink(PyLoihiProcessModel):
    """Sink on the CPU."""

    s_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    v_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int64)

    def __init__(self, proc_params: dict) -> None:
        super().__init__(proc_params)
        self.timing = proc_params["timing"]
        self.kept = {"spikes": proc_params["spikes"], "v": proc_params["v"]}

    def run_spk(self) -> None:
        """Keep this timestep's tensors."""
        with self.timing.step(self.time_step) as step:
            received = {"spikes": self.s_in.recv(), "v": self.v_in.recv()}
            for port, array in self.kept.items():
                if array is not None:
                    array[step % len(array)] = received[port]
