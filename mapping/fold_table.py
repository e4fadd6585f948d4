"""Certificate of a gated population against the gate's own table.

A sigmoid has no exact integer form, but the network whose gate *is* the table (as it is trained
with the table in the loop) has: its membrane is ``A * a_n + B * sigma_n``, both sums of what the
gate let through, ``a_n`` of acc and ``sigma_n`` of 1. sigma's values are enumerated (contract,
section 5), and the integer bias stands inside the gate.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from . import certify, network, trained
from .affine import Affine, groups
from .certify import Integers, Leak, Neurons, Second, Undecided
from .exact import Real
from .fold_gate import GATE_BITS
from .intervals import Interval
from .value import WIDTH_MAX

#: Fractional bits that are tried above those which the lattice needs: a gate takes more.
EXTRA_BITS = 32


def certify_table(
    p: trained.Population,
    line: Affine,
    acc: Interval,
    gate: network.Gate,
    leak: Leak,
    starts: tuple[Fraction, ...],
    steps: int,
) -> tuple[int, list[Integers], list[int]] | None:
    """Find integers that fire as the table-gated neurons do, for every input.

    Args:
        line, acc: of its one connection. gate: as folded. starts: membranes above rest.

    Returns
    -------
        F, the integers (``second`` is the bias inside the gate), and the connection's gains; or
        None if there are none.
    """
    (group,) = groups([line], [acc])
    table = gate.table[:steps]
    least, most = int(table.min()), int(table.max())
    low = np.minimum(group.low * least, group.low * most)
    high = np.maximum(group.high * least, group.high * most)
    weights = leak.weights(steps)
    count = len(low) * sum((most - least) * w + 1 for w in weights)
    peak = max(int(np.abs(low).max()), int(np.abs(high).max())) * weights[-1]
    if count > certify.ENUMERATED or peak.bit_length() >= WIDTH_MAX - 5:
        return None
    neuron = p.neuron
    assert neuron.threshold is not None
    theta, begin, ratio, deaf = [], [], [], []
    for i in range(len(neuron.threshold)):
        silent = not group.a[i]

        def scaled(x: Real, i: int = i, silent: bool = silent) -> Real:
            return x if silent else group.divided(i, x)

        above = (Fraction(neuron.threshold[i]) - Fraction(neuron.v_rest)) * (1 << GATE_BITS)
        theta.append(scaled(Real(above)))
        begin.append(tuple(scaled(Real(x * (1 << GATE_BITS))) for x in starts))
        ratio.append(scaled(Real.of(line.b[i])))
        deaf.append(silent)
    values = [np.arange(least * w, most * w + 1) for w in weights]
    neurons = Neurons(
        leak, steps, theta, [Real()] * len(theta), begin, neuron.compare == ">", low, high,
        np.array(deaf), Second(ratio, values), biased=False,
    )  # fmt: skip
    try:
        bits, tried = certify.certify(neurons, EXTRA_BITS)
    except Undecided:
        return None
    found = [one for one in tried if one is not None]
    if len(found) < len(tried):
        return None
    return bits, found, [int(t) * one.gain for t, one in zip(group.times[0], found, strict=True)]
