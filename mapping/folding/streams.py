"""Three ways to fold a population without a threshold: a stream, a pool, a join, or a read-out.

Its values are read as numbers, so all its channels share one unit. ``order_classes``: a membrane
read-out whose classes keep their order. ``whole_values``: every scale and bias is a whole multiple
of one rational number. ``round_values``: what is left.
"""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np

from .. import network
from ..budgets import EXACT_BITS, LIMIT, ROUNDED_BITS, VALUE_BITS
from ..certificate.classes import certify_classes
from ..certificate.exact import Surd
from ..certificate.neurons import Unproved
from ..claims import Cause, Kind
from ..intervals import Interval
from ..value import LEAK_BITS_MAX, WIDTH_MAX
from .affine import Affine, bias_of
from .context import Context, Folded, Obstacle, search_failed
from .error import upward
from .rounded import rounding
from .scales import groups
from .units import as_floats, smallest, unit_next_to
from .whole import rational, unit_of, whole_multiples


def order_classes(context: Context) -> Folded | Obstacle | None:
    """Search F and biases that keep the order of every pair of classes that share one scale."""
    hears = any(a for current in context.currents for a in current.a)
    if not context.exact_leak or context.gated or not hears or not _only_read_out(context):
        return None
    if context.v_init or context.rest_drive:
        what = "the order of its classes is proved only of membranes that start and rest at 0"
        return Obstacle(Cause.SCALES, what)
    group, *others = groups(context.currents, context.accs)
    if others or not group.a[0] or not group.alike:
        what = "its classes have different scales, which were rounded to one unit"
        return Obstacle(Cause.SCALES, what)
    real = [group.divided(i, bias_of(context.currents, i)) for i in range(context.channels)]
    peak = int(max(-group.low.min(), group.high.max(), 1))
    try:
        bits, biases = certify_classes(context.leak, context.steps, real, peak)
    except Unproved as error:
        return search_failed(error)
    gains = group.gains([1 << bits] * context.channels)
    if max(abs(g) for column in gains.values() for g in column) >= LIMIT:
        return Obstacle(Cause.WIDTH, f"its scales would need {WIDTH_MAX} bits or more")
    unit = unit_next_to(group.unit(0)) / (1 << bits)
    columns = [gains[k] for k in range(len(context.currents))]
    reason = "classes ordered alike after every step, for every input"
    return _exact(context, Kind.CLASSES, reason, columns, biases, 0, unit)


def whole_values(context: Context) -> Folded | Obstacle | None:
    """Write its values as whole multiples of one unit, if they are such and not too wide."""
    if not context.exact_leak:
        return context.snapped_leak()
    if context.gated:
        return whole_multiples(context)
    rows = [numbers for numbers in map(rational, context.currents) if numbers is not None]
    if len(rows) < len(context.currents):
        return Obstacle(Cause.SCALES, "its real scales have no common unit, and were rounded")
    slopes = [slope for slope, _ in rows]
    offsets = [sum(b, Fraction(0)) for b in zip(*(offset for _, offset in rows), strict=True)]
    leak, steps, start = context.leak, context.steps, context.v_init
    numbers = [x for x in (*(x for slope in slopes for x in slope), *offsets, start) if x]
    unit = unit_of(numbers)
    widest = math.ceil(max(map(abs, numbers), default=Fraction(0)) / unit)
    if widest >= 1 << EXACT_BITS:
        what = f"its numbers take {widest.bit_length()} bits in their common unit"
        return Obstacle(Cause.SCALES, f"{what}, and were rounded ({EXACT_BITS} are the most)")
    if numbers or leak.q * steps <= EXACT_BITS:  # what is always zero needs no bits
        unit /= 1 << leak.q * steps  # every leak of every step stays whole
    gains = [[int(x / unit) for x in slope] for slope in slopes]
    peak = _peak(gains, context.accs) * steps
    still = max(abs(b / unit) for b in offsets) + abs(start / unit)
    # with no data, nothing else is wide
    if peak >= 1 << VALUE_BITS or still * steps >= 1 << WIDTH_MAX - LEAK_BITS_MAX - 2:
        bits = max(peak, math.ceil(still * steps)).bit_length()
        what = f"its values take {bits} bits in the unit that no leak rounds, and were rounded"
        return Obstacle(Cause.WIDTH, what)
    biases = [int(b / unit) for b in offsets]
    reason = "its values are whole multiples of one unit"
    return _exact(context, Kind.WHOLE, reason, gains, biases, int(start / unit), unit)


