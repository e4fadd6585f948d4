"""Allowed: the PE, SIMD and lanes that a network's shapes allow (``sizes`` rounds to them)."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

from mapping import INPUT, Connection, Network

from .gates import counts
from .sizes import lanewise, mapped, tiled

#: The most of everything; as of ``choices.chosen``.
MOST = 4096


@functools.cache
def shares(size: int) -> tuple[int, ...]:
    """Return the least parts that cut a size into 1, 2, 3, .. turns, the smallest first."""
    parts = {-(-size // turns) for turns in range(1, int(size**0.5) + 1)}
    parts |= set(range(1, int(size**0.5) + 2))
    return tuple(sorted(part for part in parts if part <= min(size, MOST)))


@functools.cache
def divisors(size: int, step: int = 1) -> tuple[int, ...]:
    """Return the divisors of a number that are multiples of a step, the smallest first."""
    most = min(size, MOST)
    return tuple(n for n in range(step, most + 1, step) if size % n == 0)


@dataclass(frozen=True)
class Allowed:
    """What a network's shapes allow of each population, by index."""

    network: Network

    @functools.cached_property
    def names(self) -> list[str]:
        """Names of the populations."""
        return [p.name for p in self.network.populations]

    @functools.cached_property
    def limits(self) -> list[int | None]:
        """What PE must divide; None: anything goes."""
        return [tiled(self.network, k) for k in range(len(self.names))]

    def channels(self, k: int) -> int:
        """Return the channels of a population."""
        return self.network.shapes[self.names[k]][0]

    def alone(self, k: int, c: Connection) -> bool:
        """Return whether a connection into population k is lanewise: it has no SIMD of its own."""
        return lanewise(self.network, self.names[k], c)

    def lanes(self, k: int) -> tuple[int, ...]:
        """Return the lanes: they divide what PE divides, and all that is read of their words."""
        limit = self.limits[k]
        sizes = [self.channels(k) if limit is None else limit]
        for reader, p in enumerate(self.network.populations):
            for c in p.connections:
                if c.source == self.names[k] and c.op.window is not None:
                    own = self.limits[reader]
                    assert own is not None
                    sizes.append(own if self.alone(reader, c) else self.cut(reader, c)[0])
        return divisors(math.gcd(*sizes))

    def pes(self, k: int, step: int = 1) -> tuple[int, ...]:
        """Return the PE that are worth a try, multiples of a step."""
        limit = self.limits[k]
        if limit is not None:
            return divisors(limit, step)
        wide = {-(-n // step) * step for n in shares(self.channels(k))}
        return tuple(sorted(n for n in wide if n <= MOST))

    def cut(self, k: int, c: Connection) -> tuple[int, bool]:
        """Return the elements that a connection cuts into words, and whether SIMD divides them."""
        channels, rows, cols = mapped(self.network, c.source)
        if c.op.window is not None:
            return channels // c.op.groups_of(self.network.shapes[c.source]), True
        return channels * cols, rows > 1 or counts(self.network.populations[k])

    def simds(self, k: int) -> tuple[int, ...]:
        """Return the SIMD of what a population hears of others that are worth a try."""
        found: set[int] = set()
        for c in self.network.populations[k].connections:
            if c.source != INPUT and not self.alone(k, c):
                size, must = self.cut(k, c)
                found.update(divisors(size) if must else shares(size))
        return tuple(sorted(found)) or (1,)

    @functools.cached_property
    def words(self) -> tuple[int, ...]:
        """Inputs of a word of the input that are worth a try."""
        sizes, must = [], False
        for k, p in enumerate(self.network.populations):
            for c in p.connections:
                if c.source != INPUT:
                    continue
                alone = self.alone(k, c)
                size, divides = (self.limits[k] or 1, True) if alone else self.cut(k, c)
                sizes.append(size)
                must = must or divides
        if must:
            return divisors(math.gcd(*sizes))
        return shares(sizes[0] if sizes else math.prod(self.network.input.shape))

    def step(self, k: int, lanes: dict[str, int]) -> int:
        """Return what PE of a population must be a multiple of, where lanes are chosen."""
        steps = [lanes[self.names[k]]]
        for c in self.network.populations[k].connections:
            if c.source != INPUT and self.alone(k, c):
                steps.append(lanes[c.source])
        return math.lcm(*steps)
