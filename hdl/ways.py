"""Ways to build a population: PE, SIMD and lanes, with the cycles, cells and ROM bits of each."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from mapping import INPUT

from .allowed import Allowed
from .cells import lane_cells, neuron_cells, sums_cells
from .cores import pairs
from .cores.lane_shape import LaneShape
from .cores.order import REVISIT
from .maker import GAP
from .planned import Plan, PlannedConnection, PlannedPopulation
from .sizes import near


@dataclass(frozen=True)
class Way:
    """One way: what it takes in a whole sample, and the cells and ROM bits that depend on it."""

    cycles: int
    cells: float
    rom: int
    pe: int
    simd: int
    lanes: int


@dataclass(frozen=True)
class Ways:
    """The ways of all populations of a network.

    Attributes
    ----------
        plan: any plan of it, for sizes and widths. given: numbers that are kept, by name.
    """

    plan: Plan
    given: Mapping[str, Mapping[str, int]]

    @functools.cached_property
    def allowed(self) -> Allowed:
        """What shapes allow."""
        return Allowed(self.plan.network)

    @functools.cached_property
    def leader(self) -> int | None:
        """Index of the first population that reads the input: its SIMD is the input's."""
        readers = self.plan.readers(-1)
        return readers[0][0] if readers else None

    @functools.cached_property
    def words(self) -> Sequence[int]:
        """Inputs of a word that are worth a try."""
        if self.leader is None:
            return [self.plan.enter.simd]
        fixed = self.given["SIMD"].get(self.plan.populations[self.leader].name)
        words = self.allowed.words
        if fixed is None:
            return words
        divide = all(words[-1] % word == 0 for word in words)
        return [near(words[-1], fixed) if divide else min(fixed, words[-1])]

    @functools.cached_property
    def least(self) -> int:
        """Cycles of a sample, of the fastest ways."""
        return min(self._spans(min))

    @functools.cached_property
    def most(self) -> int:
        """Cycles of a sample, of the slowest ways."""
        return max(self._spans(max))

    def _spans(self, pick: Callable[[Iterable[int]], int]) -> Iterable[int]:
        """Yield the cycles of a sample of every word of the input, all populations alike."""
        for word in self.words:
            ways = [self.of(k, word) for k in self._all]
            if all(ways):
                yield max(self._beats(word), *(pick(w.cycles for w in mine) for mine in ways))

    def cheapest(self, pace: int, worth: float) -> dict[str, dict[str, int]] | None:
        """Return PE, SIMD and lanes of the cheapest ways within a pace, or None.

        Args:
            worth: of a ROM bit, in cells.
        """
        best, taken = float("inf"), None
        for word in self.words:
            if self._beats(word) > pace:
                continue
            found = [self._cheapest(k, word, pace, worth) for k in self._all]
            ways = [way for way in found if way is not None]
            cost = sum(way.cells + worth * way.rom for way in ways)
            if len(ways) == len(found) and cost < best:
                best, taken = cost, ways
        return None if taken is None else self._fitted(taken)

    def _fitted(self, ways: list[Way]) -> dict[str, dict[str, int]]:
        """Return the numbers of ways, raised to what the lanes of their sources need.

        None takes more cycles by that.
        """
        names = self.allowed.names
        lanes = {name: way.lanes for name, way in zip(names, ways, strict=True)}
        pe, simd = {}, {}
        for k, (name, way) in enumerate(zip(names, ways, strict=True)):
            pe[name], simd[name] = way.pe, way.simd
            limit = self.allowed.limits[k]
            if limit is not None:
                pe[name] = _above(limit, way.pe, self.allowed.step(k, lanes))
            if k == self.leader:
                continue
            for c in self.plan.network.populations[k].connections:
                if c.source != INPUT and not self.allowed.alone(k, c):
                    size, must = self.allowed.cut(k, c)
                    if must:
                        wide = _above(size, near(size, way.simd), lanes[c.source])
                        simd[name] = max(simd[name], wide)
        return {"PE": pe, "SIMD": simd, "lanes": lanes}

    def of(self, k: int, word: int) -> Sequence[Way]:
        """Return the ways of a population where the input comes in words of so many elements."""
        reads = any(c.source < 0 for c in self.plan.populations[k].connections)
        return self._made(k, word if reads else 0)

    @property
    def _all(self) -> range:
        return range(len(self.plan.populations))

    def _beats(self, word: int) -> int:
        blocks = self.plan.blocks
        words = -(-self.plan.enter.elements // word) * self.plan.rows
        return words if self.plan.constant else words * blocks.timesteps // blocks.parallel

    def _cheapest(self, k: int, word: int, pace: int, worth: float) -> Way | None:
        within = (w for w in self.of(k, word) if w.cycles <= pace)
        return min(within, key=lambda w: (w.cells + worth * w.rom, w.cycles, w.pe), default=None)

    @functools.cached_property
    def _cache(self) -> dict[tuple[int, int], list[Way]]:
        return {}

    def _made(self, k: int, word: int) -> list[Way]:
        if (k, word) not in self._cache:
            self._cache[k, word] = self._make(k, word)
        return self._cache[k, word]

    def _make(self, k: int, word: int) -> list[Way]:
        """Return every way of a population that is not idle in part."""
        p = self.plan.populations[k]
        found = []
        lanes_of = self.given["lanes"].get(p.name)
        for lanes in self.allowed.lanes(k) if lanes_of is None else [lanes_of]:
            for pe in self._pes(k, lanes, word):
                for simd in self._simds(k, word):
                    found.append(self._way(k, word, pe, simd, lanes))
                    if found[-1].cycles == self._floor(p, pe, lanes):
                        break  # more SIMD makes nothing faster
        return found

    def _pes(self, k: int, lanes: int, word: int) -> Sequence[int]:
        p, limit = self.plan.populations[k], self.allowed.limits[k]
        fixed = self.given["PE"].get(p.name)
        if fixed is None:
            found = self.allowed.pes(k, lanes)
        elif limit is None:
            fixed = min(fixed, p.neurons)
            return [] if fixed % lanes else [fixed]
        else:
            found = (near(limit, fixed, lanes),)
        heard = any(c.source < 0 and isinstance(c.shape, LaneShape) for c in p.connections)
        return [pe for pe in found if pe % word == 0] if heard else found

    def _simds(self, k: int, word: int) -> Sequence[int]:
        if k == self.leader:
            return [word]
        fixed = self.given["SIMD"].get(self.plan.populations[k].name)
        return self.allowed.simds(k) if fixed is None else [fixed]

    def _turns(self, p: PlannedPopulation, pe: int, lanes: int) -> int:
        """Return the least cycles of a pass, whatever its SIMD."""
        blocks = self.plan.blocks
        least = REVISIT if blocks.block > 1 and blocks.parallel == 1 else 1
        return max(least, blocks.parallel * pe // lanes + (GAP if p.runs > 1 else 0))

    def _floor(self, p: PlannedPopulation, pe: int, lanes: int) -> int:
        return self._sample(p, pe, self._turns(p, pe, lanes))

    def _sample(self, p: PlannedPopulation, pe: int, period: int) -> int:
        blocks = self.plan.blocks
        passes = p.runs * (blocks.timesteps // blocks.parallel)
        return -(-p.neurons // pe) * period * passes

    def _way(self, k: int, word: int, pe: int, simd: int, lanes: int) -> Way:
        p = self.plan.populations[k]
        period, made, rom = self._turns(p, pe, lanes), neuron_cells(lanes, p.widths.v), 0
        tiles = -(-self.allowed.channels(k) // pe)
        for j, c in enumerate(p.connections):
            s = c.shape
            if isinstance(s, LaneShape):
                wide = word if c.source < 0 else pe
                cycles = s.taps * (pe // wide)
                made += lane_cells(s, pe, wide)
                rom += cycles * tiles * wide * s.weight_bits
            else:
                wide, words = self._words(k, j, c, word if c.source < 0 else simd)
                cycles = words * s.bits
                made += sums_cells(pe, wide, s.steps, s.bits, s.weight_bits)
                row = pairs.row_bits(wide, s.weight_bits) if s.wide else wide
                rom += pe * row * words * tiles
            period = max(period, cycles)
        return Way(self._sample(p, pe, period), made, rom, pe, simd, lanes)

    def _words(self, k: int, j: int, c: PlannedConnection, simd: int) -> tuple[int, int]:
        """Return the inputs of a word of a connection, and the words of a pass."""
        size, must = self.allowed.cut(k, self.plan.network.populations[k].connections[j])
        wide = near(size, simd) if must else min(simd, size)
        taps = c.words * c.placing.simd // size if must else 1
        return wide, taps * -(-size // wide)


def _above(limit: int, wanted: int, step: int) -> int:
    """Return the smallest divisor of a limit that is a multiple of step and at least wanted."""
    fits = (n for n in range(step, limit + 1, step) if n >= wanted and limit % n == 0)
    return next(fits, limit)
