"""Fold a population without a threshold: a stream, a pool, a join, or a read-out.

Its values are read as numbers, so all its channels share one unit. They are exact if every scale
and bias is a whole multiple of one rational number, or, for a membrane read-out, if the classes
keep their order (contract, section 3); else they are rounded.
"""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np

from .. import network, trained
from ..certificate.classes import certify_classes
from ..certificate.exact import Surd
from ..certificate.leak import Leak, dyadic
from ..certificate.neurons import LIMIT, Unproved
from ..claims import Cause, Kind
from ..intervals import Interval
from ..value import LEAK_BITS_MAX, WIDTH_MAX, Unsupported
from .affine import Affine, bias_of
from .error import upward
from .obstacle import Obstacle, met
from .rounded import rounded
from .scales import groups
from .units import smallest, told, unit_next_to
from .whole import rational, unit_of, whole

#: Bits that a whole multiple of the common unit may take.
EXACT_BITS = 32
#: Bits that the values of a stream may take.
VALUE_BITS = 40
#: Bits of the largest gain of a stream that is rounded.
ROUNDED_BITS = 12


def fold_stream(
    value: trained.TrainedNetwork,
    p: trained.Population,
    lines: list[Affine],
    accs: list[Interval],
) -> tuple[network.Population, Fraction]:
    """Fold a population without a threshold.

    Args:
        lines, accs: per connection, its exact line and the range of its acc.

    Returns
    -------
        The integer population, and the unit: what the integer 1 of its values is worth.
    """
    neuron, steps, shape = p.neuron, value.timesteps, value.shapes[p.name]
    leak, exact_leak = dyadic(neuron.leak)
    init = Fraction(neuron.v_init)
    rest = Fraction(neuron.v_rest) * (1 - Fraction(neuron.leak))  # u = leak * u + this + current
    if steps == 1:
        leak, exact_leak, init = Leak(1, 0), True, init * Fraction(neuron.leak)
    if not exact_leak:
        tau = f"{leak.num}/{1 << leak.q}"
        what = f"leak {neuron.leak!r} is not dyadic: snapped to {tau}"
        obstacle = Obstacle(Cause.LEAK, what)
        return _rounded(value, p, lines, accs, leak, obstacle, init, rest)
    if any(c.gate is not None for c in p.connections):
        return _gated(value, p, lines, accs, leak, init, rest)
    kind, reason = Kind.CLASSES, "classes ordered alike after every step, for every input"
    numbers = ordered = _in_order(value, p, lines, accs, leak, init, rest)
    if isinstance(numbers, Obstacle):
        kind, reason = Kind.WHOLE, "its values are whole multiples of one unit"
        numbers = _whole(lines, accs, leak, steps, init, rest)
    if isinstance(numbers, Obstacle):
        heard = any(a for line in lines for a in line.a)  # else there is no order to keep
        obstacle = ordered if heard and _only_read_out(value, p) else numbers
        return _rounded(value, p, lines, accs, leak, obstacle, init, rest)
    gains, bias, first, unit = numbers
    connections = tuple(
        network.Connection(c.source, line.op, gain=gain, bias=bias if k == 0 else 0, delay=c.delay)
        for k, (c, line, gain) in enumerate(zip(p.connections, lines, gains, strict=True))
    )
    worth, zero = told([unit] * shape[0]), not any(map(any, gains)) and not any(bias) and not first
    bits = 0 if zero else leak.q * (steps - 1)
    certificate = network.Certificate(True, kind, reason, None, bits, None, None, worth)
    folded = network.Neuron(num=leak.num, q=leak.q, v_init=[first] * shape[0])
    return network.Population(p.name, connections, folded, certificate), unit


def _only_read_out(value: trained.TrainedNetwork, p: trained.Population) -> bool:
    """Whether nothing but a membrane read-out reads a population."""
    if value.readout.source != p.name or value.readout.kind != "membrane":
        return False
    return all(c.source != p.name for q in value.populations for c in q.connections)


