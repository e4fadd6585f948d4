"""The split of one population: the largest tile that keeps every limit, by channels and rows.

Candidates are even cuts of channels, rows and columns. What counts is how many cores they take,
with those that the output axons of the sources then need; ties go to fewer input axons. Channels
are laid out by their thresholds where a core holds few distinct ones: their order is free.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..value import Unsupported
from .chips import CHIPS, Chip
from .demand import Demand, Grid, slots_out
from .formula import SLOTS, atom_groups, dense_synapses, window_synapses
from .reach import Link, seen
from .values import Span


@dataclass(frozen=True)
class Task:
    """What the split of a population depends on.

    Attributes
    ----------
        shape: (channels, rows, cols). links: of its connections. thresholds: (C,).
        chunks: per connection, the least chunks of channels that its source must have (0: no core).
        demands: of its readers.
    """

    name: str
    shape: tuple[int, int, int]
    links: tuple[Link, ...]
    thresholds: np.ndarray
    chunks: tuple[int, ...]
    demands: tuple[Demand, ...]

    @property
    def key(self) -> tuple:
        """What two tasks that are alike have in common."""
        demands = tuple(d.key for d in self.demands)
        return self.shape, self.links, self.thresholds.tobytes(), self.chunks, demands


def even(size: int, parts: int) -> tuple[Span, ...]:
    """Cut a size into parts of nearly equal length."""
    edges = [size * k // parts for k in range(parts + 1)]
    return tuple(zip(edges[:-1], edges[1:], strict=True))


def cuts(size: int) -> list[int]:
    """Return numbers of parts, one for every different length of the longest."""
    found, parts = [], 1
    while parts <= size:
        longest = -(-size // parts)
        found.append(parts)
        if longest == 1:
            break
        parts = -(-size // (longest - 1))
    return found


def order_of(thresholds: np.ndarray, chip: Chip) -> np.ndarray:
    """Return channels in an order in which a core's have few distinct thresholds."""
    most = chip.thresholds.value
    if most is None or len(np.unique(thresholds)) <= most:
        return np.arange(len(thresholds))
    return np.argsort(thresholds, kind="stable")


def split(task: Task, chip: Chip) -> Grid:
    """Return the split of a population.

    Raises
    ------
        Unsupported: not even one neuron keeps the limits; the first that it breaks is named,
            with both numbers, and who has more.
    """
    order = order_of(task.thresholds, chip)
    best: tuple[tuple, Grid] | None = None
    broken: tuple[str, int] | None = None
    for axons in _formats(task):
        for grid, floor in _candidates(task, order, axons, chip):
            if best is not None and floor > best[0][0]:
                continue
            broken = _breaks(task, grid, chip)
            if broken is None:
                score = _score(task, grid, chip)
                if best is None or score < best[0]:
                    best = score, grid
    if best is None:
        assert broken is not None
        raise Unsupported(_too_much(task.name, *broken, chip))
    return best[1]


def _too_much(name: str, limit: str, needed: int, chip: Chip) -> str:
    """Return the sentence of a population of which one neuron needs more than a core has."""
    most = getattr(chip, limit).value
    text = f"population {name!r} does not fit {chip.name}: one neuron alone needs {needed} {limit}"
    text += f", and a core has {most}"
    for other in CHIPS.values():
        more = getattr(other, limit)
        if other.name != chip.name and more.holds(needed):
            has = "no such limit is published" if more.value is None else f"it is {more.value}"
            text += f"; of {other.name} {has}"
    return text


def _formats(task: Task) -> list[tuple[str, ...]]:
    """Return the axons that are tried: dense links with axons of both kinds, all alike."""
    kinds = [("discrete", "population") if x.dense else ("population",) for x in task.links]
    return sorted({tuple(k[min(i, len(k) - 1)] for k in kinds) for i in (0, 1)})


