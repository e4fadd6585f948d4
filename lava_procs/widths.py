"""What a Network's proofs allow its Processes: sources' ranges, 32-bit arithmetic."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mapping import INPUT, Network, Population
from mapping.intervals import bits

#: Signed bits within which numpy's int32 holds everything.
NARROW = 32


@dataclass(frozen=True)
class Width:
    """Of one population.

    Attributes
    ----------
        spans: per connection, the least and the largest value of its source.
        held: per connection, whether its source is the same at every timestep of a sample.
        narrow: everything in it fits 32 bits.
    """

    spans: tuple[tuple[int, int], ...]
    held: tuple[bool, ...]
    narrow: bool


def width(network: Network, p: Population) -> Width:
    """Read a population's Width from its network's facts.

    Raises
    ------
        ValueError: a value would need more than WIDTH_MAX bits.
    """
    known = {q.name: network.facts[q.name].out.span for q in network.populations}
    direct = network.input.coding == "direct"
    return Width(
        tuple(network.input.span if c.source == INPUT else known[c.source] for c in p.connections),
        tuple(direct and c.source == INPUT for c in p.connections),
        _narrow(network, p),
    )


def _narrow(network: Network, p: Population) -> bool:
    """Whether int32 holds every value that is compared, shifted or kept.

    What is only added up to such values may wrap on the way.
    """
    facts, n = network.facts[p.name], p.neuron
    if any(c.shift or c.gate is not None for c in p.connections):
        return False
    intervals = (*facts.acc, facts.drive, facts.scaled, facts.v, facts.state)
    numbers = [n.v_reset, n.v_init, n.rho, *(a for c in p.connections for a in (c.gain, c.bias))]
    if n.threshold is not None:
        numbers.append(n.threshold)
    return all(i.bits <= NARROW for i in intervals) and all(
        bits(int(np.min(a)), int(np.max(a))) <= NARROW for a in numbers
    )