def round_values(context: Context) -> Folded:
    """Round its numbers to one unit; why nothing better was found is said elsewhere."""
    steps, leak = context.steps, context.leak
    rounded = rounding(context, _common_unit(context.currents))
    connections, unit = rounded.connections, rounded.unit[0]
    start, bound = rounded.numbers["v_init"], Fraction(rounded.bound)
    # What reads a fine stream would grow finer with every population: take the excess off.
    factors = [1 if c.gate is None else 1 << rounded.bits for c in connections]
    gains = [(c.gain * factor).tolist() for c, factor in zip(connections, factors, strict=True)]
    biases = sum(int(np.abs(c.bias).max()) * f for c, f in zip(connections, factors, strict=True))
    peak = (_peak(gains, context.accs) + biases) * (steps if leak.num else 1)
    shift = max(0, peak.bit_length() - VALUE_BITS)
    if shift:
        connections = tuple(replace(c, shift=shift) for c in connections)
        start, unit = [x >> shift for x in start], unit * (1 << shift)
        floors = len(connections) + (1 if leak.q else 0)
        bound += unit * (floors * steps + 1)
    floats = as_floats([unit] * context.channels, bounded=True)
    return Folded(
        Kind.ROUNDED, "", None, connections, {"v_init": start}, ROUNDED_BITS, floats,
        upward(bound), worth=unit,
    )  # fmt: skip


def _exact(
    context: Context,
    kind: Kind,
    reason: str,
    gains: list[list[int]],
    biases: list[int],
    start: int,
    unit: Fraction,
) -> Folded:
    """Put exact values together.

    Args:
        gains: per connection. biases: per channel. start: v_init. unit: of every channel.
    """
    connections = tuple(
        network.Connection(c.source, current.op, gain, biases if k == 0 else 0, delay=c.delay)
        for k, (c, current, gain) in enumerate(
            zip(context.population.connections, context.currents, gains, strict=True)
        )
    )
    zero = not any(map(any, gains)) and not any(biases) and not start
    bits = 0 if zero else context.leak.q * (context.steps - 1)
    numbers = {"v_init": [start] * context.channels}
    floats = as_floats([unit] * context.channels)
    return Folded(kind, reason, None, connections, numbers, bits, floats, worth=unit)


def _only_read_out(context: Context) -> bool:
    """Whether nothing but a membrane read-out reads a population."""
    value, name = context.value, context.population.name
    if value.readout.source != name or value.readout.kind != "membrane":
        return False
    return all(c.source != name for q in value.populations for c in q.connections)


def _peak(gains: list[list[int]], accs: list[Interval]) -> int:
    """Return the largest sum of gain * acc of any channel."""
    edges = [np.maximum(np.abs(acc.low), np.abs(acc.high)).astype(object) for acc in accs]
    totals = sum(np.abs(np.array(g, object)) * e for g, e in zip(gains, edges, strict=True))
    return int(np.max(totals))


def _common_unit(currents: list[Affine]) -> Fraction:
    """Return a unit fine enough for every scale to be rounded to a multiple of it.

    A whole scale that a stream hands on (a skip) stays a whole multiple. Where every scale is
    zero, the biases decide.
    """
    slopes = [Surd(0, a / w, w) for x in currents for a, w in zip(x.a, x.w, strict=True) if a]
    biases = [b for current in currents for b in current.b if b.r or b.s]
    unit = Fraction(2) ** (max((x.exponent for x in slopes or biases), default=1) - ROUNDED_BITS)
    unit = max(unit / 2, smallest())  # an exponent may be one too many
    for current in currents:
        if len(set(current.a)) == 1 and set(current.w) == {Fraction(1)} and current.a[0]:
            parts = current.a[0] / unit
            near = current.a[0] / (1 << max(0, (math.ceil(parts) - 1).bit_length()))
            return near if Fraction(float(near)) == near >= smallest() else unit
    return unit
