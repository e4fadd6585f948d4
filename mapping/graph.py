"""What any network is, whatever its numbers: an ordered graph with one input and one read-out.

Populations are ordered so that each reads the input, earlier populations, or (with a delay of at
least one timestep) any population, itself included. Everything here reads structure only.
``Graph`` is what both network values are; they add their numbers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

from . import show
from .nodes import AnyPopulation
from .ops import Shape
from .ports import INPUT, Input, Readout
from .value import Value, integer


@dataclass(frozen=True, eq=False, repr=False)
class Graph(Value):
    """An input, populations in an order in which they can run, a read-out, and T.

    A subclass names the class of its populations, and prints their columns.
    """

    input: Input
    populations: tuple[Any, ...]
    readout: Readout
    timesteps: int

    population_class: ClassVar[type[AnyPopulation]]

    def __post_init__(self) -> None:
        populations = tuple(self.populations)
        if not all(isinstance(p, self.population_class) for p in populations):
            kind, called = type(self).__name__, self.population_class.called
            raise TypeError(f"populations of a {kind} must be a tuple of {called} Populations")
        if not isinstance(self.input, Input):
            raise TypeError(f"input must be an Input, not {self.input!r}")
        known = shapes(self.input.shape, populations)
        spiking = {p.name for p in populations if p.spiking}
        steps = check_ends(self.input, self.readout, self.timesteps, known, spiking)
        fitted = tuple(p.fitted(known[p.name][0], steps) for p in populations)
        self.set(populations=fitted, timesteps=steps, _shapes=known)

    @property
    def shapes(self) -> dict[str, Shape]:
        """Shape of the input and of every population, by name."""
        return dict(self._shapes)  # type: ignore[attr-defined]

    def __getitem__(self, key: str) -> Any:
        for population in self.populations:
            if population.name == key:
                return population
        raise KeyError(key)

    def claim(self) -> str:
        """Return what its one-line print ends with, or nothing."""
        return ""

    def columns(self, population: Any) -> dict[str, Any]:
        """Return what its table says of a population beside name, shape and sources."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"<{show.line(self)}>"

    def __str__(self) -> str:
        return show.table(self)

    def _repr_html_(self) -> str:
        return show.page(self)


def shapes(input_shape: Shape, populations: Iterable[Any]) -> dict[str, Shape]:
    """Check the graph and return the shape of the input and of every population, by name.

    Raises
    ------
        ValueError: a name used twice, an unknown or later source, shapes that do not join.
    """
    populations = tuple(populations)
    if not populations:
        raise ValueError("a network must have at least one population")
    order: dict[str, int] = {INPUT: -1}
    for index, population in enumerate(populations):
        if population.name in order:
            raise ValueError(f"population name {population.name!r} is used twice")
        order[population.name] = index
    known: dict[str, Shape] = {INPUT: input_shape}
    waiting: list[tuple[Any, Any]] = []
    for index, population in enumerate(populations):
        joined: Shape | None = None
        for connection in population.connections:
            edge = f"connection {connection.source!r} -> {population.name!r}"
            if connection.source not in order:
                raise ValueError(f"{edge}: there is no population {connection.source!r}")
            if order[connection.source] >= index:
                if connection.delay < 1:
                    raise ValueError(f"{edge} points backwards: it needs a delay of at least 1")
                waiting.append((population, connection))
                continue
            shape = _joined(connection, known[connection.source], edge)
            if joined is not None and shape != joined:
                raise ValueError(f"{edge} has shape {shape}, an earlier one {joined}")
            joined = shape
        if joined is None:
            raise ValueError(f"population {population.name!r} needs an earlier source")
        known[population.name] = joined
    for population, connection in waiting:
        edge = f"connection {connection.source!r} -> {population.name!r}"
        shape = _joined(connection, known[connection.source], edge)
        if shape != known[population.name]:
            raise ValueError(f"{edge} has shape {shape}, not {known[population.name]}")
    return known


def _joined(connection: Any, shape: Shape, edge: str) -> Shape:
    try:
        return connection.op.out_shape(shape)
    except ValueError as error:
        raise ValueError(f"{edge}: {error}") from None


def check_ends(
    enter: Any, readout: Any, timesteps: Any, known: dict[str, Shape], spiking: set[str]
) -> int:
    """Check input, read-out and number of timesteps; return the latter.

    Args:
        known: shape of every population. spiking: names of those with a threshold.
    """
    if not isinstance(readout, Readout):
        raise TypeError(f"readout must be a Readout, not {readout!r}")
    if readout.source == INPUT or readout.source not in known:
        raise ValueError(f"read-out source {readout.source!r} is not a population")
    if readout.kind == "first_spike" and readout.source not in spiking:
        raise ValueError(f"a first-spike read-out needs a threshold in {readout.source!r}")
    steps = integer(timesteps, "timesteps", 1, 1 << 16)
    for what, step in (("t_max of the input", enter.t_max), ("read-out step", readout.step)):
        if step is not None and step >= steps:
            raise ValueError(f"{what} must lie below the {steps} timesteps, not at {step}")
    return steps
