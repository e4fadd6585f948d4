"""Source: plays inputs, one tensor per timestep."""

import numpy as np
from lava.magma.core.decorator import implements, requires
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.ports.ports import OutPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol


class Source(AbstractProcess):
    """Send ``data[t]`` at timestep t; data is (timesteps, *shape)."""

    def __init__(self, data: np.ndarray) -> None:
        super().__init__(data=data)
        self.s_out = OutPort(shape=data.shape[1:])


@implements(proc=Source, protocol=LoihiProtocol)
@requires(CPU)
class PySource(PyLoihiProcessModel):
    """Source on the CPU."""

    s_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32)

    def __init__(self, proc_params: dict) -> None:
        super().__init__(proc_params)
        self.data = proc_params["data"]

    def run_spk(self) -> None:
        """Send this timestep's tensor (Lava counts timesteps from 1)."""
        self.s_out.send(self.data[self.time_step - 1].astype(np.int32))
