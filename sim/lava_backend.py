"""The lava backend: the project's own Lava Processes, exact in spikes and membranes."""

from __future__ import annotations

import numpy as np

from mapping import Network
from mapping.coding import encode
from mapping.kinds import refuse_beyond_dense

from .tools import ProtocolError, packages
from .trace import Record, Recorder, Trace, finish


def tools() -> None:
    """Raise MissingTool where lava-nc, or what it imports, is not installed."""
    packages("lava")


def refuse(network: Network) -> None:
    """Raise Unsupported at the first node that is not run on Lava; it is named."""
    refuse_beyond_dense(network, "lava")
    network.facts  # noqa: B018  refuses widths beyond what is proved


def run(network: Network, inputs: np.ndarray, record: Record = ("spikes", "v")) -> Trace:
    """Run a batch of inputs on Lava; see sim.run.

    Raises
    ------
        MissingTool: lava-nc is not installed. ProtocolError: a Lava process failed.
    """
    packages("lava")
    from lava_procs import own
    from lava_procs.session import LavaFailed

    x = encode(network.input, inputs, network.timesteps)
    wanted = Recorder(network, 1, 1, record, "lava").trace()
    try:
        spikes, v = own.run(network, x, tuple(wanted.spikes), tuple(wanted.v))
    except LavaFailed as error:
        raise ProtocolError(f"lava: {error}") from None
    return finish(network, "lava", spikes, v)
