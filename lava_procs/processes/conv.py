"""Convolution: every output sums a window of its group's channels, weights of 1 to 8 bits."""

from lava.magma.core.decorator import implements, requires
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

from lava_procs.processes.connection import ConnectionProcess, PyConnection


class ConvConnection(ConnectionProcess):
    """A connection whose op is a ``mapping.Conv``; see ConnectionProcess."""


@implements(proc=ConvConnection, protocol=LoihiProtocol)
@requires(CPU)
class PyConvConnection(PyConnection):
    """ConvConnection on the CPU."""