def _gated(
    value: trained.TrainedNetwork,
    p: trained.Population,
    lines: list[Affine],
    accs: list[Interval],
    leak: Leak,
    init: Fraction,
    rest: Fraction,
) -> tuple[network.Population, Fraction]:
    """Fold a gated population of a dyadic leak."""
    shape = value.shapes[p.name]
    area, starts = int(np.prod(shape[1:])), {"v_init": [init] * shape[0]}
    more = _with_rest(p, lines, rest)
    found = whole(p, more, accs, area, value.timesteps, leak, starts, alike=True)
    if isinstance(found, Obstacle):
        return _rounded(value, p, lines, accs, leak, found, init, rest)
    reason = "its values are whole multiples of one unit, its gate's factors too"
    certificate = network.Certificate(
        True, Kind.WHOLE, reason, None, found.bits, None, None, told(found.unit)
    )
    folded = network.Neuron(num=leak.num, q=leak.q, v_init=found.numbers["v_init"])
    return network.Population(p.name, found.connections, folded, certificate), found.unit[0]


def _rounded(
    value: trained.TrainedNetwork,
    p: trained.Population,
    lines: list[Affine],
    accs: list[Interval],
    leak: Leak,
    obstacle: Obstacle,
    init: Fraction,
    rest: Fraction,
) -> tuple[network.Population, Fraction]:
    """Fold a population that is not exact.

    Args:
        leak, init, rest: as they act on the membrane. obstacle: why it is not exact.
    """
    steps, shape = value.timesteps, value.shapes[p.name]
    lines = _with_rest(p, lines, rest)
    starts = {"v_init": [init] * shape[0]}
    area = int(np.prod(shape[1:]))
    found = rounded(p, lines, accs, area, steps, leak, starts, _common_unit(lines))
    connections, start, bound = found.connections, found.numbers["v_init"], Fraction(found.bound)
    unit = found.unit[0]
    # What reads a fine stream would grow finer with every population: take the excess off.
    factors = [1 if c.gate is None else 1 << found.bits for c in connections]
    gains = [(c.gain * factor).tolist() for c, factor in zip(connections, factors, strict=True)]
    biases = sum(int(np.abs(c.bias).max()) * f for c, f in zip(connections, factors, strict=True))
    peak = (_peak(gains, accs) + biases) * (steps if leak.num else 1)
    shift = max(0, peak.bit_length() - VALUE_BITS)
    if shift:
        connections = tuple(replace(c, shift=shift) for c in connections)
        start, unit = [x >> shift for x in start], unit * (1 << shift)
        floors = len(connections) + (1 if leak.q else 0)
        bound += unit * (floors * steps + 1)
    worth = told([unit] * shape[0], bounded=True)
    certificate = network.Certificate(
        False, Kind.ROUNDED, obstacle.reason, obstacle.cause, ROUNDED_BITS, None, upward(bound),
        worth,
    )  # fmt: skip
    folded = network.Neuron(num=leak.num, q=leak.q, v_init=start)
    return network.Population(p.name, connections, folded, certificate), unit


def _with_rest(p: trained.Population, lines: list[Affine], rest: Fraction) -> list[Affine]:
    """Add to a bias outside any gate what a membrane at rest needs to stay there."""
    if not rest:
        return lines
    for k, c in enumerate(p.connections):
        if c.gate is None:
            plain = replace(lines[k], b=[b + rest for b in lines[k].b])
            return [*lines[:k], plain, *lines[k + 1 :]]
    what = "v_rest of a population without threshold whose connections are all gated"
    raise Unsupported(f"population {p.name!r}: {what}")


#: Gains per connection, bias, v_init, unit.
Numbers = tuple[list[list[int]], list[int], int, Fraction]


