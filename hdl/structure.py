"""Structure: what networks must have in common to share a design; their numbers may differ."""

from __future__ import annotations

import json
from typing import Any

from mapping import Network
from mapping.ops import Op

#: Names and values, in a fixed order; a name says which part of a network it is of.
Structure = tuple[tuple[str, object], ...]


def structure(network: Network) -> Structure:
    """Return all of a network but what stands in its weights and parameter tables.

    Gates are left out: a design that is shared has none (``takes.LOADABLE``).
    """
    enter = network.input
    parts: list[tuple[str, object]] = [
        ("the input's shape", enter.shape),
        ("the input's span", enter.span),
        ("the input's coding", enter.coding),
        ("the number of timesteps", network.timesteps),
        ("the read-out's source", network.readout.source),
        ("the populations", tuple(p.name for p in network.populations)),
    ]
    for p in network.populations:
        neuron, of = p.neuron, f"of population {p.name!r}"
        parts += [
            (f"the sources {of}", tuple(c.source for c in p.connections)),
            (f"the delays {of}", tuple(c.delay for c in p.connections)),
            (f"the shifts {of}", tuple(c.shift for c in p.connections)),
            (f"the weights' shapes {of}", tuple(_weights(c.op) for c in p.connections)),
            (f"the layers {of}", tuple(_layer(c.op) for c in p.connections)),
            (f"the leak {of}", (neuron.num, neuron.q)),
            (f"whether there is a threshold {of}", p.spiking),
        ]
        if p.spiking:
            parts += [
                (f"the reset {of}", neuron.reset),
                (f"max_spikes {of}", neuron.max_spikes),
                (f"refractory {of}", neuron.refractory),
                (f"fire_by {of}", neuron.fire_by),
            ]
    return tuple(parts)


def _weights(op: Op) -> tuple[int, ...]:
    return op.weights.shape if op.bits else ()


def _layer(op: Op) -> tuple[object, ...]:
    """Return what a layer is beside its weights: its kind, and how its window moves."""
    window = op.window
    if window is None:
        return (op.name, op.bits)
    return (op.name, op.bits, op.linear, *map(tuple, window))


def stated(network: Network) -> list[list[Any]]:
    """Return the structure as JSON values, as a manifest holds it."""
    return json.loads(json.dumps(structure(network)))


def difference(must: list[list[Any]], network: Network) -> str | None:
    """Return the first part in which a network differs from a stated structure, as words."""
    for (part, value), (other, found) in zip(must, stated(network), strict=False):
        if (part, value) != (other, found):
            return f"{part} {_verb(part)} {_plain(value)}, not {_plain(found)}"
    return None


def _verb(name: str) -> str:
    head = name.partition(" of ")[0]
    return "are" if head.endswith(("s", "shapes")) and head != "max_spikes" else "is"


def _plain(value: object) -> str:
    if isinstance(value, list):
        return "(" + ", ".join(map(_plain, value)) + ")"
    return str(value)
