"""Cores change places as long as packets then pass fewer tiles.

Every core in turn, the busiest first, is tried on other places, against whoever is there, and the
swap that saves most is made (a Hilbert start refined by what pulls at each core: Y. Jin et al.,
ASPLOS 2023). Where cores times tiles are at most DENSE, every place is tried, from tables of what
each core would cost on each tile; else the places around the median of the cores that it exchanges
packets with, so that memory grows with cores and edges. No clock decides but counted work, so that
the same seed gives the same places.
"""

from __future__ import annotations

import numpy as np

#: Cores times tiles up to which a table of every core on every tile is kept.
DENSE = 6_000_000
#: Passes at most; and numbers that are gone through, in the table and around medians.
PASSES, TABLE_WORK, MEDIAN_WORK = 40, 1_200_000_000, 200_000_000
#: Share of the whole that a pass must still save.
LEAST = 0.0005
#: Steps around the median where places are tried.
AROUND = np.array([(x, y) for x in range(-2, 3) for y in range(-2, 3) if abs(x) + abs(y) <= 2])


class _Graph:
    """Packets between cores, both ways together, by core."""

    def __init__(self, edges: np.ndarray, packets: np.ndarray, cores: int) -> None:
        kept = edges[:, 0] != edges[:, 1]
        low, high = edges[kept].min(axis=1), edges[kept].max(axis=1)
        keys, where = np.unique(low * cores + high, return_inverse=True)
        weights = np.bincount(where.ravel(), packets[kept], len(keys))
        a, b = keys // cores, keys % cores
        ends, others = np.concatenate([a, b]), np.concatenate([b, a])
        order = np.argsort(ends, kind="stable")
        self.others = others[order]
        self.weights = np.concatenate([weights, weights])[order]
        self.start = np.searchsorted(ends[order], np.arange(cores + 1))

    def of(self, core: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the cores that one exchanges packets with, and how many."""
        part = slice(self.start[core], self.start[core + 1])
        return self.others[part], self.weights[part]

    def whole(self, spots: np.ndarray) -> float:
        """Return packets times tiles passed, cores standing on tiles ``spots``."""
        ends = np.repeat(np.arange(len(spots)), np.diff(self.start))
        steps = np.abs(spots[ends] - spots[self.others]).sum(axis=1)
        return float(steps @ self.weights) / 2


def refined(
    places: np.ndarray, slots: np.ndarray, edges: np.ndarray, packets: np.ndarray, seed: int
) -> np.ndarray:
    """Return better places.

    Args:
        places: (cores, 3). slots: (n, 3) every place there is, those taken included.
        edges: (n, 2) cores. packets: (n,) what weighs on each. seed: of the order among equally
            busy cores.
    """
    cores = len(places)
    if not len(edges) or cores < 2:
        return places
    graph = _Graph(edges, packets, cores)
    at = {tuple(slot): k for k, slot in enumerate(slots.tolist())}
    slot_of = np.array([at[tuple(place)] for place in places.tolist()])
    busy = np.add.reduceat(np.append(graph.weights, 0.0), graph.start[:-1])
    busy[np.diff(graph.start) == 0] = 0
    order = np.lexsort((np.random.default_rng(seed).permutation(cores), -busy))
    order = order[busy[order] > 0].tolist()
    tiles = len(slots) // (1 + int(slots[:, 2].max()))
    moves = _everywhere if cores * tiles <= DENSE else _around
    return slots[moves(graph, slot_of, slots[:, :2], order)]


def _everywhere(graph: _Graph, slot_of: np.ndarray, xy: np.ndarray, order: list[int]) -> np.ndarray:
    """Return the slots of cores, every place tried."""
    cores, slots = len(slot_of), len(xy)
    tiles, tile_of_slot = np.unique(xy, axis=0, return_inverse=True)
    tile_of_slot = tile_of_slot.ravel()
    far = np.abs(tiles[:, None] - tiles).sum(axis=2).astype(np.float64)
    tile = tile_of_slot[slot_of]
    table = np.empty((cores, len(tiles)))
    for core in range(cores):
        others, weights = graph.of(core)
        table[core] = np.bincount(tile[others], weights, len(tiles)) @ far
    holder = np.full(slots, -1)
    holder[slot_of] = np.arange(cores)
    whole = graph.whole(xy[slot_of])
    every, work = np.arange(cores), 0
    for _ in range(PASSES):
        saved = 0.0
        for core in order:
            if work >= TABLE_WORK:
                return slot_of
            here = tile[core]
            others, weights = graph.of(core)
            own = table[every, tile]
            gain = own[core] - table[core, tile] + own - table[:, here]
            gain[others] -= 2 * weights * far[here, tile[others]]
            best = int(np.argmax(gain))
            most, slot = float(gain[best]), int(slot_of[best])
            empty = np.flatnonzero(holder < 0)
            if len(empty):
                alone = own[core] - table[core, tile_of_slot[empty]]
                free = int(np.argmax(alone))
                if alone[free] > most:
                    most, slot, best = float(alone[free]), int(empty[free]), -1
            work += 4 * cores
            if most <= 1e-9 * whole:
                continue
            work += 2 * len(others) * len(tiles)
            back = int(slot_of[core])
            _stands(graph, table, far, tile, core, tile_of_slot[slot])
            holder[slot], slot_of[core], holder[back] = core, slot, best
            if best >= 0:
                slot_of[best] = back
                _stands(graph, table, far, tile, best, here)
            saved += most
        whole -= saved
        if saved <= LEAST * whole:
            break
    return slot_of


def _stands(
    graph: _Graph, table: np.ndarray, far: np.ndarray, tile: np.ndarray, core: int, there: int
) -> None:
    """Put a core on another tile in the tables."""
    others, weights = graph.of(core)
    table[others] += weights[:, None] * (far[there] - far[tile[core]])
    tile[core] = there


def _around(graph: _Graph, slot_of: np.ndarray, xy: np.ndarray, order: list[int]) -> np.ndarray:
    """Return the slots of cores, places around medians tried."""
    width, height = xy.max(axis=0) + 1
    tiles: list[list[int]] = [[] for _ in range(width * height)]
    for k, (x, y) in enumerate(xy.tolist()):
        tiles[x * height + y].append(k)
    holder = np.full(len(xy), -1)
    holder[slot_of] = np.arange(len(slot_of))
    work, whole = 0, graph.whole(xy[slot_of])
    for _ in range(PASSES):
        saved = 0.0
        for core in order:
            if work >= MEDIAN_WORK:
                return slot_of
            others, weights = graph.of(core)
            here = int(slot_of[core])
            spots = xy[slot_of[others]]
            around = np.array([_median(spots[:, k], weights) for k in (0, 1)]) + AROUND
            kept = (around >= 0).all(axis=1) & (around < (width, height)).all(axis=1)
            near = [s for x, y in around[kept].tolist() for s in tiles[x * height + y]]
            candidates = np.array([s for s in near if tuple(xy[s]) != tuple(xy[here])], np.int64)
            if not len(candidates):
                continue
            work += 3 * len(candidates) * len(others)
            gain = _cost(spots, weights, xy[[here]])[0] - _cost(spots, weights, xy[candidates])
            gain += _others(graph, core, here, candidates, holder, slot_of, xy)
            best = int(np.argmax(gain))
            if gain[best] > 1e-9 * whole:
                there = int(candidates[best])
                other = int(holder[there])
                holder[there], slot_of[core], holder[here] = core, there, other
                if other >= 0:
                    slot_of[other] = here
                saved += float(gain[best])
        whole -= saved
        if saved <= LEAST * whole:
            break
    return slot_of


def _others(
    graph: _Graph, core: int, here: int, candidates: np.ndarray, holder: np.ndarray,
    slot_of: np.ndarray, xy: np.ndarray,
) -> np.ndarray:  # fmt: skip
    """Return what each candidate's holder saves by coming here."""
    gain = np.zeros(len(candidates))
    for k, slot in enumerate(candidates.tolist()):
        other = int(holder[slot])
        if other < 0:
            continue
        friends, weights = graph.of(other)
        two = _cost(xy[slot_of[friends]], weights, xy[[slot, here]])
        own = weights[friends == core].sum()
        # Their own edge keeps its length; each side's sum took it as gone to nothing.
        gain[k] = two[0] - two[1] - 2 * own * np.abs(xy[slot] - xy[here]).sum()
    return gain


def _cost(spots: np.ndarray, weights: np.ndarray, at: np.ndarray) -> np.ndarray:
    return np.abs(spots[:, None] - at).sum(axis=2).T @ weights


def _median(values: np.ndarray, weights: np.ndarray) -> int:
    order = np.argsort(values, kind="stable")
    total = np.cumsum(weights[order])
    return int(values[order[np.searchsorted(total, total[-1] / 2)]])
