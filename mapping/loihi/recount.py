"""What a placement's cores use, counted anew from the network: the numbers of ``check``.

It shares no code with the partition. That multiplies what axes see; here every synapse of a tile
is written out by its source place, its tap and its compartment, and what is the same is found by
comparing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..network import Connection, Network
from ..ports import INPUT
from .values import Placement, Tile

#: Stored widths of weights and indices (nengo-loihi); the formula stands at the head of formula.py.
WEIGHTS, INDICES = (1, 2, 3, 4, 5, 6, 8), (0, 6, 7, 8, 9, 10, 11, 12)


def map_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return a shape as (channels, rows, columns)."""
    return shape if len(shape) == 3 else (shape[0], 1, 1)


@dataclass(frozen=True)
class Synapses:
    """Synapses of one connection into one tile.

    Attributes
    ----------
        bits: of memory. places: flat numbers of source places that reach it.
        atoms: source channels of each axon of a place; empty where axons are of neurons.
    """

    bits: int
    axons: int
    places: np.ndarray
    atoms: tuple[frozenset[int], ...]


class Recount:
    """Counts of one placement, remembered where tiles are alike."""

    def __init__(self, network: Network, placement: Placement) -> None:
        self.network, self.chip = network, placement.chip
        self.known: dict[tuple, Any] = {}
        self.asked = self._asked(placement)

    def core(self, tiles: tuple[Tile, ...]) -> dict[str, int]:
        """Return what tiles use of a core."""
        base = bits = into = out = formats = 0
        thresholds: set[int] = set()
        configurations: set[tuple[int, ...]] = set()
        for tile in tiles:
            p = self.network[tile.population]
            for k, connection in enumerate(p.connections):
                one = self.synapses(tile, k, connection, base)
                bits, into, formats = bits + one.bits, into + one.axons, formats + 1
            out += self.slots(tile)
            base += tile.size
            if p.neuron.threshold is not None:
                thresholds.update(p.neuron.threshold[c] for c in tile.channels)
            configurations.add((p.neuron.num, p.neuron.q, p.neuron.refractory))
        state = base * (self.chip.state_bytes.value or 0)
        return {
            "compartments": base,
            "synapse_bits": bits,
            "axons_in": into,
            "axons_out": out,
            "thresholds": len(thresholds),
            "configurations": len(configurations),
            "formats": formats,
            "memory_bytes": math.ceil(bits / 8) + state,
        }

    def synapses(self, tile: Tile, k: int, connection: Connection, base: int) -> Synapses:
        """Return the synapses of one connection into a tile."""
        axons, own = tile.axons[k], tile.channels.tobytes()
        key = (tile.population, k, axons, tile.rows, tile.cols, base, own)
        if key not in self.known:
            source = map_shape(self.network.shapes[connection.source])
            if connection.op.window is None:
                self.known[key] = self._dense(connection, source, tile, axons)
            else:
                self.known[key] = self._window(connection, source, tile, base)
        return self.known[key]

    def _each(self, connection: Connection) -> int:
        """Return the bits of one synapse without an index."""
        weights = getattr(connection.op, "weights", np.ones(1))
        low, high = int(weights.min()), int(weights.max())
        for bits in WEIGHTS:
            both = -(1 << (bits - 1)) <= low and high <= (1 << (bits - 1)) - 1
            one = max(abs(low), abs(high)) <= (1 << bits) - 1
            if both if low < 0 < high else one:
                return bits + (6 if connection.delay else 0)
        raise AssertionError(f"a weight of {low} or {high}")

    def _memory(self, synapses: int, each: int) -> int:
        """Return the bits of one axon."""
        total = 0
        while synapses > 0:
            block = min(synapses, 64)
            total += math.ceil((block * each + 4 + 6) / 64) * 64
            synapses -= block
        return total

    def _axons(self, channels: list[int]) -> tuple[frozenset[int], ...]:
        most = self.chip.atoms.value or len(channels)
        return tuple(frozenset(channels[k : k + most]) for k in range(0, len(channels), most))

    def _dense(
        self, connection: Connection, source: tuple[int, ...], tile: Tile, axons: str
    ) -> Synapses:
        each, places = self._each(connection), source[1] * source[2]
        every = np.arange(places)
        if axons == "discrete":
            neurons = source[0] * places
            return Synapses(self._memory(tile.size, each) * neurons, neurons, every, ())
        atoms = self._axons(list(range(source[0])))
        bits = sum(self._memory(len(a) * tile.size, each) for a in atoms) * places
        return Synapses(bits, len(atoms) * places, every, atoms)

    def _window(
        self, connection: Connection, source: tuple[int, ...], tile: Tile, base: int
    ) -> Synapses:
        op = connection.op
        kernel, stride, padding, dilation = op.window
        groups = op.groups_of(source)
        outputs = map_shape(self.network.shapes[tile.population])[0]
        group_of = [int(c) * groups // outputs for c in tile.channels]
        per_group = {g: group_of.count(g) for g in set(group_of)}
        needed = [c for c in range(source[0]) if c * groups // source[0] in per_group]
        atoms = self._axons(needed)
        wide, many = tile.cols[1] - tile.cols[0], len(group_of)
        by_place: dict[int, list[tuple[int, int]]] = {}
        for r in range(*tile.rows):
            for w in range(*tile.cols):
                position = (r - tile.rows[0]) * wide + w - tile.cols[0]
                for i in range(kernel[0]):
                    y = r * stride[0] - padding[0] + i * dilation[0]
                    if not 0 <= y < source[1]:
                        continue
                    for j in range(kernel[1]):
                        x = w * stride[1] - padding[1] + j * dilation[1]
                        if 0 <= x < source[2]:
                            tap = i * kernel[1] + j
                            by_place.setdefault(y * source[2] + x, []).append((position, tap))
        reach = self.chip.base_reach.value
        sets: set[tuple] = set()
        farthest = 0
        for seen in by_place.values():
            seen.sort()
            first, last = seen[0][0], seen[-1][0]
            beyond = 0 if reach is None else (base + first * many) // reach * reach
            farthest = max(farthest, beyond + (last - first) * many + many - 1)
            sets.add((beyond, *((position - first, tap) for position, tap in seen)))
        index = next((b for b in INDICES if 1 << b > farthest), farthest.bit_length())
        each = self._each(connection) + index
        pairs = [sum(per_group[c * groups // source[0]] for c in axon) for axon in atoms]
        bits = sum(self._memory((len(one) - 1) * n, each) for one in sets for n in pairs)
        places = np.array(sorted(by_place), np.int64)
        return Synapses(bits, len(places) * len(atoms), places, atoms)

    def _asked(self, placement: Placement) -> dict[str, list[tuple[Any, ...]]]:
        """Return, by source, what each kind of reading tile asks: how many there are of a kind."""
        kinds: dict[tuple, list[Any]] = {}
        for core in placement.cores:
            for tile in core.tiles:
                for k, c in enumerate(self.network[tile.population].connections):
                    if c.source == INPUT:
                        continue
                    one = self.synapses(tile, k, c, 0)
                    key = (c.source, one.places.tobytes(), one.atoms, tile.axons[k])
                    kinds.setdefault(key, [0, one])[0] += 1
        asked: dict[str, list[tuple[Any, ...]]] = {}
        for (source, _, _, axons), (many, one) in kinds.items():
            reached = np.zeros(map_shape(self.network.shapes[source])[1:], np.int64)
            reached.ravel()[one.places] = many
            asked.setdefault(source, []).append((axons, one.atoms, reached))
        return asked

    def slots(self, tile: Tile) -> int:
        """Return the slots of output axons that a tile's neurons take."""
        channels, total = frozenset(tile.channels.tolist()), 0
        for axons, atoms, reached in self.asked.get(tile.population, ()):
            places = int(reached[slice(*tile.rows), slice(*tile.cols)].sum())
            if axons == "discrete":
                total += places * len(channels)
            else:
                total += places * 2 * sum(1 for axon in atoms if axon & channels)
        return total
