"""Packets from core to core in a sample: a spike goes once to every tile that it reaches."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..network import Network
from ..ports import INPUT
from .reach import Axis, Link, as_map, seen
from .values import Core, Span, Tile


def counts_of(network: Network, spikes: Mapping[str, np.ndarray] | None) -> dict[str, np.ndarray]:
    """Return the packets of every neuron in a sample, (channels, rows, cols) float64 by population.

    Args:
        spikes: mean spikes of a sample, (timesteps, \\*shape) by population; None: one a neuron.
            What is not in it, values of a population that never fires, goes out at every timestep.

    Raises
    ------
        ValueError: an array of another shape; it is named.
    """
    found = {}
    for p in network.populations:
        shape = network.shapes[p.name]
        if spikes is None:
            total = np.ones(shape)
        elif p.name in spikes:
            array = np.asarray(spikes[p.name], np.float64)
            if array.shape[1:] != shape:
                raise ValueError(
                    f"spikes of {p.name!r} must have shape (timesteps, {shape}), not {array.shape}"
                )
            total = array.sum(axis=0)
        else:
            total = np.full(shape, float(network.timesteps))
        found[p.name] = total.reshape(as_map(shape))
    return found


def traffic(
    network: Network, links: dict[str, tuple[Link, ...]], cores: list[Core],
    counts: dict[str, np.ndarray],
) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[tuple[str, str, int]]]:  # fmt: skip
    """Return edges, (n, 2) cores from and to; their packets; their connections; these by number."""
    places = [(k, tile) for k, core in enumerate(cores) for tile in core.tiles]
    held = holders([tile for _, tile in places])
    on = np.array([core for core, _ in places])
    ends, packets, groups = [], [], []
    names: list[tuple[str, str, int]] = []
    for p in network.populations:
        for k, c in enumerate(p.connections):
            if c.source == INPUT:
                continue
            pairs, many = connection_edges(
                links[p.name][k], held[c.source], held[p.name], counts[c.source][None]
            )
            ends.append(on[pairs])
            packets.append(many[0])
            groups.append(np.full(len(pairs), len(names), np.int64))
            names.append((c.source, p.name, k))
    if not names:
        return np.zeros((0, 2), np.int64), np.zeros(0), np.zeros(0, np.int64), names
    return np.concatenate(ends), np.concatenate(packets), np.concatenate(groups), names


def holders(tiles: list[Tile]) -> dict[str, list[tuple[int, Tile]]]:
    """Return the tiles of every population, and their numbers."""
    held: dict[str, list[tuple[int, Tile]]] = {}
    for k, tile in enumerate(tiles):
        held.setdefault(tile.population, []).append((k, tile))
    return held


def connection_edges(
    link: Link, sources: list[tuple[int, Tile]], readers: list[tuple[int, Tile]],
    counts: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Return the edges of one connection, and their packets.

    Args:
        sources, readers: numbers and tiles. counts: (B, channels, rows, cols) packets of neurons.

    Returns
    -------
        (n, 2) numbers of source and reader, (B, n) packets.
    """
    from_parts = _parts([tile for _, tile in sources])
    to_parts = _parts([tile for _, tile in readers])
    rows = _pairs(link.rows, from_parts[1], to_parts[1], link.source[1])
    cols = _pairs(link.cols, from_parts[2], to_parts[2], link.source[2])
    needs = [frozenset(link.needs(np.frombuffer(key, np.int64)).tolist()) for key in to_parts[0]]
    chunks = {key: k for k, key in enumerate(from_parts[0])}
    kinds: dict[tuple[int, frozenset[int]], np.ndarray] = {}
    from_at = {_key(tile, from_parts): core for core, tile in sources}
    to_at = {_key(tile, to_parts): core for core, tile in readers}
    ends: list[tuple[int, int]] = []
    packets: list[np.ndarray] = []
    for key, a in chunks.items():
        channels = np.frombuffer(key, np.int64)
        for b, needed in enumerate(needs):
            kept = channels if len(needed) == link.source[0] else _common(channels, needed)
            if not len(kept):
                continue
            sums = kinds.get((a, needed))
            if sums is None:
                total = counts[:, kept].sum(axis=1)
                sums = kinds[a, needed] = rows.weights @ total @ cols.weights.T
            for i, (r0, r1) in enumerate(rows.pairs):
                for j, (w0, w1) in enumerate(cols.pairs):
                    source, reader = from_at.get((a, r0, w0)), to_at.get((b, r1, w1))
                    if source is not None and reader is not None:
                        ends.append((source, reader))
                        packets.append(sums[:, i, j])
    if not ends:
        return np.zeros((0, 2), np.int64), np.zeros((len(counts), 0))
    return np.array(ends, np.int64), np.stack(packets, axis=1)


def _common(channels: np.ndarray, needed: frozenset[int]) -> np.ndarray:
    return np.array([n for n in channels.tolist() if n in needed], np.int64)


Parts = tuple[list[bytes], list[Span], list[Span]]


def _parts(tiles: list[Tile]) -> Parts:
    """Return the different chunks, row spans and column spans of tiles."""
    return (
        list(dict.fromkeys(tile.channels.tobytes() for tile in tiles)),
        list(dict.fromkeys(tile.rows for tile in tiles)),
        list(dict.fromkeys(tile.cols for tile in tiles)),
    )


def _key(tile: Tile, parts: Parts) -> tuple[int, int, int]:
    return (
        parts[0].index(tile.channels.tobytes()),
        parts[1].index(tile.rows),
        parts[2].index(tile.cols),
    )


class _pairs:
    """Pairs of spans of an axis, from and to, that have places in common, and which these are."""

    def __init__(self, axis: Axis | None, sources: list[Span], readers: list[Span], n: int) -> None:
        self.pairs: list[tuple[int, int]] = []
        rows = []
        reached = [np.arange(n) if axis is None else seen(axis, *span).sources for span in readers]
        for a, (start, stop) in enumerate(sources):
            for b, places in enumerate(reached):
                common = places[(places >= start) & (places < stop)]
                if len(common):
                    self.pairs.append((a, b))
                    rows.append(np.bincount(common, minlength=n))
        self.weights = np.array(rows, np.float64).reshape(-1, n)
