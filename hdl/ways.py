"""Ways to build a population: PE, SIMD and lanes, with the cycles, cells and ROM bits of each."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .cells import neuron_cells, sums_cells
from .cores.neuron import REVISIT
from .planned import Plan, PlannedPopulation

#: The most of everything; as of ``choices.chosen``.
MOST = 4096


@dataclass(frozen=True)
class Way:
    """One way: what it takes in a whole sample, and the cells and ROM bits that depend on it."""

    cycles: int
    cells: float
    rom: int
    pe: int
    simd: int
    lanes: int


def shares(size: int) -> list[int]:
    """Return the least parts that cut a size into 1, 2, 3, .. turns, the smallest first."""
    parts = {-(-size // turns) for turns in range(1, int(size**0.5) + 1)}
    parts |= set(range(1, int(size**0.5) + 2))
    return sorted(part for part in parts if part <= min(size, MOST))


def divisors(size: int) -> list[int]:
    """Return the divisors of a number of neurons that may be lanes."""
    return [n for n in range(1, min(size, MOST) + 1) if size % n == 0]


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
    def leader(self) -> int | None:
        """Index of the first population that reads the input: its SIMD is the input's."""
        readers = self.plan.readers(-1)
        return readers[0][0] if readers else None

    @functools.cached_property
    def words(self) -> list[int]:
        """Inputs of a word that are worth a try."""
        elements = self.plan.enter.elements
        if self.leader is None:
            return [self.plan.enter.simd]
        fixed = self.given["SIMD"].get(self.plan.populations[self.leader].name)
        return shares(elements) if fixed is None else [min(fixed, elements)]

    @functools.cached_property
    def least(self) -> int:
        """Cycles of a sample, of the fastest ways."""
        fastest = [min(w.cycles for w in self.of(k, self.words[-1])) for k in self._all]
        return max(self._beats(self.words[-1]), *fastest)

    @functools.cached_property
    def most(self) -> int:
        """Cycles of a sample, of the slowest ways."""
        slowest = [max(w.cycles for w in self.of(k, self.words[0])) for k in self._all]
        return max(self._beats(self.words[0]), *slowest)

    def cheapest(self, pace: int, worth: float) -> list[Way] | None:
        """Return the cheapest way of each population within a pace, or None.

        Args:
            worth: of a ROM bit, in cells.
        """
        best, taken = float("inf"), None
        for word in self.words:
            if self._beats(word) > pace:
                continue
            found = [self._cheapest(k, word, pace, worth) for k in self._all]
            if any(way is None for way in found):
                continue
            cost = sum(way.cells + worth * way.rom for way in found if way is not None)
            if cost < best:
                best, taken = cost, found
        return taken

    def of(self, k: int, word: int) -> Sequence[Way]:
        """Return the ways of a population where the input comes in words of so many elements."""
        reads = any(c.source < 0 for c in self.plan.populations[k].connections)
        return self._made(k, word if reads else 0)

    @property
    def _all(self) -> range:
        return range(len(self.plan.populations))

    def _beats(self, word: int) -> int:
        blocks = self.plan.blocks
        words = -(-self.plan.enter.elements // word)
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
        for lanes in divisors(p.neurons) if lanes_of is None else [lanes_of]:
            for pe in self._pes(p, lanes):
                for simd in self._simds(k, word):
                    found.append(self._way(p, word, pe, simd, lanes))
                    if found[-1].cycles == self._floor(p, pe, lanes):
                        break  # more SIMD makes nothing faster
        return found

    def _pes(self, p: PlannedPopulation, lanes: int) -> list[int]:
        fixed = self.given["PE"].get(p.name)
        if fixed is not None:
            fixed = min(fixed, p.neurons)
            return [] if fixed % lanes else [fixed]
        wide = {-(-n // lanes) * lanes for n in shares(p.neurons)}
        return sorted(n for n in wide if n <= MOST)

    def _simds(self, k: int, word: int) -> list[int]:
        p = self.plan.populations[k]
        if k == self.leader:
            return [word]
        fixed = self.given["SIMD"].get(p.name)
        if fixed is not None:
            return [fixed]
        sizes = {c.placing.elements for c in p.connections if c.source >= 0}
        return sorted({part for size in sizes for part in shares(size)}) or [1]

    def _turns(self, p: PlannedPopulation, pe: int, lanes: int) -> int:
        """Return the least cycles of a pass, whatever its SIMD."""
        blocks = self.plan.blocks
        least = REVISIT if blocks.block > 1 and blocks.parallel == 1 else 1
        return max(least, blocks.parallel * pe // lanes)

    def _floor(self, p: PlannedPopulation, pe: int, lanes: int) -> int:
        return self._sample(p, pe, self._turns(p, pe, lanes))

    def _sample(self, p: PlannedPopulation, pe: int, period: int) -> int:
        blocks = self.plan.blocks
        return -(-p.neurons // pe) * period * (blocks.timesteps // blocks.parallel)

    def _way(self, p: PlannedPopulation, word: int, pe: int, simd: int, lanes: int) -> Way:
        period, made, rom = self._turns(p, pe, lanes), neuron_cells(lanes, p.widths.v), 0
        for c in p.connections:
            size = c.placing.elements
            wide = min(word if c.source < 0 else simd, size)
            words = -(-size // wide)
            period = max(period, words * c.shape.bits)
            made += sums_cells(pe, wide, c.shape.steps, c.shape.bits)
            rom += pe * wide * words * -(-p.neurons // pe)
        return Way(self._sample(p, pe, period), made, rom, pe, simd, lanes)
