"""Sink: collects what it receives and writes it to a file at the last timestep.

Reading a Lava Var costs 15 us an element; an array in a file costs nothing to speak of.
"""

import pathlib

import numpy as np
from lava.magma.core.decorator import implements, requires
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.ports.ports import InPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol


class Sink(AbstractProcess):
    """Collect ``timesteps`` tensors and write them to the .npy ``path``, (timesteps, *shape)."""

    def __init__(self, shape: tuple, timesteps: int, path: str) -> None:
        super().__init__(timesteps=timesteps, path=path)
        self.in_port = InPort(shape=shape)


@implements(proc=Sink, protocol=LoihiProtocol)
@requires(CPU)
class PySink(PyLoihiProcessModel):
    """Sink on the CPU."""

    in_port: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int64)

    def __init__(self, proc_params: dict) -> None:
        super().__init__(proc_params)
        self.timesteps, self.path = proc_params["timesteps"], proc_params["path"]
        self.taken: list = []

    def run_spk(self) -> None:
        """Keep this timestep's tensor; at the last one, write all beside and rename."""
        self.taken.append(np.array(self.in_port.recv(), np.int64))
        if self.time_step == self.timesteps:
            with pathlib.Path(self.path + ".part").open("wb") as file:
                np.save(file, np.stack(self.taken))
            pathlib.Path(self.path + ".part").replace(self.path)
