"""Population of the contract: leak, integrate, fire and reset, membranes in int64."""

import numpy as np
from lava.magma.core.decorator import implements, requires
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort, PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol


class Neurons(AbstractProcess):
    """``v = ((v * num) >> q) + sum of currents``; spike at ``v >= threshold``; reset.

    Several connections into ``a_in`` are summed by the port. ``s_out`` sends spikes, ``v_out`` the
    membrane before reset, both in the timestep of the input. State is v_init at the start of
    every sample of ``steps`` timesteps.

    Args:
        num, q: the leak factor num / 2**q.
        threshold: (n,), or None for neurons that never fire.
        reset: "zero" (to v_reset) or "none".
        v_reset, v_init: (n,).
        rows: samples side by side. steps: of a sample.
    """

    def __init__(
        self,
        num: int,
        q: int,
        threshold: np.ndarray | None,
        reset: str,
        v_reset: np.ndarray,
        v_init: np.ndarray,
        rows: int,
        steps: int,
    ) -> None:
        super().__init__(
            num=num,
            q=q,
            threshold=threshold,
            reset=reset,
            v_reset=v_reset,
            v_init=v_init,
            steps=steps,
        )
        shape = (rows, len(v_init))
        self.a_in = InPort(shape=shape)
        self.s_out = OutPort(shape=shape)
        self.v_out = OutPort(shape=shape)


@implements(proc=Neurons, protocol=LoihiProtocol)
@requires(CPU)
class PyNeurons(PyLoihiProcessModel):
    """Neurons on the CPU."""

    a_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int64)
    s_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32)
    v_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int64)

    def __init__(self, proc_params: dict) -> None:
        super().__init__(proc_params)
        self.num, self.q = proc_params["num"], proc_params["q"]
        self.threshold, self.reset = proc_params["threshold"], proc_params["reset"]
        self.v_reset, self.v_init = proc_params["v_reset"], proc_params["v_init"]
        self.steps = proc_params["steps"]
        self.state = self.v_init

    def run_spk(self) -> None:
        """Take one timestep."""
        if (self.time_step - 1) % self.steps == 0:
            self.state = self.v_init
        v = ((self.state * self.num) >> self.q) + self.a_in.recv()
        if self.threshold is None:
            spikes = np.zeros(v.shape, bool)
        else:
            spikes = v >= self.threshold
        self.state = np.where(spikes, self.v_reset, v) if self.reset == "zero" else v
        self.s_out.send(spikes.astype(np.int32))
        self.v_out.send(v)
