"""From a trained graph to a TrainedNetwork: its float32 parameters, taken as exact numbers."""

from __future__ import annotations

from mapping import Readout, TrainedNetwork, trained

from .graph import Connection, Population, SpikingNetwork
from .norm import Dyadic
from .ops import array


def export(model: SpikingNetwork) -> TrainedNetwork:
    """Return what a model computes in eval mode, as a value that names every semantic.

    Raises
    ------
        ValueError: a layer cannot be mapped (real weights), or a number is not finite; the
            connection is named.
    """
    populations = tuple(_population(p) for p in model.populations)
    readout = Readout(populations[-1].name, "membrane")
    return TrainedNetwork(model.enter, populations, readout, model.timesteps)


def _population(p: Population) -> trained.Population:
    connections = tuple(_connection(c, p.name) for c in p.connections)
    return trained.Population(p.name, connections, p.neurons.exported())


def _connection(c: Connection, into: str) -> trained.Connection:
    try:
        op, scale, bias = c.op.exported()
        norm = None
        if isinstance(c.norm, Dyadic):
            scale, bias = (array(x) for x in c.norm.numbers())
        elif c.norm is not None:
            norm = c.norm.exported()
        gate = None if c.gate is None else c.gate.exported()
        return trained.Connection(c.source, op, scale=scale, bias=bias, norm=norm, gate=gate)
    except ValueError as error:
        raise ValueError(f"connection {c.source!r} -> {into!r} {error}") from None
