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
from .divided import Start
from .gate import GATE_BITS
from .rounded import Rounded
from .scales import groups

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
    (gains,) = group.gains([one.gain for one in found]).values()
    edge = replace(rounded.connections[0], gain=gains, bias=[one.second for one in found])
    return replace(rounded, connections=(edge,), numbers=numbers, bits=bits)
