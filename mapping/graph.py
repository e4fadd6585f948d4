"""What any network is, whatever its numbers: an ordered graph with one input and one read-out.

Populations are ordered so that each reads the input, earlier populations, or (with a delay of at
least one timestep) any population, itself included. Everything here reads structure only.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .ends import INPUT, Readout
from .ops import Shape
from .value import integer


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
        found: Shape | None = None
        for connection in population.connections:
            where = f"connection {connection.source!r} -> {population.name!r}"
            if connection.source not in order:
                raise ValueError(f"{where}: there is no population {connection.source!r}")
            if order[connection.source] >= index:
                if connection.delay < 1:
                    raise ValueError(f"{where} points backwards: it needs a delay of at least 1")
                waiting.append((population, connection))
                continue
            shape = _joined(connection, known[connection.source], where)
            if found is not None and shape != found:
                raise ValueError(f"{where} has shape {shape}, an earlier one {found}")
            found = shape
        if found is None:
            raise ValueError(f"population {population.name!r} needs an earlier source")
        known[population.name] = found
    for population, connection in waiting:
        where = f"connection {connection.source!r} -> {population.name!r}"
        shape = _joined(connection, known[connection.source], where)
        if shape != known[population.name]:
            raise ValueError(f"{where} has shape {shape}, not {known[population.name]}")
    return known


def _joined(connection: Any, shape: Shape, where: str) -> Shape:
    try:
        return connection.op.out_shape(shape)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None


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
    for what, found in (("t_max of the input", enter.t_max), ("read-out step", readout.step)):
        if found is not None and found >= steps:
            raise ValueError(f"{what} must lie below the {steps} timesteps, not at {found}")
    return steps