def _candidates(
    task: Task, order: np.ndarray, axons: tuple[str, ...], chip: Chip
) -> Iterator[tuple[Grid, int]]:
    """Yield grids whose tiles have no more neurons than a core, the fewest tiles first."""
    most = chip.compartments.value or 1 << 30
    channels, rows, cols = task.shape
    found = [
        (a * b * c, a, b, c)
        for a in cuts(channels)
        for b in cuts(rows)
        for c in cuts(cols)
        if -(-channels // a) * -(-rows // b) * -(-cols // c) <= most
    ]
    for tiles, a, b, c in sorted(found):
        yield Grid(order, even(channels, a), even(rows, b), even(cols, c), axons), tiles


def _breaks(task: Task, grid: Grid, chip: Chip) -> tuple[str, int] | None:
    """Return the limit that a tile breaks and what it needs; what is quick to see comes first."""
    distinct = chip.thresholds.value
    if distinct is not None:
        kinds = (len(np.unique(task.thresholds[grid.chunk(k)])) for k in range(len(grid.channels)))
        if (most := max(kinds)) > distinct:
            return "thresholds", most
    if not chip.formats.holds(len(task.links)):
        return "formats", len(task.links)
    slots = slots_out(list(task.demands), grid)
    if not chip.axons_out.holds(int(slots.max())):
        return "axons_out", int(slots.max())
    state = chip.state_bytes.value or 0
    for chunk in _unlike_chunks(task, grid):
        channels = grid.chunk(chunk)
        for rows in _unlike(task.links, grid.rows, "rows"):
            for cols in _unlike(task.links, grid.cols, "cols"):
                bits, axons = tile_synapses(task.links, grid.axons, channels, rows, cols, 0, chip)
                if not chip.axons_in.holds(axons):
                    return "axons_in", axons
                if not chip.synapse_bits.holds(bits):
                    return "synapse_bits", bits
                size = len(channels) * (rows[1] - rows[0]) * (cols[1] - cols[0])
                memory = -(-bits // 8) + state * size
                if not chip.memory_bytes.holds(memory):
                    return "memory_bytes", memory
    return None


def tile_synapses(
    links: tuple[Link, ...], axons: tuple[str, ...], channels: np.ndarray, rows: Span, cols: Span,
    base: int, chip: Chip,
) -> tuple[int, int]:  # fmt: skip
    """Return the bits and the input axons of a tile whose first compartment is ``base``."""
    bits = entries = 0
    places = (rows[1] - rows[0]) * (cols[1] - cols[0])
    for link, kind in zip(links, axons, strict=True):
        if link.dense:
            more = dense_synapses(link, len(channels) * places, kind, chip)
        else:
            more = window_synapses(
                link, len(channels), pairs(link, channels, chip), rows, cols, base,
                chip.base_reach.value,
            )  # fmt: skip
        bits, entries = bits + more[0], entries + more[1]
    return bits, entries


def pairs(link: Link, channels: np.ndarray, chip: Chip) -> tuple[int, ...]:
    """Return, per axon of a place, its (source channel, tile channel) pairs."""
    needed = link.needs(channels)
    if link.groups == 1:
        return tuple(atoms * len(channels) for atoms in atom_groups(len(needed), chip))
    each = link.source[0] // link.groups
    own = np.bincount(channels // (link.out[0] // link.groups), minlength=link.groups)
    weights, found, start = own[needed // each], [], 0
    for atoms in atom_groups(len(needed), chip):
        found.append(int(weights[start : start + atoms].sum()))
        start += atoms
    return tuple(found)


def _unlike_chunks(task: Task, grid: Grid) -> list[int]:
    """Return chunks of channels, one of each that costs otherwise."""
    if all(link.dense or link.groups == 1 for link in task.links):
        sizes = [stop - start for start, stop in grid.channels]
        return [int(np.argmax(sizes))]
    return list(range(len(grid.channels)))


def _unlike(links: tuple[Link, ...], spans: tuple[Span, ...], axis: str) -> list[Span]:
    """Return spans of an axis, one of each that sees its sources otherwise."""
    found: dict[tuple, Span] = {}
    for start, stop in spans:
        key: list = [stop - start]
        for link in links:
            along = getattr(link, axis)
            if along is not None:
                view = seen(along, start, stop)
                parts = view.first, view.last, view.taps, view.pattern
                key += [part.tobytes() for part in parts]
        found.setdefault(tuple(key), (start, stop))
    return list(found.values())


def _score(task: Task, grid: Grid, chip: Chip) -> tuple:
    """Return cores, those upstream included, then input axons, then what keeps it unambiguous."""
    most, slots = chip.compartments.value or 1, chip.axons_out.value
    cores = float(grid.count)
    entries = 0
    for link, kind, chunks in zip(task.links, grid.axons, task.chunks, strict=True):
        if link.dense:
            places = link.source[1] * link.source[2]
            each = link.source[0] if kind == "discrete" else len(atom_groups(link.source[0], chip))
            into = len(grid.channels) * places * each
        else:
            assert link.rows is not None and link.cols is not None
            down = sum(len(seen(link.rows, *span).sources) for span in grid.rows)
            across = sum(len(seen(link.cols, *span).sources) for span in grid.cols)
            into = len(grid.channels) * down * across
        entries += into
        if chunks and slots is not None:
            asked = into * SLOTS[kind] * (1 if kind == "discrete" else chunks)
            least = int(np.prod(link.source)) / most
            cores += max(0.0, asked / slots - least)
    return cores, entries, len(grid.cols), len(grid.rows), grid.axons
