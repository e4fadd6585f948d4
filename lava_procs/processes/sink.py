"""Sink: collects the spikes and membranes of one population in files.

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
    """Write what the ports receive to .npy files, (timesteps, *shape): bool spikes, int64 v.

    A port that is not connected receives zeros.

    Args:
        shape: of one timestep. timesteps: of the run.
        spikes, v: paths of the files, or "" for what is not kept. A file appears, complete, at
            the last timestep.
    """

    def __init__(self, shape: tuple, timesteps: int, spikes: str = "", v: str = "") -> None:
        super().__init__(shape=shape, timesteps=timesteps, spikes=spikes, v=v)
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
        self.timesteps, shape = proc_params["timesteps"], proc_params["shape"]
        self.kept = []
        for port, dtype in (("spikes", bool), ("v", np.int64)):
            if proc_params[port]:
                part = proc_params[port] + ".part"
                whole = (self.timesteps, *shape)
                array = np.lib.format.open_memmap(part, mode="w+", dtype=dtype, shape=whole)
                self.kept.append((port, array, part, proc_params[port]))

    def run_spk(self) -> None:
        """Keep this timestep's tensors (Lava counts timesteps from 1)."""
        received = {"spikes": self.s_in.recv(), "v": self.v_in.recv()}
        for port, array, part, path in self.kept:
            array[self.time_step - 1] = received[port]
            if self.time_step == self.timesteps:
                array.flush()
                pathlib.Path(part).replace(path)
