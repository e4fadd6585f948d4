"""Identity: the source itself; joins, streams, neurons that read a stream."""

from lava.magma.core.decorator import implements, requires
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

from lava_procs.processes.connection import ConnectionProcess, PyConnection


class IdentityConnection(ConnectionProcess):
    """A connection whose op is a ``mapping.Identity``; see ConnectionProcess."""


@implements(proc=IdentityConnection, protocol=LoihiProtocol)
@requires(CPU)
class PyIdentityConnection(PyConnection):
    """IdentityConnection on the CPU."""
