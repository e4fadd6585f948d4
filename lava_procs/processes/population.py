"""What the Processes that hold neurons have in common; no Process to be used itself."""

import numpy as np
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyOutPort
from lava.magma.core.model.py.type import LavaPyType


class PyPopulation(PyLoihiProcessModel):
    """A population's outputs: two ports, and arrays of the session."""

    s_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.uint8)
    v_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int64)

    def deliver(self, spikes: np.ndarray, v: np.ndarray) -> None:
        """Record and send what a timestep came to, (rows, *shape)."""
        for what, value in (("spikes", spikes), ("v", v)):
            array = self.record.get(what)
            if array is not None:
                array[(self.time_step - 1) % len(array)] = value
        self.s_out.send(spikes.reshape(self.s_out.shape))
        if self.v_out.csp_ports:
            self.v_out.send(v.reshape(self.v_out.shape))
