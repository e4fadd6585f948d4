"""Block that is taken where none is asked for, and what speaks for it: membranes beside weights."""

from __future__ import annotations

from mapping import INPUT, Network

from .cores.history import remembers
from .numbers import history


def weight_bits(network: Network) -> int:
    """Return the bits of all weights."""
    ops = [c.op for p in network.populations for c in p.connections]
    return sum(op.weights.size * op.bits for op in ops if op.bits)


def membrane_bits(network: Network) -> int:
    """Return the bits of all that neurons keep from one timestep to the next."""
    total = 0
    for p in network.populations:
        facts = network.facts[p.name]
        past = history(p.neuron, facts.spikes, network.timesteps)
        if remembers(p.neuron.num, past):
            neurons = 1
            for size in network.shapes[p.name]:
                neurons *= size
            total += neurons * (facts.state.bits + sum(past.fields.values()))
    return total


def maps(network: Network) -> bool:
    """Whether a population is a map of more than one place."""
    shapes = (network.shapes[p.name] for p in network.populations)
    return any(len(shape) == 3 and shape[1:] != (1, 1) for shape in shapes)


def usual(network: Network) -> int:
    """Return the block of a network where none is asked for.

    One timestep, but all of them where a network has maps, its membranes would take more bits than
    its weights, and no connection back has to come within the block.
    """
    names = [INPUT, *(p.name for p in network.populations)]
    steps = network.timesteps
    within = any(
        names.index(c.source) > k and c.delay < steps
        for k, p in enumerate(network.populations)
        for c in p.connections
    )
    if within or not maps(network):
        return 1
    return steps if membrane_bits(network) > weight_bits(network) else 1
