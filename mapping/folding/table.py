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
from ..certificate.neurons import Neurons, Undecided
from ..certificate.search import certify
from ..certificate.second import ENUMERATED, Second, how_many, let_through
from ..intervals import Interval
from ..value import WIDTH_MAX
from .affine import Affine
from .divided import Start, held
from .error import Bounds
from .gate import GATE_BITS
from .rounded import Rounded, acting_leak, peak_of
from .scales import Group, groups

#: Fractional bits that are tried above those which the lattice needs: a gate takes more.
EXTRA_BITS = 32


def certify_table(
    p: trained.Population,
    rounded: Rounded,
    gate: network.Gate,
    line: Affine,
    acc: Interval,
    start: Start,
    steps: int,
) -> Rounded | None:
    """Find integers that fire as the table-gated neurons do, for every input.

    Args:
        rounded, gate: the population as it was rounded, and the gate of its one connection.
        line, acc: of that connection.

    Returns
    -------
        The population with the numbers that were found in the place of rounded ones, or None.
    """
    (group,) = groups([line], [acc])
    leak, table = start.leak, gate.table[:steps]
    least, most = int(table.min()), int(table.max())
    low = np.minimum(group.low * least, group.low * most)
    high = np.maximum(group.high * least, group.high * most)
    count = len(low) * how_many(leak, steps, most - least)
    peak = max(int(np.abs(low).max()), int(np.abs(high).max()), most, 1) * leak.weights(steps)[-1]
    if count > ENUMERATED or peak.bit_length() >= WIDTH_MAX - 5:
        return None
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
    try:
        bits, tried = certify(neurons, EXTRA_BITS)
    except Undecided:
        return None
    found = [one for one in tried if one is not None]
    if len(found) < len(tried):
        return None
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
    unit = np.array([float(group.unit(i)) if group.a[i] else 1.0 for i in range(len(found))])
    unit /= 1 << bits + GATE_BITS
    done = replace(rounded, connections=(edge,), numbers=numbers, bits=bits, unit=unit)
    return replace(done, bound=_bound(p, done, group, line, acc, start, steps))


def _bound(
    p: trained.Population,
    done: Rounded,
    group: Group,
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
    for i in range(len(line.a)):
        # both sides in integer membranes: a gate's factor of 1 is 2**GATE_BITS of them
        slope, offset = (
            group.divided(i, x) * (1 << done.bits) for x in (line.slope(i), Real.of(line.b[i]))
        )
        peak = peak_of(acc, i)
        bounds.line(i, slope, offset, int(gained[i]), int(edge.bias[i]), peak)
        bounds.gate(i, slope, offset, peak, done.errors[0])
        scale = 1 << done.bits + GATE_BITS
        for name, x in (("v_init", start.values[-1]), ("v_reset", reset)):
            if name in done.numbers:
                real = group.divided(i, Real(x)) * scale
                bounds.number(name, i, real, done.numbers[name][i], 1 << GATE_BITS)
    bounds.floor /= 1 << GATE_BITS
    worst = bounds.worst(start.leak, acting_leak(p, steps), steps) * (1 << GATE_BITS)
    return float((worst * done.unit).max())
