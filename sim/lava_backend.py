"""The lava backend: the project's own Lava Processes, exact in spikes and membranes."""

from __future__ import annotations

import numpy as np

from mapping import Network
from mapping.coding import encode

from .tools import package
from .trace import Record, Trace, finish


def run(network: Network, inputs: np.ndarray, record: Record = ("spikes", "v")) -> Trace:
    """Run a batch of inputs on Lava; see sim.run.

    Raises
    ------
        MissingTool: lava-nc is not installed.
    """
    package("lava", "the lava backend", "lava")
    from lava_procs import own

    x = encode(network.input, inputs, network.timesteps)
    spikes, v = own.run(network, x)
    source, kind = network.readout.source, network.readout.kind
    keep_s = [n for n in spikes if "spikes" in record or (n == source and kind == "count")]
    keep_v = [n for n in v if "v" in record or n == source]
    return finish(network, "lava", {n: spikes[n] for n in keep_s}, {n: v[n] for n in keep_v})
