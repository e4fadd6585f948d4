"""One face for every way of running a network: ``run(network, inputs, backend) -> Trace``."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from mapping import Network

from .backends.row import Backend
from .backends.rows import BACKENDS
from .trace import Record, Trace


def row_of(backend: str) -> Backend:
    """Return a backend's row.

    Raises
    ------
        ValueError: no such backend.
    """
    if backend not in BACKENDS:
        raise ValueError(f"backend must be one of {', '.join(BACKENDS)}, not {backend!r}")
    return BACKENDS[backend]


def backend_module(backend: str) -> Any:
    """Import a backend's module; ValueError as of ``row_of``."""
    return importlib.import_module(row_of(backend).module)


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
    row = row_of(backend)
    if options.get("rtl") is None:  # Verilog that is there is run, whatever is emitted today
        row.takes.refuse(network)
    row.require()
    return backend_module(backend).run(network, inputs, record=record, **options)
