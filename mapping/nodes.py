"""What the nodes of both network values have in common, whatever their numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from .ops import checked_op
from .value import Value, choice, fire_by, integer, name

RESETS = ("zero", "subtract", "none")


def checked_edge(connection: Any, gate: type) -> dict[str, Any]:
    """Check source, op and gate of a connection, and return its checked delay by name.

    Args:
        gate: the class that its gate must have, if it has one.
    """
    name(connection.source, "connection source")
    checked_op(connection.op)
    if connection.gate is not None and not isinstance(connection.gate, gate):
        raise TypeError(f"gate must be a Gate or None, not {connection.gate!r}")
    return {"delay": integer(connection.delay, "delay of a connection", 0, 1 << 16)}


@dataclass(frozen=True, eq=False, repr=False)
class AnyNeuron(Value):
    """A neuron of either network value: what both say of firing and of holding."""

    def firing(self) -> dict[str, Any]:
        """Return reset, max_spikes, refractory and fire_by by name, checked."""
        n: Any = self
        spikes = n.max_spikes
        return {
            "reset": choice(n.reset, "reset", RESETS),
            "max_spikes": None if spikes is None else integer(spikes, "max_spikes", 1),
            "refractory": integer(n.refractory, "refractory", 0, 1 << 16),
            "fire_by": fire_by(n.fire_by, n.threshold),
        }

    @property
    def holds(self) -> bool:
        """Whether a neuron may be held at v_reset."""
        n: Any = self
        return n.threshold is not None and (n.max_spikes is not None or n.refractory > 0)


@dataclass(frozen=True, eq=False, repr=False)
class AnyPopulation(Value):
    """A named group of neurons with the connections that enter it.

    A subclass names its classes of connection and neuron, and what a sentence calls them.
    """

    name: str
    connections: tuple[Any, ...]
    neuron: Any

    connection_class: ClassVar[type]
    neuron_class: ClassVar[type]
    called: ClassVar[str]

    def __post_init__(self) -> None:
        name(self.name, "population name")
        connections = tuple(self.connections)
        if not connections or not all(isinstance(c, self.connection_class) for c in connections):
            of = f"connections of {self.name!r}"
            raise TypeError(f"{of} must be a tuple of Connections of the {self.called} network")
        if not isinstance(self.neuron, self.neuron_class):
            of = f"neuron of {self.name!r}"
            raise TypeError(f"{of} must be a Neuron of the {self.called} network: {self.neuron!r}")
        self.set(connections=connections)

    @property
    def spiking(self) -> bool:
        """Whether it has a threshold."""
        return self.neuron.threshold is not None

    def fitted(self, channels: int, timesteps: int) -> Any:
        """Return it with one number per output channel, its gates checked against T.

        Raises
        ------
            ValueError: a vector or a gate that does not fit.
        """
        raise NotImplementedError
