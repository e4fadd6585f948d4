"""The range of numbers that are folded, and units that float64 holds exactly.

A certificate states in float64 what the integer 1 of a membrane is worth, and a bound. A population
that is rounded is measured in units that *are* float64 numbers: else its bound would speak of
another unit than the one that is stated. In exact arithmetic no number is too large or too small;
the limits below leave float64 room for what is made of these numbers.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

import numpy as np

from .. import trained
from ..budgets import FAR, TINY
from ..certificate.exact import Real
from ..value import Unsupported
from .affine import Affine


def unit_next_to(x: Real) -> Fraction:
    """Return a float64 next to x > 0, or 2**TINY if that is larger."""
    exponent = x.exponent
    if exponent <= TINY:
        return Fraction(2) ** TINY
    shift = 64 - exponent
    return max(Fraction(float(x * Fraction(2) ** shift)) / Fraction(2) ** shift, smallest())


def smallest() -> Fraction:
    """Return the smallest unit."""
    return Fraction(2) ** TINY


def as_floats(units: Iterable[Fraction], bounded: bool = False) -> np.ndarray:
    """Return units as the float64 that a certificate states; those of a bound must be such."""
    units = list(units)
    floats = [float(unit) for unit in units]
    assert not bounded or units == list(map(Fraction, floats)), "a bound speaks of this very unit"
    return np.array(floats)


def refuse_far(p: trained.Population, currents: list[Affine]) -> None:
    """Raise Unsupported at the first number of a population that is 2**FAR or more."""
    for c, current in zip(p.connections, currents, strict=True):
        prefix = f"population {p.name!r}, connection from {c.source!r}: "
        for i, b in enumerate(current.b):
            refuse(f"{prefix}the scale of channel {i}", current.slope(i))
            refuse(f"{prefix}the bias of channel {i}", Real.of(b))
            if c.gate is not None:  # which sees what has not been multiplied yet
                back = 1 / Fraction(p.neuron.input_gain)
                refuse(f"{prefix}the scale of channel {i} in the gate", current.slope(i) * back)
                refuse(f"{prefix}the bias of channel {i} in the gate", Real.of(b) * back)
    n, prefix = p.neuron, f"population {p.name!r}: "
    for what in ("v_reset", "v_rest", "v_init"):
        refuse(prefix + what, Real(Fraction(getattr(n, what))))
    if n.threshold is None:
        return
    late = Fraction(n.leak) if n.reset == "subtract" and n.reset_delay and n.leak else Fraction(1)
    for i, theta in enumerate(map(Fraction, n.threshold)):
        refuse(f"{prefix}the threshold of channel {i}", Real(theta))
        refuse(f"{prefix}what a spike of channel {i} takes off", Real(theta / late))


def refuse(what: str, x: Real) -> None:
    """Raise Unsupported if |x| is 2**FAR or more."""
    if x.exponent > FAR:
        power = x.exponent * 30103 // 100000
        limit = FAR * 30103 // 100000
        raise Unsupported(f"{what} is about 1e{power}, beyond the 1e{limit} up to which is folded")
