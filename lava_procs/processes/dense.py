"""Dense connection of the contract: gain * (weights @ spikes) + bias, in the same timestep."""

import numpy as np
from lava.magma.core.decorator import implements, requires
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort, PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol


class DenseConnection(AbstractProcess):
    """One-bit weights, a gain and a bias per output channel, and a delay.

    With a delay of d it sends what d timesteps ago makes of its input, *before* it receives
    (so that recurrence does not wait for itself), and only the bias while the sample is younger.

    Args:
        weights: (out, in) of -1 and +1. gain, bias: (out,). delay: timesteps.
        steps: of a sample; rows: samples side by side.
    """

    def __init__(
        self,
        weights: np.ndarray,
        gain: np.ndarray,
        bias: np.ndarray,
        delay: int,
        steps: int,
        rows: int,
    ) -> None:
        super().__init__(weights=weights, gain=gain, bias=bias, delay=delay, steps=steps)
        self.s_in = InPort(shape=(rows, weights.shape[1]))
        self.a_out = OutPort(shape=(rows, weights.shape[0]))


@implements(proc=DenseConnection, protocol=LoihiProtocol)
@requires(CPU)
class PyDenseConnection(PyLoihiProcessModel):
    """DenseConnection on the CPU, in int64."""

    s_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    a_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int64)

    def __init__(self, proc_params: dict) -> None:
        super().__init__(proc_params)
        self.weights = proc_params["weights"].T.astype(np.int64)
        self.gain, self.bias = proc_params["gain"], proc_params["bias"]
        self.delay, self.steps = proc_params["delay"], proc_params["steps"]
        self.past: list = []

    def current(self, spikes: np.ndarray) -> np.ndarray:
        """Return gain * (weights @ spikes) + bias."""
        return self.gain * (spikes.astype(np.int64) @ self.weights) + self.bias

    def run_spk(self) -> None:
        """Send this timestep's current."""
        if self.delay == 0:
            self.a_out.send(self.current(self.s_in.recv()))
            return
        step = (self.time_step - 1) % self.steps
        if step == 0:
            self.past = []
        if step >= self.delay:
            self.a_out.send(self.current(self.past.pop(0)))
        else:
            self.a_out.send(np.broadcast_to(self.bias, self.a_out.shape).astype(np.int64))
        self.past.append(self.s_in.recv())
