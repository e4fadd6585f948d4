"""Certificate of a gated population against the gate's own table.

A sigmoid has no exact integer form, but the network whose gate *is* the table (as it is trained
with the table in the loop) has: its membrane is ``A * a_n + B * sigma_n``, both sums of what the
gate let through, ``a_n`` of acc and ``sigma_n`` of 1. sigma's values are enumerated (contract,
section 5), and the integer bias stands inside the gate.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np

from .. import network, trained
from ..certificate.exact import Real
from ..certificate.neurons import Neurons, Unproved
from ..certificate.search import certify
from ..certificate.second import ENUMERATED, Second, how_many, let_through
from ..claims import Cause
from ..intervals import Interval, product
from .affine import Affine
from .divided import Start, held
from .error import Bounds, bound_of
from .gate import GATE_BITS
from .obstacle import DATA_BITS, Obstacle, met, too_many, too_wide
from .rounded import Rounded, acting_leak, peak_of
from .scales import groups
from .units import smallest, unit_next_to

#: Fractional bits that are tried above those which the lattice needs: a gate takes more.
EXTRA_BITS = 32
#: Bits by which a channel's numbers may exceed its scale.
FAR_APART = 600


def certify_table(
    p: trained.Population,
    rounded: Rounded,
    gate: network.Gate,
    line: Affine,
    acc: Interval,
    start: Start,
    steps: int,
) -> Rounded | Obstacle:
    """Find integers that fire as the table-gated neurons do, for every input.

    Args:
        rounded, gate: the population as it was rounded, and the gate of its one connection.
        line, acc: of that connection.

    Returns
    -------
        The population with the numbers that were found in the place of rounded ones, or why
        there are none.
    """
    (group,) = groups([line], [acc])
    leak, table = start.leak, gate.table[:steps]
    least, most = int(table.min()), int(table.max())
    low, high = product((group.low.astype(object), group.high.astype(object)), (least, most))
    count = len(low) * how_many(leak, steps, most - least)
    peak = max(max(np.abs(low)), max(np.abs(high)), most, 1) * leak.weights(steps)[-1]
    if peak.bit_length() + 1 > DATA_BITS:
        return too_wide(peak.bit_length() + 1)
    if count > ENUMERATED:
        return too_many(count, "what its gate lets through of its bias")
    low, high = low.astype(np.int64), high.astype(np.int64)
    neuron = p.neuron
    assert neuron.threshold is not None
    theta, begin, ratio, deaf = [], [], [], []
    for i, threshold in enumerate(map(Fraction, neuron.threshold)):
        above = (threshold - start.rest) * (1 << GATE_BITS)
        theta.append(group.divided(i, Real(above)))
        begin.append(tuple(group.divided(i, Real(x * (1 << GATE_BITS))) for x in start.values))
        ratio.append(group.divided(i, Real.of(line.b[i])))
        deaf.append(not group.a[i])
    values = let_through(leak, steps, least, most)
    neurons = Neurons(
        leak, steps, theta, [Real()] * len(theta), begin, neuron.compare == ">", low, high,
        np.array(deaf), Second(ratio, values), biased=False,
    )  # fmt: skip
    reset = Real((Fraction(neuron.v_reset) - start.rest) * (1 << GATE_BITS))
    far = max(group.divided(i, reset).exponent for i in range(len(theta)))
    far = max(far, *(x.exponent for x in ratio), *(x.exponent for one in begin for x in one))
    if far > FAR_APART:
        return Obstacle(Cause.WIDTH, f"its numbers lie up to 2**{far} times above its scale")
    try:
        bits, found = certify(neurons, EXTRA_BITS)
    except Unproved as error:
        return met(error)
    numbers = {
        "threshold": [one.threshold for one in found],
        "v_init": [one.starts[-1] for one in found],
    }
    if "v_reset" in rounded.numbers:
        numbers["v_reset"] = [one.starts[0] for one in found]
        if neuron.reset != "zero" and not neuron.refractory:  # where it is held, no more
            numbers["v_reset"] = held(p, start, [group] * len(found), found, 1 << GATE_BITS)
    (gains,) = group.gains([one.gain for one in found]).values()
    edge = replace(rounded.connections[0], gain=gains, bias=[one.second for one in found])
    worth = [unit_next_to(group.unit(i)) if group.a[i] else 1 for i in range(len(found))]
    unit = [Fraction(x, 1 << bits + GATE_BITS) for x in worth]
    if min(unit) < smallest():
        return Obstacle(Cause.WIDTH, "no unit within float64 is as small as its scales")
    done = replace(rounded, connections=(edge,), numbers=numbers, bits=bits, unit=unit)
    return replace(done, bound=_bound(p, done, line, acc, start, steps))


def _bound(
    p: trained.Population,
    done: Rounded,
    line: Affine,
    acc: Interval,
    start: Start,
    steps: int,
) -> float:
    """Return how far from the trained membranes those may be, which fire as their table says."""
    (edge,) = done.connections
    bounds = Bounds(len(line.a), floor=1.0 if start.leak.q else 0.0)
    reset = Fraction(p.neuron.v_reset) - start.rest
    gained = np.abs(edge.gain) if edge.gain.ndim else np.full(len(line.a), abs(int(edge.gain)))
    for i, unit in enumerate(done.unit):
        # both sides in integer membranes, of the unit that is told: a gate's factor of 1 is
        # 2**GATE_BITS of them
        fine = 1 / unit
        slope, offset = (x * (fine / (1 << GATE_BITS)) for x in (line.slope(i), Real.of(line.b[i])))
        peak = peak_of(acc, i)
        bounds.line(i, slope, offset, int(gained[i]), int(edge.bias[i]), peak)
        bounds.gate(i, slope, offset, peak, done.errors[0])
        for name, x in (("v_init", start.values[-1]), ("v_reset", reset)):
            if name in done.numbers:
                bounds.number(name, i, Real(x) * fine, done.numbers[name][i], 1 << GATE_BITS)
    bounds.floor /= 1 << GATE_BITS
    worst = bounds.worst(start.leak, acting_leak(p, steps), steps) * (1 << GATE_BITS)
    return bound_of(worst, done.unit)
