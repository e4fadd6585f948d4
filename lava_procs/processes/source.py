"""Sources: play inputs, one tensor per timestep, round and round."""

import numpy as np
from lava.magma.core.decorator import implements, requires
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.ports.ports import OutPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

from lava_procs.arithmetic.timing import Timing


class Source(AbstractProcess):
    """Send ``data[t]`` at timestep t, and begin anew at its end; data is (timesteps, *shape)."""

    def __init__(self, data: np.ndarray, progress: object = None, name: str | None = None) -> None:
        super().__init__(data=data, timing=Timing(None, 0, progress), name=name)
        self.s_out = OutPort(shape=data.shape[1:])


class ByteSource(Source):
    """A Source of 0 to 255, whose messages are bytes."""


class PyAnySource(PyLoihiProcessModel):
    """A Source on the CPU."""

    def __init__(self, proc_params: dict) -> None:
        super().__init__(proc_params)
        self.data, self.timing = proc_params["data"], proc_params["timing"]

    def run_spk(self) -> None:
        """Send this timestep's tensor (Lava counts timesteps from 1)."""
        with self.timing.step(self.time_step) as step:
            self.s_out.send(self.data[step % len(self.data)])


@implements(proc=Source, protocol=LoihiProtocol)
@requires(CPU)
class PySource(PyAnySource):
    """Source on the CPU."""

    s_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32)


@implements(proc=ByteSource, protocol=LoihiProtocol)
@requires(CPU)
class PyByteSource(PyAnySource):
    """ByteSource on the CPU."""

    s_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.uint8)
