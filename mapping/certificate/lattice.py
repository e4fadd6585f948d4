"""The lattice on which a dyadic leak lets membranes move, and a second scale beside it.

With leak ``num / 2**q``, integers that arrive in n timesteps move a membrane by a multiple of
``2**-q(n-1)``. Everything is divided by the population's scale, so that data *is* integers. A
membrane may hold a second real scale beside it: the other branch of a join, the thresholds that a
soft reset has taken off, or the bias inside a gate. Each is a real number times a lattice value m
out of a finite set, which follows from the leak; a constant c_n(m) is compared for each of them
(contract, section 4).
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from ..value import LEAK_BITS_MAX
from .exact import Real


@dataclass(frozen=True)
class Leak:
    """The dyadic leak num / 2**q."""

    num: int
    q: int

    def sums(self, steps: int) -> list[Fraction]:
        """Return S_n = 1 + tau + ... + tau**(n-1) for n = 1..steps."""
        tau = Fraction(self.num, 1 << self.q)
        return list(itertools.accumulate(tau**n for n in range(steps)))

    def scaled_leak_sums(self, steps: int) -> list[int]:
        """Return S_n in units of the lattice, S_n * 2**q(n-1), for n = 1..steps.

        A constant input of 1 in every timestep has moved the membrane by so many of them.
        """
        return [int(s * (1 << self.q * n)) for n, s in enumerate(self.sums(steps))]

    def path(self, start: int, bias: int, steps: int) -> list[int]:
        """Return beta_n for n = 1..steps: the integer membrane without data, floors included."""
        beta, out = start, []
        for _ in range(steps):
            beta = ((beta * self.num) >> self.q) + bias
            out.append(beta)
        return out


def dyadic(leak: float) -> tuple[Leak, bool]:
    """Return the nearest num / 2**q with q <= LEAK_BITS_MAX, and whether it is the leak itself."""
    exact = Fraction(leak)
    num = math.floor(exact * (1 << LEAK_BITS_MAX) + Fraction(1, 2))
    q = LEAK_BITS_MAX
    while q and num % 2 == 0:
        num, q = num >> 1, q - 1
    return Leak(num, q), Fraction(num, 1 << q) == exact


@dataclass(frozen=True)
class EnumeratedTerm:
    """A second real scale in the membranes of a population; its lattice values are enumerated.

    Attributes
    ----------
        ratio: per channel, its worth in units of the first scale.
        values: per step n, the lattice values it can have, int64 (M,) or (channels, M).
    """

    ratio: list[Real]
    values: list[np.ndarray]

    def part(self, channels: np.ndarray) -> EnumeratedTerm:
        """Return it for some of the channels."""
        values = [v if v.ndim == 1 else v[channels] for v in self.values]
        return EnumeratedTerm([self.ratio[i] for i in channels], values)


def count_values(leak: Leak, steps: int, span: int) -> int:
    """Return how many lattice values, all steps together, integers of one such span reach."""
    return sum(span * weight + 1 for weight in leak.scaled_leak_sums(steps))


def branch_values(leak: Leak, steps: int, low: np.ndarray, high: np.ndarray) -> list[np.ndarray]:
    """Return per step the lattice values, (channels, M), of a branch with acc in low..high."""
    per_step = []
    for weight in leak.scaled_leak_sums(steps):
        least, most = low * weight, high * weight
        count = int((most - least).max()) + 1
        per_step.append(np.minimum(least[:, None] + np.arange(count), most[:, None]))
    return per_step


def gate_values(leak: Leak, steps: int, least: int, most: int) -> list[np.ndarray]:
    """Return per step the lattice values, (M,), of a constant 1 that has passed a gate.

    Args:
        least, most: of the gate's factors. In each timestep the constant is multiplied by one.
    """
    sums = leak.scaled_leak_sums(steps)
    return [np.arange(least * weight, most * weight + 1) for weight in sums]


def reset_values(leak: Leak, steps: int) -> list[np.ndarray]:
    """Return per step what past spikes may have taken off, (M,), in lattice units of the reset.

    After n + 1 steps that is sum_s tau**(n - s) over the steps s < n at which it fired, times
    2**qn; for an integrator, the number of spikes.
    """
    values, per_step = np.zeros(1, np.int64), []
    for n in range(steps):
        per_step.append(values)
        # one more step: all leak once more, and a spike now adds 1 before that leak
        values = np.unique(np.concatenate([values, values + (1 << leak.q * n)])) * leak.num
    return per_step
