"""Which kinds of node a backend takes; what it does not take is refused by name."""

from __future__ import annotations

from .network import Network
from .ops import Dense
from .ports import INPUT
from .value import Unsupported


def refuse_beyond_dense(network: Network, backend: str) -> None:
    """Raise Unsupported at the first connection that is not one-bit Dense on spikes or inputs.

    Args:
        backend: how it is called in the sentence.
    """
    for p in network.populations:
        for c in p.connections:
            where = f"population {p.name!r}, connection from {c.source!r}: "
            found = None
            if not isinstance(c.op, Dense):
                found = f"{type(c.op).__name__} connections"
            elif c.op.bits != 1:
                found = f"weights of {c.op.bits} bits"
            elif c.gate is not None:
                found = "gates"
            elif c.shift:
                found = "shifted connections"
            elif c.source != INPUT and not network[c.source].spiking:
                found = "connections from a population without a threshold"
            if found:
                raise Unsupported(f"{where}{found} are not run by {backend} yet")
