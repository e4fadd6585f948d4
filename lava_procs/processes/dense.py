"""Dense connection: every output sums every value of the source, weights of 1 to 8 bits."""

from lava.magma.core.decorator import implements, requires
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

from lava_procs.processes.connection import ConnectionProcess, PyConnection


class DenseConnection(ConnectionProcess):
    """A connection whose op is a ``mapping.Dense``; see ConnectionProcess."""


@implements(proc=DenseConnection, protocol=LoihiProtocol)
@requires(CPU)
class PyDenseConnection(PyConnection):
    """DenseConnection on the CPU."""
