"""What the readers of a population ask of its output axons.

The synapses of a connection into a tile are one place to send to, and a spike goes to each by an
axon of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .chips import Chip
from .formula import SLOTS, atom_groups
from .reach import Axis, Link, seen
from .values import Span


@dataclass(frozen=True)
class Grid:
    """How a population is split: chunks of channels times rows times columns.

    Attributes
    ----------
        order: (C,) channels as they are laid out. channels: spans of ``order``.
        rows, cols: spans of the map. axons: per connection, as of Tile.
    """

    order: np.ndarray
    channels: tuple[Span, ...]
    rows: tuple[Span, ...]
    cols: tuple[Span, ...]
    axons: tuple[str, ...]

    @property
    def count(self) -> int:
        """Tiles."""
        return len(self.channels) * len(self.rows) * len(self.cols)

    def chunk(self, index: int) -> np.ndarray:
        """Return the channels of a chunk."""
        start, stop = self.channels[index]
        return self.order[start:stop]

    @property
    def key(self) -> tuple:
        """What two grids that are alike have in common."""
        return self.order.tobytes(), self.channels, self.rows, self.cols, self.axons


@dataclass(frozen=True)
class Demand:
    """What one reading connection asks of every place of its source.

    Attributes
    ----------
        slots: of an axon. whole: whether axons are of neurons, not of places.
        atoms: (tiles of channels, axons of a place, source channels) whether an axon has a channel.
        rows, cols: per place of the axis, how many chunks of the reader it reaches.
    """

    slots: int
    whole: bool
    atoms: np.ndarray
    rows: np.ndarray
    cols: np.ndarray

    def of_chunks(self, grid: Grid) -> np.ndarray:
        """Return, per chunk of channels of the source, the axons of one place."""
        many = []
        for k in range(len(grid.channels)):
            reached = self.atoms[:, :, grid.chunk(k)]
            many.append(reached.sum() if self.whole else reached.any(axis=2).sum())
        return np.array(many, np.int64) * self.slots

    @staticmethod
    def of_spans(fan: np.ndarray, spans: tuple[Span, ...]) -> np.ndarray:
        """Return, per span, the sum of a fan."""
        total = np.concatenate([[0], np.cumsum(fan)])
        return np.array([total[stop] - total[start] for start, stop in spans], np.int64)

    @property
    def key(self) -> tuple:
        """What two demands that are alike have in common."""
        arrays = self.atoms, self.rows, self.cols
        return self.slots, self.whole, *((a.shape, a.tobytes()) for a in arrays)


def demand(link: Link, reader: Grid, axons: str, chip: Chip) -> Demand:
    """Return what a reader, split as it is, asks of the source of a connection."""
    channels, rows, cols = link.source
    whole = axons == "discrete"
    needed = [link.needs(reader.chunk(k)) for k in range(len(reader.channels))]
    if not whole and len(needed) > 1 and all(len(n) == channels for n in needed):
        groups = _atoms(needed[0], channels, chip)
        atoms = np.broadcast_to(groups, (len(needed), *groups.shape))
    elif whole:
        atoms = np.ones((len(needed), 1, channels), bool)
    else:
        each = [_atoms(n, channels, chip) for n in needed]
        most = max(map(len, each))
        atoms = np.zeros((len(each), most, channels), bool)
        for k, groups in enumerate(each):
            atoms[k, : len(groups)] = groups
    if link.dense:
        fans = np.ones(rows, np.int64), np.ones(cols, np.int64)
    else:
        fans = _fan(link.rows, reader.rows, rows), _fan(link.cols, reader.cols, cols)
    return Demand(SLOTS[axons], whole, atoms, *fans)


def _atoms(needed: np.ndarray, channels: int, chip: Chip) -> np.ndarray:
    sizes = atom_groups(len(needed), chip)
    found = np.zeros((len(sizes), channels), bool)
    start = 0
    for k, size in enumerate(sizes):
        found[k, needed[start : start + size]] = True
        start += size
    return found


def _fan(axis: Axis | None, spans: tuple[Span, ...], size: int) -> np.ndarray:
    assert axis is not None
    fan = np.zeros(size, np.int64)
    for span in spans:
        fan[seen(axis, *span).sources] += 1
    return fan


def slots_out(demands: list[Demand], grid: Grid) -> np.ndarray:
    """Return the output slots of every tile, (chunks of channels, of rows, of columns)."""
    shape = len(grid.channels), len(grid.rows), len(grid.cols)
    total = np.zeros(shape, np.int64)
    for one in demands:
        a = one.of_chunks(grid)
        b, c = one.of_spans(one.rows, grid.rows), one.of_spans(one.cols, grid.cols)
        total += a[:, None, None] * b[:, None] * c
    return total
