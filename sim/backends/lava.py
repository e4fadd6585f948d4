"""The lava backend: the project's own Lava Processes, exact in spikes and membranes."""

from __future__ import annotations

import numpy as np

from mapping import Network
from mapping.coding import encode

from ..tools import ProtocolError
from ..trace import Record, Recorder, Trace, finish


def refuse(network: Network) -> None:
    """Raise Unsupported where a width is beyond what is proved."""
    network.facts  # noqa: B018


def run(
    network: Network,
    inputs: np.ndarray,
    record: Record = ("spikes", "v"),
    split: bool = False,
) -> Trace:
    """Run a batch of inputs on Lava; see sim.run.

    Args:
        split: every connection is a Process of its own.

    Raises
    ------
        ProtocolError: a Lava process failed.
    """
    from lava_procs import own
    from lava_procs.watching import LavaFailed

    x = encode(network.input, inputs, network.timesteps)
    wanted = Recorder(network, 1, 1, record, "lava").trace()
    try:
        spikes, v = own.run(network, x, tuple(wanted.spikes), tuple(wanted.v), split=split)
    except LavaFailed as error:
        raise ProtocolError(f"lava: {error}") from None
    return finish(network, "lava", spikes, v)
