"""How large a network is, in a few numbers."""

from __future__ import annotations

from ..network import Network
from ..trained import TrainedNetwork
from .size import size
from .storage import storage


def summary(network: Network | TrainedNetwork) -> dict[str, int]:
    """Return the bits of a Network's integers, or what a TrainedNetwork is in the papers' count."""
    if isinstance(network, TrainedNetwork):
        bits = size(network)
        return {"size_bytes": bits.total_bytes, "parameters": bits.parameters}
    rows = storage(network)
    return {
        "weight_bits": sum(row.weights for row in rows),
        "parameter_bits": sum(row.parameters for row in rows),
        "state_bits": sum(row.state for row in rows),
    }
