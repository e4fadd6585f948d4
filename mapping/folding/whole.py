"""Populations whose numbers are all whole multiples of one unit: integers without any rounding.

Scales, biases, thresholds and starts that are rational have a common unit, and the factors of an
exact gate are multiples of 2**-GATE_BITS. In units so fine that every leak of every step stays
whole, the integer neuron *is* the trained one, whatever meets in its membrane.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction

from .. import network
from ..budgets import GATE_BITS, WHOLE_BITS
from ..certificate.exact import rational_root
from ..claims import Cause, Kind
from .affine import Affine
from .context import Context, Folded, Obstacle
from .units import as_floats


def whole_multiples(context: Context) -> Folded | Obstacle | None:
    """Write a population in units of which everything is a whole multiple.

    Where its membranes are read as numbers, all channels share one unit.
    """
    p, accs = context.population, context.accs
    if not context.exact_leak:
        return None
    if context.rounded_gate is not None:
        return context.rounded_gate
    exact = [numbers for numbers in map(rational, context.currents) if numbers is not None]
    if len(exact) < len(context.currents):
        return Obstacle(Cause.SCALES, "its real scales have no common unit")
    gated = GATE_BITS if context.gated else 0
    columns = [[column[i] for column in context.numbers.values()] for i in range(context.channels)]
    units = [
        unit_of([x for slopes, offsets in exact for x in (slopes[i], offsets[i])] + column)
        for i, column in enumerate(columns)
    ]
    if context.membrane_read or not p.spiking:
        units = [unit_of(units)] * len(units)
    # every leak of every step stays whole; what is always zero needs no bits
    zero = not any(x for slopes, offsets in exact for x in (*slopes, *offsets))
    bits = 0 if zero and not any(map(any, columns)) else context.leak.q * context.steps
    units = [unit / (1 << bits) for unit in units]
    for i, unit in enumerate(units):
        peaks = [
            abs(slopes[i]) * max(abs(int(acc.low[i])), abs(int(acc.high[i]))) + abs(offsets[i])
            for (slopes, offsets), acc in zip(exact, accs, strict=True)
        ]
        start = max(map(abs, columns[i]), default=Fraction(0))
        reach = sum(peaks, Fraction(0)) * context.steps + start
        # a scale through which nothing arrives must be an integer as well
        reach = max(reach, *(abs(slopes[i]) for slopes, _ in exact))
        if reach / unit * (1 << gated) >= 1 << (WHOLE_BITS - 1):
            wide = math.ceil(reach / unit * (1 << gated)).bit_length() + 1
            what = f"in the unit of which all its numbers are whole multiples it takes {wide} bits"
            return Obstacle(Cause.WIDTH, f"{what}, and {WHOLE_BITS} is the most")
    connections = []
    for c, current, (slopes, offsets), (gate, _) in zip(
        p.connections, context.currents, exact, context.gates, strict=True
    ):
        more = 1 if gate is not None else 1 << gated
        gain = [int(x / u) * more for x, u in zip(slopes, units, strict=True)]
        bias = [int(x / u) * more for x, u in zip(offsets, units, strict=True)]
        connections.append(
            network.Connection(c.source, current.op, gain, bias, gate=gate, delay=c.delay)
        )
    numbers = {
        name: [int(x / u) << gated for x, u in zip(column, units, strict=True)]
        for name, column in context.numbers.items()
    }
    if p.neuron.compare == ">" and "threshold" in numbers:
        numbers["threshold"] = [x + 1 for x in numbers["threshold"]]
    finest = [unit / (1 << gated) for unit in units]
    reason = "its numbers are whole multiples of one unit"
    if not p.spiking:
        reason = "its values are whole multiples of one unit, its gate's factors too"
    return Folded(
        Kind.WHOLE, reason, None, tuple(connections), numbers, bits + gated, as_floats(finest),
        worth=Fraction(1) if p.spiking else finest[0],
    )  # fmt: skip


def rational(current: Affine) -> tuple[list[Fraction], list[Fraction]] | None:
    """Return A (with its sign) and B per channel if all are rational."""
    slopes, offsets = [], []
    for a, w, b, sign in zip(current.a, current.w, current.b, current.sign, strict=True):
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
