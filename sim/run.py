"""One face for every way of running a network: ``run(network, inputs, backend) -> Trace``."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from mapping import Network

from .trace import Record, Trace

#: Backend name to the module whose ``run`` it is; imported at call, so that none is needed.
BACKENDS = {
    "reference": "sim.reference",
    "fast": "sim.fast",
    "lava": "sim.lava_backend",
    "lava-stock": "sim.lava_stock_backend",
    "rtl": "sim.rtl_backend",
    "cocotb": "sim.cocotb_backend",
}


def backend_module(backend: str) -> Any:
    """Import a backend's module.

    Raises
    ------
        ValueError: no such backend.
    """
    if backend not in BACKENDS:
        raise ValueError(f"backend must be one of {', '.join(BACKENDS)}, not {backend!r}")
    return importlib.import_module(BACKENDS[backend])


def run(
    network: Network,
    inputs: np.ndarray,
    backend: str = "reference",
    record: Record = ("spikes", "v"),
    **options: Any,
) -> Trace:
    """Run a batch of inputs through one backend.

    Args:
        network: what to run.
        inputs: (samples, T', *shape) integers for input coding "steps" (T' at most the network's
            T), or (samples, *shape) for direct coding, each 0 .. 2**bits - 1.
        backend: a key of BACKENDS.
        record: what to keep, of "spikes" and "v".
        options: of the backend, see its ``run``.

    Raises
    ------
        TypeError, ValueError: bad inputs or an unknown backend, one sentence.
        Unsupported: the backend does not run a node of this network; it is named.
        sim.tools.MissingTool: a package or program that the backend needs is not there.
    """
    if not isinstance(network, Network):
        raise TypeError(f"run needs a Network (fold a TrainedNetwork first), not {network!r}")
    return backend_module(backend).run(network, inputs, record=record, **options)
