"""How far a rounded membrane may be from the trained one, given the same spikes so far.

Gaps between real numbers and integers are bounded from above in exact arithmetic. What follows
only adds and multiplies bounds that are not negative, in float64, in units of the integer
membrane; one factor covers its rounding, and one tiny number what is too small for it. Nothing in
these units is large or small: the fold divides by units that make it so.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from ..certificate.exact import Real
from ..certificate.lattice import Leak

#: Fractional bits of a gap.
_BITS = 64
#: Covers the rounding of float64 in some million additions.
_SLACK = 1 + 1e-9
#: Covers what some million products of float64 lose that are below its range.
_TINY = 2.0**-200


def upward(x: Fraction) -> float:
    """Return the least float64 that is not below x; infinity if there is none."""
    try:
        near = float(x)
    except OverflowError:
        return math.inf
    return near if Fraction(near) >= x else math.nextafter(near, math.inf)


def gap(x: Real, integer: int = 0) -> float:
    """Return a bound of |x - integer|, 2**-64 above it at most (but for float64)."""
    low, high = (x - Real.of(integer)).fixed(_BITS)
    return upward(Fraction(max(abs(low), abs(high)), 1 << _BITS))


@dataclass
class Bounds:
    """Bounds of errors and of sizes, (C,) float64, in units of the integer membrane.

    Attributes
    ----------
        drive: error and size of the summed currents of one step.
        numbers: error and size of v_init, and of v_reset and rho where there are such.
        floor: what one leak rounds off.
    """

    count: int
    floor: float = 0.0
    drive: tuple[np.ndarray, np.ndarray] = field(init=False)
    numbers: dict[str, tuple[np.ndarray, np.ndarray]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.drive = np.zeros(self.count), np.zeros(self.count)

    def current(self, i: int, slope: Real, offset: Real, gain: int, bias: int, peak: float) -> None:
        """Add a connection of channel i: ``slope * acc + offset`` as ``gain * acc + bias``."""
        self.drive[0][i] += gap(slope, gain) * peak + gap(offset, bias)
        self.drive[1][i] += gap(slope) * peak + gap(offset)

    def gate(self, i: int, slope: Real, offset: Real, peak: float, error: float) -> None:
        """Add what a gate's factor may be wrong by, on a connection of channel i."""
        self.drive[0][i] += error * (gap(slope) * peak + gap(offset))

    def number(self, name: str, i: int, x: Real, integer: int, scale: float = 1.0) -> None:
        """Note one of the numbers of channel i, given in units of 1 / scale."""
        error, size = self.numbers.setdefault(name, (np.zeros(self.count), np.zeros(self.count)))
        error[i], size[i] = gap(x, integer) / scale, gap(x) / scale

    def worst(self, leak: Leak, trained_leak: float, steps: int) -> np.ndarray:
        """Return bounds of |v - u| of every step before reset, (C,).

        A step after which the state of v is off by e, and u is s at most, makes it off by
        ``leak * e + |leak - trained_leak| * s``, the floor, and what the drive is off by. A spike
        adds the error of rho, or leaves that of v_reset.

        Args:
            leak: of the integers. trained_leak: another if it was snapped.
        """
        tau = leak.num / (1 << leak.q)
        snapped = abs(trained_leak - tau)
        error, size = self.numbers["v_init"]
        reset, rho = self.numbers.get("v_reset"), self.numbers.get("rho")
        most = np.zeros(self.count) if reset is None else reset[0]
        for _ in range(steps):
            before = error, size
            error = tau * error + snapped * size + self.floor + self.drive[0]
            size = trained_leak * size + self.drive[1]
            most = np.maximum(most, error)
            if rho is not None:
                error, size = error + rho[0], size + rho[1]
            if reset is not None:
                error, size = np.maximum(error, reset[0]), np.maximum(size, reset[1])
            if all((x == y).all() for x, y in zip(before, (error, size), strict=True)):
                break  # every further step is the same
        return np.where((most > 0) | (snapped > 0), most * _SLACK + _TINY, 0.0)


def bound_of(worst: np.ndarray, units: Iterable[Fraction]) -> float:
    """Return the largest bound of any channel, in units of the trained network, rounded upward."""
    channels = zip(worst.tolist(), units, strict=True)
    return max(upward(Fraction(error) * unit) for error, unit in channels)
