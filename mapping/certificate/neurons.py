"""Neurons that fire, trained and integer: the constants at which they do (contract, section 4).

The trained neuron, n steps after it was last set to ``start``, fires iff its data part on the
lattice of 2**-q(n-1) reaches a constant c_n; the integer neuron iff the same lattice value
reaches c'_n. Equal constants, clamped to the reachable range, for every n <= T are a proof for
every input. Everything is divided by A, the worth of one unit of acc. Where a second real scale
takes part, with lattice values m, c_n(m) must agree for each of them.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from ..value import WIDTH_MAX
from .exact import Real, ceilings
from .leak import Leak
from .second import Second

#: Beyond what any value may have: the constant of a neuron that always fires (-), or never does.
LIMIT = 1 << (WIDTH_MAX - 1)


class Unproved(ValueError):
    """A proof that was not found."""


class Undecided(Unproved):
    """A comparison of sums of different roots that no precision within reach decides."""


class Unfit(Unproved):
    """No integers within reach meet every constant."""


class Exhausted(Unproved):
    """A search that ended at its number of steps."""


@dataclass(frozen=True)
class Neurons:
    """The trained neurons of one population, one per channel, each divided by its A.

    Attributes
    ----------
        leak: dyadic. steps: T.
        theta, bias: threshold and bias per channel.
        starts: per channel, the membranes from which n is counted (v_reset, and v_init where it
            differs).
        strict: fires at > rather than >=.
        low, high: (channels,) int64, the reachable range of acc.
        second: a join's other branch, a soft reset, or a gated bias, or None.
        biased: the integer neuron may have a bias of its own.
        deaf: (channels,) bool: A is 0, no data arrives, and nothing was divided.
        index: (channels,) their numbers, where these are some of others; else they count from 0.
    """

    leak: Leak
    steps: int
    theta: list[Real]
    bias: list[Real]
    starts: list[tuple[Real, ...]]
    strict: bool
    low: np.ndarray
    high: np.ndarray
    deaf: np.ndarray
    second: Second | None = None
    biased: bool = True
    index: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.theta)

    def number(self, i: int) -> int:
        """Return the number of a channel in the whole population."""
        return int(i if self.index is None else self.index[i])

    def part(self, channels: np.ndarray) -> Neurons:
        """Return some of the channels."""
        second = self.second
        if second is not None:
            values = [v if v.ndim == 1 else v[channels] for v in second.values]
            second = Second([second.ratio[i] for i in channels], values)
        some = replace(
            self,
            theta=[self.theta[i] for i in channels],
            bias=[self.bias[i] for i in channels],
            starts=[self.starts[i] for i in channels],
            low=self.low[channels],
            high=self.high[channels],
            deaf=self.deaf[channels],
            second=second,
            index=channels if self.index is None else self.index[channels],
        )
        if "constants" in self.__dict__:
            some.__dict__["constants"] = [[c[channels] for c in row] for row in self.constants]
        return some

    @functools.cached_property
    def ranges(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Least and largest lattice value per channel for n = 1..T."""
        return [(self.low * w, self.high * w) for w in self.leak.weights(self.steps)]

    def values(self, n: int) -> np.ndarray:
        """Return the lattice values of the second scale after n + 1 steps, (channels or 1, M)."""
        if self.second is None:
            return np.zeros((1, 1), np.int64)
        return np.atleast_2d(self.second.values[n])

    @functools.cached_property
    def constants(self) -> list[list[np.ndarray]]:
        """Per start and step, c_n(m) clamped to [lo_n, hi_n + 1], int64 (channels, M).

        Raises
        ------
            Undecided: see there.
        """
        tau = Fraction(self.leak.num, 1 << self.leak.q)
        sums = self.leak.sums(self.steps)
        alike: dict[object, int] = {}  # channels of the same numbers have the same constants
        first = []
        for i in range(len(self)):
            same = self.second is None or self.second.values[0].ndim == 1
            ratio = None if self.second is None else self.second.ratio[i]
            numbers = (self.theta[i], self.bias[i], self.starts[i], ratio, bool(self.deaf[i]))
            first.append(alike.setdefault((numbers, None if same else i), i))
        table = []
        for k in range(len(self.starts[0])):
            row = []
            for n, total in enumerate(sums):
                low, high = self.ranges[n]
                scale, values = 1 << self.leak.q * n, self.values(n)
                found = np.empty((len(self), values.shape[1]), np.int64)
                for i in range(len(self)):
                    if first[i] != i:
                        found[i] = found[first[i]]
                        continue
                    need = self.theta[i] - self.bias[i] * total
                    need -= self.starts[i][k] * tau ** (n + 1)
                    found[i] = self._reach(i, need * scale, values[i if len(values) > 1 else 0])
                row.append(np.clip(found, low[:, None], high[:, None] + 1))
            table.append(row)
        return table

    def _reach(self, i: int, need: Real, values: np.ndarray) -> np.ndarray:
        ratio = Real() if self.second is None else self.second.ratio[i]
        found = ceilings(need, ratio, values, self.strict)
        if found is None:
            what = "sums of square roots that cannot be told apart"
            raise Undecided(f"channel {self.number(i)} has {what}")
        if self.deaf[i]:  # need <= 0, or < 0 if strict: it fires whatever arrives
            return np.where(found <= 0, -LIMIT, LIMIT)
        return found


@dataclass(frozen=True)
class Integers:
    """One integer neuron: ``gain = 2**fraction_bits``, or 0 where data never matters.

    ``second`` is the gain of the other branch of a join, or what a soft reset takes off.
    """

    gain: int
    bias: int
    threshold: int
    starts: tuple[int, ...]
    second: int = 0


def integer_constants(
    leak: Leak, fraction_bits: int, threshold: int, bias: int, start: int, steps: int
) -> list[int]:
    """Return c'_n of an integer neuron, n = 1..steps, unclamped (needs F >= q(T-1))."""
    return [
        -((beta - threshold) >> (fraction_bits - leak.q * n))
        for n, beta in enumerate(leak.path(start, bias, steps))
    ]