def _whole(
    lines: list[Affine],
    accs: list[Interval],
    leak: Leak,
    steps: int,
    init: Fraction,
    rest: Fraction,
) -> Numbers | Obstacle:
    """Return whole multiples of one unit, if the scales and biases are such and not too wide."""
    found = [one for one in map(rational, lines) if one is not None]
    if len(found) < len(lines):
        return Obstacle(Cause.SCALES, "its real scales have no common unit, and were rounded")
    slopes = [one[0] for one in found]
    offsets = [sum(b, rest) for b in zip(*(one[1] for one in found), strict=True)]
    numbers = [x for x in (*(x for one in slopes for x in one), *offsets, init) if x]
    unit = unit_of(numbers)
    widest = math.ceil(max(map(abs, numbers), default=Fraction(0)) / unit)
    if widest >= 1 << EXACT_BITS:
        what = f"its numbers take {widest.bit_length()} bits in their common unit"
        return Obstacle(Cause.SCALES, f"{what}, and were rounded ({EXACT_BITS} are the most)")
    if numbers or leak.q * steps <= EXACT_BITS:  # what is always zero needs no bits
        unit /= 1 << leak.q * steps  # every leak of every step stays whole
    gains = [[int(x / unit) for x in one] for one in slopes]
    peak = _peak(gains, accs) * steps
    still = sum(max(abs(x) for x in one) for one in ([b / unit for b in offsets], [init / unit]))
    # with no data, nothing else is wide
    if peak >= 1 << VALUE_BITS or still * steps >= 1 << WIDTH_MAX - LEAK_BITS_MAX - 2:
        bits = max(peak, math.ceil(still * steps)).bit_length()
        what = f"its values take {bits} bits in the unit that no leak rounds, and were rounded"
        return Obstacle(Cause.WIDTH, what)
    return gains, [int(b / unit) for b in offsets], int(init / unit), unit


def _peak(gains: list[list[int]], accs: list[Interval]) -> int:
    """Return the largest sum of gain * acc of any channel."""
    edges = [np.maximum(np.abs(acc.low), np.abs(acc.high)).astype(object) for acc in accs]
    totals = sum(np.abs(np.array(g, object)) * e for g, e in zip(gains, edges, strict=True))
    return int(np.max(totals))


def _in_order(
    value: trained.TrainedNetwork,
    p: trained.Population,
    lines: list[Affine],
    accs: list[Interval],
    leak: Leak,
    init: Fraction,
    rest: Fraction,
) -> Numbers | Obstacle:
    """Search F and biases that keep the order of every pair of classes that share one scale."""
    if not _only_read_out(value, p):
        return Obstacle(Cause.SCALES, "it is read as numbers, not as an order of classes")
    if init or rest:
        what = "the order of its classes is proved only of membranes that start and rest at 0"
        return Obstacle(Cause.SCALES, what)
    group, *others = groups(lines, accs)
    if others or not group.a[0] or not group.alike:
        what = "its classes have different scales, which were rounded to one unit"
        return Obstacle(Cause.SCALES, what)
    real = [group.divided(i, bias_of(lines, i)) for i in range(len(group.a))]
    peak = int(max(-group.low.min(), group.high.max(), 1))
    try:
        bits, biases = certify_classes(leak, value.timesteps, real, peak)
    except Unproved as error:
        return met(error)
    gains = group.gains([1 << bits] * len(group.a))
    if max(abs(g) for column in gains.values() for g in column) >= LIMIT:
        return Obstacle(Cause.WIDTH, f"its scales would need {WIDTH_MAX} bits or more")
    unit = unit_next_to(group.unit(0)) / (1 << bits)
    return [gains[k] for k in range(len(lines))], biases, 0, unit


def _common_unit(lines: list[Affine]) -> Fraction:
    """Return a unit fine enough for every scale to be rounded to a multiple of it.

    A whole scale that a stream hands on (a skip) stays a whole multiple. Where every scale is
    zero, the biases decide.
    """
    slopes = [Surd(0, a / w, w) for line in lines for a, w in zip(line.a, line.w, strict=True) if a]
    biases = [b for line in lines for b in line.b if b.r or b.s]
    unit = Fraction(2) ** (max((x.exponent for x in slopes or biases), default=1) - ROUNDED_BITS)
    unit = max(unit / 2, smallest())  # an exponent may be one too many
    for line in lines:
        if len(set(line.a)) == 1 and set(line.w) == {Fraction(1)} and line.a[0]:
            parts = line.a[0] / unit
            near = line.a[0] / (1 << max(0, (math.ceil(parts) - 1).bit_length()))
            return near if Fraction(float(near)) == near >= smallest() else unit
    return unit
