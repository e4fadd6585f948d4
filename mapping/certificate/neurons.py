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
from typing import NamedTuple

import numpy as np

from ..budgets import LIMIT
from .exact import Real, ceilings
from .lattice import EnumeratedTerm, Leak


class Unproved(ValueError):
    """A proof that was not found."""


class Undecided(Unproved):
    """A comparison of sums of different roots that no precision within reach decides."""


class Unfit(Unproved):
    """No integers within reach meet every constant."""


class Exhausted(Unproved):
    """A search that ended at its number of steps."""


@dataclass(frozen=True)
class TrainedNeurons:
    """The trained neurons of one population, one per channel, each divided by its A.

    Attributes
    ----------
        leak: dyadic. steps: T.
        theta, bias: threshold and bias per channel.
        starts: per channel, the membranes from which n is counted (v_reset, and v_init where it
            differs).
        strict: fires at > rather than >=.
        low, high: (channels,) int64, the reachable range of acc.
        zero_gain: (channels,) bool: A is 0, no data arrives, and nothing was divided.
        term: a join's other branch, a soft reset, or a gated bias, or None.
        biased: the integer neuron may have a bias of its own.
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
    zero_gain: np.ndarray
    term: EnumeratedTerm | None = None
    biased: bool = True
    index: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.theta)

    def number(self, i: int) -> int:
        """Return the number of a channel in the whole population."""
        return int(i if self.index is None else self.index[i])

    def part(self, channels: np.ndarray) -> TrainedNeurons:
        """Return some of the channels."""
        return replace(
            self,
            theta=[self.theta[i] for i in channels],
            bias=[self.bias[i] for i in channels],
            starts=[self.starts[i] for i in channels],
            low=self.low[channels],
            high=self.high[channels],
            zero_gain=self.zero_gain[channels],
            term=None if self.term is None else self.term.part(channels),
            index=channels if self.index is None else self.index[channels],
        )

    @functools.cached_property
    def ranges(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Least and largest lattice value per channel for n = 1..T."""
        sums = self.leak.scaled_leak_sums(self.steps)
        return [(self.low * weight, self.high * weight) for weight in sums]

    def values(self, n: int) -> np.ndarray:
        """Return the lattice values of the second scale after n + 1 steps, (channels or 1, M)."""
        if self.term is None:
            return np.zeros((1, 1), np.int64)
        return np.atleast_2d(self.term.values[n])


@dataclass(frozen=True)
class Goal:
    """Trained neurons, and what integer ones must meet to fire as they do.

    Attributes
    ----------
        constants: per start and step, c_n(m) clamped to [lo_n, hi_n + 1], int64 (channels, M).
    """

    neurons: TrainedNeurons
    constants: list[list[np.ndarray]]

    @classmethod
    def of(cls, neurons: TrainedNeurons) -> Goal:
        """Compute the constants of trained neurons.

        Raises
        ------
            Undecided: a comparison that no precision within reach decides.
        """
        leak = neurons.leak
        sums = leak.sums(neurons.steps)
        tau = Fraction(leak.num, 1 << leak.q)
        twins = _first_alike(neurons)
        table = []
        for k in range(len(neurons.starts[0])):
            row = []
            for n, total in enumerate(sums):
                low, high = neurons.ranges[n]
                scale, values = 1 << leak.q * n, neurons.values(n)
                constants = np.empty((len(neurons), values.shape[1]), np.int64)
                for i, twin in enumerate(twins):
                    if twin != i:
                        constants[i] = constants[twin]
                        continue
                    need = neurons.theta[i] - neurons.bias[i] * total
                    need -= neurons.starts[i][k] * tau ** (n + 1)
                    m = values[i if len(values) > 1 else 0]
                    constants[i] = _reaching(neurons, i, need * scale, m)
                row.append(np.clip(constants, low[:, None], high[:, None] + 1))
            table.append(row)
        return cls(neurons, table)

    def part(self, channels: np.ndarray) -> Goal:
        """Return some of the channels."""
        constants = [[c[channels] for c in row] for row in self.constants]
        return Goal(self.neurons.part(channels), constants)


def _first_alike(neurons: TrainedNeurons) -> list[int]:
    """Return per channel the first one of the same numbers: it has the same constants."""
    term, known, first = neurons.term, {}, []
    values_alike = term is None or term.values[0].ndim == 1
    for i in range(len(neurons)):
        ratio = None if term is None else term.ratio[i]
        numbers = (neurons.theta[i], neurons.bias[i], neurons.starts[i], ratio)
        key = (numbers, bool(neurons.zero_gain[i]), None if values_alike else i)
        first.append(known.setdefault(key, i))
    return first


def _reaching(neurons: TrainedNeurons, i: int, need: Real, values: np.ndarray) -> np.ndarray:
    """Return, per lattice value m of the second scale, the least that reaches need beside it."""
    ratio = Real() if neurons.term is None else neurons.term.ratio[i]
    least = ceilings(need, ratio, values, neurons.strict)
    if least is None:
        what = "sums of square roots that cannot be told apart"
        raise Undecided(f"channel {neurons.number(i)} has {what}")
    if neurons.zero_gain[i]:  # need <= 0, or < 0 if strict: it fires whatever arrives
        return np.where(least <= 0, -LIMIT, LIMIT)
    return least


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


class Proof(NamedTuple):
    """Integer neurons that meet every constant.

    Attributes
    ----------
        fraction_bits: F. integers: one per channel. goals: what they meet, block by block.
    """

    fraction_bits: int
    integers: list[Integers]
    goals: list[Goal]
