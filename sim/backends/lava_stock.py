"""The lava-stock backend: Lava's own Dense and LIF, where they are proved exact; spikes only."""

from __future__ import annotations

import numpy as np

from mapping import Network
from mapping.coding import encode

from ..tools import ProtocolError
from ..trace import Record, Recorder, Trace, finish


def refuse(network: Network) -> None:
    """Raise Unsupported at the first population that stock processes do not run exactly."""
    from lava_procs.stock_plan import plan

    plan(network)


def run(network: Network, inputs: np.ndarray, record: Record = ("spikes", "v")) -> Trace:
    """Run a batch of inputs on stock Lava; see sim.run. The Trace has no membranes.

    Raises
    ------
        ProtocolError: a Lava process failed.
        Unsupported: a population that stock processes do not run exactly; it is named.
    """
    from lava_procs import stock
    from lava_procs.watching import LavaFailed

    x = encode(network.input, inputs, network.timesteps)
    wanted = Recorder(network, 1, 1, record, "lava-stock").trace().spikes
    try:
        spikes = stock.run(network, x)
    except LavaFailed as error:
        raise ProtocolError(f"lava-stock: {error}") from None
    return finish(network, "lava-stock", {n: spikes[n] for n in wanted}, {})
