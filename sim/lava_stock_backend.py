"""The lava-stock backend: Lava's own Dense and LIF, where they are proved exact; spikes only."""

from __future__ import annotations

import numpy as np

from mapping import Network
from mapping.coding import encode

from .tools import package
from .trace import Record, Trace, finish


def run(network: Network, inputs: np.ndarray, record: Record = ("spikes", "v")) -> Trace:
    """Run a batch of inputs on stock Lava; the Trace has spikes and no membranes.

    Raises
    ------
        MissingTool: lava-nc is not installed.
        Unsupported: a population that stock processes do not run exactly; it is named.
    """
    package("lava", "the lava-stock backend", "lava")
    from lava_procs import stock

    x = encode(network.input, inputs, network.timesteps)
    return finish(network, "lava-stock", stock.run(network, x), {})
