"""Populations whose numbers are all whole multiples of one unit: integers without any rounding.

Scales, biases, thresholds and starts that are rational have a common unit, and the factors of an
exact gate are multiples of 2**-GATE_BITS. In units so fine that every leak of every step stays
whole, the integer neuron *is* the trained one, whatever meets in its membrane.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction

from .. import network, trained
from ..certificate.exact import rational_root
from ..certificate.leak import Leak
from ..claims import Cause
from ..intervals import Interval
from ..value import WIDTH_MAX
from .affine import Affine
from .gate import GATE_BITS, fold_gates
from .obstacle import Obstacle, gate_obstacle
from .rounded import Rounded

#: Signed bits that a membrane of this kind may take, which leaves room for gains and sums.
WHOLE_BITS = WIDTH_MAX - 6


def whole(
    p: trained.Population,
    lines: list[Affine],
    accs: list[Interval],
    area: int,
    steps: int,
    leak: Leak,
    numbers: dict[str, list[Fraction]],
    alike: bool = False,
) -> Rounded | Obstacle:
    """Write a population in units of which everything is a whole multiple.

    Args:
        lines, accs: per connection. area: positions of a map. leak: exact.
        numbers: threshold, starts and the like per channel, above rest.
        alike: one unit for all channels, for values that are read as numbers.

    Returns
    -------
        The integers, with a bound of 0; or why there are none: a number is irrational, a gate is
        not exact, or the membrane would be too wide.
    """
    exact = [rational(line) for line in lines]
    gates = fold_gates(p, lines, accs, area, steps)
    inexact = [c.gate for c, (_, error) in zip(p.connections, gates, strict=True) if error]
    if inexact:
        return gate_obstacle(inexact[0])
    if any(one is None for one in exact):
        return Obstacle(Cause.SCALES, "its real scales have no common unit")
    gated = GATE_BITS if any(gate is not None for gate, _ in gates) else 0
    count, lines_of = len(lines[0].a), [one for one in exact if one is not None]
    columns = [[column[i] for column in numbers.values()] for i in range(count)]
    units = [
        unit_of([x for slopes, offsets in lines_of for x in (slopes[i], offsets[i])] + columns[i])
        for i in range(count)
    ]
    if alike:
        units = [unit_of(units)] * count
    # every leak of every step stays whole; what is always zero needs no bits
    zero = not any(x for slopes, offsets in lines_of for x in (*slopes, *offsets))
    bits = 0 if zero and not any(map(any, columns)) else leak.q * steps
    units = [unit / (1 << bits) for unit in units]
    more = [1 if gate is not None else 1 << gated for gate, _ in gates]
    for i, unit in enumerate(units):
        peaks = [
            abs(slopes[i]) * max(abs(int(acc.low[i])), abs(int(acc.high[i]))) + abs(offsets[i])
            for (slopes, offsets), acc in zip(lines_of, accs, strict=True)
        ]
        reach = sum(peaks, Fraction(0)) * steps + max(map(abs, columns[i]), default=Fraction(0))
        # a scale through which nothing arrives must be an integer as well
        reach = max(reach, *(abs(slopes[i]) for slopes, _ in lines_of))
        if reach / unit * (1 << gated) >= 1 << (WHOLE_BITS - 1):
            wide = math.ceil(reach / unit * (1 << gated)).bit_length() + 1
            what = f"in the unit of which all its numbers are whole multiples it takes {wide} bits"
            return Obstacle(Cause.WIDTH, f"{what}, and {WHOLE_BITS} is the most")
    connections = tuple(
        network.Connection(
            c.source, line.op, gate=gate, delay=c.delay,
            gain=[int(x / u) * m for x, u in zip(slopes, units, strict=True)],
            bias=[int(x / u) * m for x, u in zip(offsets, units, strict=True)],
        )
        for c, line, (slopes, offsets), (gate, _), m in zip(
            p.connections, lines, lines_of, gates, more, strict=True
        )
    )  # fmt: skip
    found = {
        name: [int(x / u) << gated for x, u in zip(column, units, strict=True)]
        for name, column in numbers.items()
    }
    if p.neuron.compare == ">" and "threshold" in found:
        found["threshold"] = [x + 1 for x in found["threshold"]]
    finest = [unit / (1 << gated) for unit in units]
    errors = tuple(0.0 for _ in lines)
    return Rounded(connections, found, bits + gated, 0.0, finest, errors)


def rational(line: Affine) -> tuple[list[Fraction], list[Fraction]] | None:
    """Return A (with its sign) and B per channel if all are rational."""
    slopes, offsets = [], []
    for a, w, b, sign in zip(line.a, line.w, line.b, line.sign, strict=True):
        root = rational_root(w)
        if root is None and (a or b.s):
            return None
        slopes.append(int(sign) * a / root if root and a else Fraction(0))
        offsets.append(Fraction(b.r) + (Fraction(b.s) * root if root and b.s else 0))
    return slopes, offsets


def unit_of(numbers: Iterable[Fraction]) -> Fraction:
    """Return the greatest common divisor of rationals; 1 if all are zero."""
    unit = Fraction(0)
    for x in {abs(x) for x in numbers if x}:
        unit = Fraction(
            math.gcd(unit.numerator * x.denominator, x.numerator * unit.denominator),
            unit.denominator * x.denominator,
        )
    return unit or Fraction(1)
