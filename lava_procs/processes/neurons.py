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
        neuron: fields of ``mapping.Neuron`` by name (num, q, threshold, reset, ...).
        rows: samples side by side. steps: of a sample.
    """

    def __init__(self, neuron: dict, rows: int, steps: int) -> None:
        super().__init__(**neuron, rows=rows, steps=steps)
        shape = (rows, len(neuron["v_init"]))
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
        self.v_reset, self.rho = proc_params["v_reset"], proc_params["rho"]
        self.v_init, self.fire_by = proc_params["v_init"], proc_params["fire_by"]
        self.max_spikes, self.refractory = proc_params["max_spikes"], proc_params["refractory"]
        self.rows, self.steps = proc_params["rows"], proc_params["steps"]

    def begin(self) -> None:
        """Begin a sample."""
        shape = (self.rows, len(self.v_init))
        self.state = np.broadcast_to(self.v_init, shape)
        self.fired = np.zeros(shape, np.int64)  # spikes so far
        self.ready = np.zeros(shape, np.int64)  # the first timestep at which it is not refractory

    def run_spk(self) -> None:
        """Take one timestep."""
        step = (self.time_step - 1) % self.steps
        if step == 0:
            self.begin()
        v = ((self.state * self.num) >> self.q) + self.a_in.recv()
        if self.threshold is None:
            spikes = np.zeros(v.shape, bool)
            self.state = v
        else:
            held = self.ready > step
            if self.max_spikes is not None:
                held |= self.fired >= self.max_spikes
            v = np.where(held, self.v_reset, v)
            spikes = v >= self.threshold
            if self.fire_by == step:
                spikes |= self.fired == 0
            spikes &= ~held
            if self.reset == "zero":
                self.state = np.where(spikes, self.v_reset, v)
            elif self.reset == "subtract":
                self.state = v - spikes * self.rho
            else:
                self.state = v
            self.fired += spikes
            self.ready[spikes] = step + 1 + self.refractory
        self.s_out.send(spikes.astype(np.int32))
        self.v_out.send(v)
