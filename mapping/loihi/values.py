"""Tiles, cores and placements: what a partition says, and nothing of how it was found."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..value import Value, frozen
from .chips import Chip

Span = tuple[int, int]


@dataclass(frozen=True, eq=False, repr=False)
class Tile(Value):
    """A part of a population: some channels of a rectangle of its map.

    Compartments run over rows, columns, channels (innermost), in the order of ``channels``.

    Attributes
    ----------
        population: its name.
        channels: (n,) numbers of the channels. rows, cols: first, and one behind the last; a
            population of shape (n,) is a map of one row and one column.
        axons: per connection, ``"discrete"`` (one axon for each source neuron) or
            ``"population"`` (one for each place of the source's map, its channels as atoms).
    """

    population: str
    channels: np.ndarray
    rows: Span
    cols: Span
    axons: tuple[str, ...]

    def __post_init__(self) -> None:
        self.set(channels=frozen(np.asarray(self.channels, np.int64)))

    @property
    def places(self) -> int:
        """Places of the map."""
        return (self.rows[1] - self.rows[0]) * (self.cols[1] - self.cols[0])

    @property
    def size(self) -> int:
        """Neurons."""
        return len(self.channels) * self.places


@dataclass(frozen=True, eq=False, repr=False)
class Core(Value):
    """A neurocore: the tiles that it holds, one after the other, and what they use.

    Attributes
    ----------
        used: by the name of a limit of Chip.
    """

    tiles: tuple[Tile, ...]
    used: dict[str, int]

    def binding(self, chip: Chip) -> str:
        """Return the limit that most of is used."""
        limits = {k: getattr(chip, k).value for k in self.used}
        shares = {k: n / limits[k] for k, n in self.used.items() if limits[k]}
        return max(shares, key=shares.__getitem__)

    def utilisation(self, chip: Chip) -> dict[str, tuple[int, int | None]]:
        """Return (used, max) of every limit; max is None where it is not published."""
        return {name: (n, getattr(chip, name).value) for name, n in self.used.items()}


@dataclass(frozen=True, eq=False, repr=False)
class Placement(Value):
    """Cores of a network, and where they stand on the mesh.

    The mesh goes on from chip to chip: ``x`` and ``y`` count tiles over all of them, ``chips``
    (columns, rows) stand side by side, and a route leads along x first, then along y.

    Attributes
    ----------
        places: (cores, 3) int64: x and y of the tile, and the core in it.
        traffic: (edges, 2) cores from and to, int64; ``packets``: (edges,) a sample, float64;
            ``edge_groups``: (edges,) which of ``connections`` each edge belongs to.
        connections: (source, population, index of the connection).
        measured: whether spikes were measured, or one a neuron was taken for granted.
        seed: of what ties are broken by.
    """

    chip: Chip
    cores: tuple[Core, ...]
    places: np.ndarray
    chips: tuple[int, int]
    traffic: np.ndarray
    packets: np.ndarray
    edge_groups: np.ndarray
    connections: tuple[tuple[str, str, int], ...]
    measured: bool
    seed: int

    @property
    def hops(self) -> np.ndarray:
        """(edges, 2) int64: tiles along x, and along y, of every edge."""
        ends = self.places[self.traffic][:, :, :2]
        return np.abs(ends[:, 0] - ends[:, 1])

    @property
    def spike_hops(self) -> float:
        """Packets times tiles that they pass, of a sample."""
        return float(self.packets @ self.hops.sum(axis=1))

    @functools.cached_property
    def chip_of(self) -> np.ndarray:
        """(cores,) int64: the chip of every core, chips counted row by row."""
        size = (self.chip.columns.value or 1), (self.chip.rows.value or 1)
        return self.places[:, 1] // size[1] * self.chips[0] + self.places[:, 0] // size[0]

    def layers(self) -> list[dict[str, Any]]:
        """Return packets and hops of every connection, as rows."""
        passed = self.packets * self.hops.sum(axis=1)
        many = len(self.connections)
        packets = np.bincount(self.edge_groups, self.packets, many)
        hops = np.bincount(self.edge_groups, passed, many)
        return [
            {"source": s, "population": p, "packets": float(a), "spike_hops": float(b)}
            for (s, p, _), a, b in zip(self.connections, packets, hops, strict=True)
        ]
