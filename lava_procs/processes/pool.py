"""Pool: the sum or the maximum of each channel's windows."""

from lava.magma.core.decorator import implements, requires
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

from lava_procs.processes.connection import ConnectionProcess, PyConnection


class PoolConnection(ConnectionProcess):
    """A connection whose op is a ``mapping.Pool``; see ConnectionProcess."""


@implements(proc=PoolConnection, protocol=LoihiProtocol)
@requires(CPU)
class PyPoolConnection(PyConnection):
    """PoolConnection on the CPU."""
