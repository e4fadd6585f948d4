"""A second real scale in the membranes of a population: its lattice values are enumerated.

Everything is divided by the first scale. A membrane may hold another beside it: the other branch
of a join, the thresholds that a soft reset has taken off, or the bias inside a gate. Each is a
real number times a lattice value m of a finite set, which follows from the leak; a constant
c_n(m) is compared for each of them (contract, section 4).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .exact import Real
from .leak import Leak

#: Lattice values that are enumerated, all channels and steps together.
ENUMERATED = 1 << 22
#: Most timesteps of a leaky soft reset whose 2**(T-1) histories are enumerated.
HISTORIES = 14


@dataclass(frozen=True)
class Second:
    """A second real scale that takes part in the membranes of a population.

    Attributes
    ----------
        ratio: per channel, its worth in units of the first one.
        values: per step n, the lattice values it can have, int64 (M,) or (channels, M).
    """

    ratio: list[Real]
    values: list[np.ndarray]


def how_many(leak: Leak, steps: int, span: int) -> int:
    """Return the number of lattice values, all steps together, of what spans so many in one."""
    return sum(span * weight + 1 for weight in leak.weights(steps))


def branch(leak: Leak, steps: int, low: np.ndarray, high: np.ndarray) -> list[np.ndarray]:
    """Return per step the lattice values, (channels, M), of a branch within low..high a step."""
    found = []
    for weight in leak.weights(steps):
        least, most = low * weight, high * weight
        count = int((most - least).max()) + 1
        found.append(np.minimum(least[:, None] + np.arange(count), most[:, None]))
    return found


def let_through(leak: Leak, steps: int, least: int, most: int) -> list[np.ndarray]:
    """Return per step what a gate of least..most may have let through of a constant 1, (M,)."""
    return [np.arange(least * w, most * w + 1) for w in leak.weights(steps)]


def taken_off(leak: Leak, steps: int) -> list[np.ndarray]:
    """Return per step what past spikes may have taken off, (M,), in lattice units of the reset.

    After n + 1 steps that is sum_s tau**(n - s) over the steps s < n at which it fired, times
    2**qn; for an integrator, the number of spikes.
    """
    values, found = np.zeros(1, np.int64), []
    for n in range(steps):
        found.append(values)
        # one more step: all leak once more, and a spike now adds 1 before that leak
        values = np.unique(np.concatenate([values, values + (1 << leak.q * n)])) * leak.num
    return found
