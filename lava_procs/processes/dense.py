"""Dense connection of the contract: ``gain * (weights @ source) + bias``, in the same timestep."""

from collections import deque

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

    Without a delay it sends in the timestep in which it receives (Lava's own Dense: one later).
    With a delay of d >= 1 it sends what it makes of its input of d timesteps ago *before* it
    receives, so that recurrence does not wait for itself; in the first d steps of a sample it
    sends the bias alone.

    Args:
        weights: (out, in) of -1 and +1. gain, bias: (out,) int64. delay: timesteps.
        rows: samples side by side. steps: of a sample.
    """

    def __init__(
        self,
        weights: np.ndarray,
        gain: np.ndarray,
        bias: np.ndarray,
        delay: int,
        rows: int,
        steps: int,
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
        # float64 is exact here: |acc| is far below 2**53 (fan-in times 2**16), and so is every
        # partial sum; unlike an integer product it is fast
        self.weights = np.ascontiguousarray(proc_params["weights"].T.astype(np.float64))
        self.gain, self.bias = proc_params["gain"], proc_params["bias"]
        self.delay, self.steps = proc_params["delay"], proc_params["steps"]
        self.past: deque = deque()

    def current(self, received: np.ndarray) -> np.ndarray:
        """Return gain * (weights @ source) + bias."""
        acc = (received.astype(np.float64) @ self.weights).astype(np.int64)
        return self.gain * acc + self.bias

    def run_spk(self) -> None:
        """Send this timestep's current."""
        if self.delay == 0:
            self.a_out.send(self.current(self.s_in.recv()))
            return
        step = (self.time_step - 1) % self.steps
        if step == 0:
            self.past.clear()
        if step >= self.delay:
            self.a_out.send(self.past.popleft())
        else:
            self.a_out.send(np.broadcast_to(self.bias, self.a_out.shape))
        self.past.append(self.current(self.s_in.recv()))
