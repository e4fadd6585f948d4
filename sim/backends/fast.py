"""The fast backend: bit-packed popcounts in numba, equal to the reference in every bit.

A network is compiled once (``sim.engines.fast``); samples lie in the lanes of vector registers,
spikes 32 or 64 to a word, and stay packed between populations. Threads share blocks of samples.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mapping import Network

from ..tools import MissingTool
from ..trace import RECORDS, Record, Trace, finish, needed
from .fast_ops import KERNELS, plain


def run(
    network: Network,
    inputs: np.ndarray,
    record: Record = ("spikes", "v"),
    threads: int | None = None,
    memory: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Trace:
    """Run a batch of inputs; see sim.run.

    Args:
        threads: as many as there are processors by default.
        memory: bytes that the packed spikes of all blocks in flight may take (1 GB); what is
            recorded comes on top. Fewer threads run where they would take more.
        progress: called with (samples done, samples in all), from any thread.

    Raises
    ------
        MissingTool: numba does not load. ValueError: threads or memory out of range.
    """
    try:
        from ..engines.fast import work
    except ImportError as error:  # numba is there but does not load with this numpy
        raise MissingTool(f"the fast backend cannot load numba: {error}") from None
    most = work.processors()
    if threads is not None and not 1 <= threads <= most:
        raise ValueError(f"threads must be 1 to {most}, not {threads}")
    for word in record:
        if word not in RECORDS:
            raise ValueError(f"record must hold 'spikes' and 'v', not {word!r}")
    if any(KERNELS[c.op.name] is plain for p in network.populations for c in p.connections):
        from .fast_steps import run as by_steps

        return by_steps(network, inputs, record)
    spikes, v = needed(network)
    if "spikes" in record:
        spikes = {p.name for p in network.populations if p.spiking}
    if "v" in record:
        v = {p.name for p in network.populations}
    found = work.run(
        network, inputs, spikes, v, KERNELS, threads or most,
        work.MEMORY if memory is None else memory, progress,
    )  # fmt: skip
    return finish(network, "fast", found.spikes, found.v)
