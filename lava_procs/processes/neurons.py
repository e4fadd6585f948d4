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
    """``v = ((v * num) >> q) + sum of currents``; spike at v >= threshold; reset.

    Several connections into ``a_in`` are summed by the port. State is v_init at the start of
    every sample of ``steps`` timesteps.

    Args:
        neuron: num, q, threshold (None: never fires), reset, v_reset, v_init.
        count: neurons; rows: samples side by side; steps: of a sample.
    """

    def __init__(self, neuron: dict, count: int, rows: int, steps: int) -> None:
        super().__init__(neuron=neuron, steps=steps, shape=(rows, count))
        self.a_in = InPort(shape=(rows, count))
        self.s_out = OutPort(shape=(rows, count))
        self.v_out = OutPort(shape=(rows, count))


@implements(proc=Neurons, protocol=LoihiProtocol)
@requires(CPU)
class PyNeurons(PyLoihiProcessModel):
    """Neurons on the CPU."""

    a_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int64)
    s_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32)
    v_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int64)

    def __init__(self, proc_params: dict) -> None:
        super().__init__(proc_params)
        self.neuron, self.steps = proc_params["neuron"], proc_params["steps"]
        self.state = np.zeros(proc_params["shape"], np.int64)

    def run_spk(self) -> None:
        """Take one timestep."""
        neuron = self.neuron
        if (self.time_step - 1) % self.steps == 0:
            self.state[:] = neuron["v_init"]
        v = ((self.state * neuron["num"]) >> neuron["q"]) + self.a_in.recv()
        spikes = np.zeros(v.shape, bool)
        self.state = v
        if neuron["threshold"] is not None:
            spikes = v >= neuron["threshold"]
            if neuron["reset"] == "zero":
                self.state = np.where(spikes, neuron["v_reset"], v)
        self.s_out.send(spikes.astype(np.int32))
        self.v_out.send(v)
