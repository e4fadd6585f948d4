"""The bits that a folded network needs, from its integers and their proven widths.

A number per channel has the width of the largest; one that all channels share is stored once, and
one that does nothing (a gain of 1, a bias of 0) not at all. Membranes are state, not parameters.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..intervals import bits, planes
from ..network import Network, Population
from ..ports import INPUT


@dataclass(frozen=True)
class Storage:
    """Bits of one population.

    Attributes
    ----------
        weights, gains, biases, gates: of its connections.
        thresholds: with reset values, starts, and what is taken off.
        membranes: of all neurons, where they last from one timestep to the next.
        delays: what its delayed connections keep of their sources.
    """

    population: str
    weights: int
    gains: int
    biases: int
    thresholds: int
    gates: int
    membranes: int
    delays: int

    @property
    def parameters(self) -> int:
        """Bits that do not change while it runs."""
        return self.weights + self.gains + self.biases + self.thresholds + self.gates

    @property
    def state(self) -> int:
        """Bits that do."""
        return self.membranes + self.delays


def storage(network: Network) -> list[Storage]:
    """Count the bits of a network, population by population.

    Counters of held neurons (``max_spikes``, ``refractory``) and buffers between layers belong to
    an implementation, and are not counted.
    """
    return [_population(network, p) for p in network.populations]


def _population(network: Network, p: Population) -> Storage:
    facts, neuron = network.facts[p.name], p.neuron
    gates = [c.gate for c in p.connections if c.gate is not None]
    thresholds = 0
    if neuron.threshold is not None:
        thresholds = table(neuron.threshold)
        if neuron.reset == "zero" or neuron.holds:
            thresholds += table(neuron.v_reset, 0)
        if neuron.reset == "subtract":
            thresholds += table(neuron.rho, 0)
    lasts = neuron.num > 0 and network.timesteps > 1
    return Storage(
        population=p.name,
        weights=sum(c.op.weight_bits for c in p.connections),
        gains=sum(table(c.gain, 1) for c in p.connections),
        biases=sum(table(c.bias, 0) for c in p.connections),
        thresholds=thresholds + table(neuron.v_init, 0),
        gates=sum(
            g.table.size * bits(g.table.min(), g.table.max()) + table(g.weights) + table(g.offset)
            for g in gates
        ),
        membranes=math.prod(facts.shape) * facts.state.bits if lasts else 0,
        delays=sum(c.delay * _width(network, c.source) for c in p.connections),
    )


def table(numbers: np.ndarray, idle: int | None = None) -> int:
    """Return the bits of a vector of integers; none if all are ``idle``."""
    low, high = int(np.min(numbers)), int(np.max(numbers))
    if low == high == idle:
        return 0
    return bits(low, high) * (1 if low == high else np.size(numbers))


def _width(network: Network, source: str) -> int:
    """Return the bits of one timestep of a source."""
    each = (
        network.input.span[1].bit_length()
        if source == INPUT
        else planes(network.facts[source].out)[0]
    )
    return math.prod(network.shapes[source]) * each
