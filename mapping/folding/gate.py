"""The gate of adaptive gradient modulation as integers: a fixed-point mean and a table.

``sigmoid(alpha[t] * mean(X)) * X`` with X = A_c * acc_c + B_c: the mean becomes
``sum_c K_c * (sum of acc_c over the map) + K_0``, and the sigmoid a table at the centres of its
bins (contract, section 5).
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from .. import network, trained
from ..budgets import ENTRIES, FINEST_MEAN, FINEST_TABLE, GATE_BITS, MEAN_BITS, OFFSET_BITS
from ..certificate.exact import Real
from ..intervals import Interval
from ..value import WIDTH_MAX, Unsupported
from .affine import Affine

#: Beyond alpha * mean = +-FLAT the sigmoid is as good as flat.
FLAT = 9.0
#: Covers the rounding of float64 in a gate's mean, as a share of what it reaches, and its factors.
FLOATS = 2.0**-36


def fold_gate(
    gate: trained.Gate, current: Affine, acc: Interval, area: int, steps: int, input_gain: Fraction
) -> tuple[network.Gate, float]:
    """Return the integer gate of a connection, and by how much its factor may be wrong.

    Args:
        current, acc: of the connection. area: positions of a map. input_gain: of the neuron, which
            is in the current but not in what the gate sees.
    """
    if gate.constant is not None:
        scaled = gate.constant[:steps] * (1 << GATE_BITS)
        entries = np.clip(np.rint(scaled), 0, (1 << GATE_BITS) - 1)
        error = float(np.abs(entries - scaled).max()) / (1 << GATE_BITS)
        column = entries.astype(np.int64)[:, None]
        return network.Gate(weights=0, offset=0, shift=0, table=column), error
    if gate.table is not None:
        return _given(gate, gate.table, current, acc, area, steps)
    channels = len(current.a)
    share = (1 if gate.per_channel else channels) * area * input_gain
    slopes = np.array(
        [float(current.slope(i) * (int(sign) / share)) for i, sign in enumerate(current.sign)]
    )
    offsets = np.array([float(Real.of(b) * (1 / input_gain)) for b in current.b])
    if not gate.per_channel:
        offsets = np.array([offsets.mean()])
    largest = float(np.abs(slopes).max()) or 1.0
    peak = np.maximum(np.abs(acc.low), np.abs(acc.high)) * float(area)
    reach = float((np.abs(slopes) * peak).sum() + np.abs(offsets).max()) or 1.0
    # Sums of a deep stream may be so wide that K must be narrower, or the total would not fit.
    fixed = 2.0 ** min(
        MEAN_BITS - 1 - math.ceil(math.log2(largest)),
        WIDTH_MAX - 3 - math.ceil(math.log2(reach)),
        FINEST_MEAN,
    )
    low, high = acc.low * float(area), acc.high * float(area)
    edges = np.sort(np.stack([slopes * low, slopes * high]), axis=0)
    if not gate.per_channel:
        edges = edges.sum(axis=1, keepdims=True)
    least, most = float((edges[0] + offsets).min()), float((edges[1] + offsets).max())
    alphas = np.abs(gate.alpha[:steps])
    # a gate of alpha 0 is as flat anywhere
    flat = FLAT / float(alphas[alphas > 0].min()) if alphas.any() else FLAT
    least, most = max(least, -flat), min(most, flat)
    span = max(float(np.abs(offsets - least).max()), most - least)
    if span * fixed > 2.0**OFFSET_BITS:  # offsets far above the slopes: these lose bits
        fixed = 2.0 ** (OFFSET_BITS - math.ceil(math.log2(span)))
    weights = np.rint(slopes * fixed).astype(np.int64)
    width = max(1, math.ceil((most - least) * fixed))
    shift = max(0, math.ceil(math.log2(width / ENTRIES)))
    entries = max(1, -(-width >> shift))
    centres = least + (np.arange(entries) + 0.5) * (1 << shift) / fixed
    with np.errstate(over="ignore"):  # far beyond what is clipped
        inside = np.clip(gate.alpha[:steps, None] * centres, -700, 700)
    table = np.clip(np.rint((1 << GATE_BITS) / (1 + np.exp(-inside))), 0, (1 << GATE_BITS) - 1)
    offset = np.rint((offsets - least) * fixed).astype(np.int64)
    # what weights and offset are off by, and float64 in all of this
    rounded = (np.abs(weights / fixed - slopes) * peak).sum() + 1 / fixed
    mean_error = (1 << shift) / fixed / 2 + float(rounded) + reach * FLOATS
    error = 2.0**-GATE_BITS + float(alphas.max()) / 4 * mean_error + math.exp(-FLAT) + FLOATS
    error = min(error, 1.0)  # no factor is further from another
    return (
        network.Gate(
            weights=weights,
            offset=offset if gate.per_channel else int(offset[0]),
            shift=shift,
            table=table.astype(np.int64),
            per_channel=gate.per_channel,
        ),
        error,
    )


def fold_gates(
    p: trained.Population, currents: list[Affine], accs: list[Interval], area: int, steps: int
) -> list[tuple[network.Gate | None, float]]:
    """Return ``fold_gate`` of every connection; (None, 0) where there is no gate.

    Raises
    ------
        Unsupported: a gate whose sums take more bits than there are; its connection is named.
    """
    gain, gates = Fraction(p.neuron.input_gain), []
    for c, current, acc in zip(p.connections, currents, accs, strict=True):
        try:
            gate = c.gate and fold_gate(c.gate, current, acc, area, steps, gain)
        except Unsupported as error:
            prefix = f"population {p.name!r}, connection from {c.source!r}"
            raise Unsupported(f"{prefix}: {error}") from None
        gates.append(gate or (None, 0.0))
    return gates


def _given(
    gate: trained.Gate, table: trained.Table, current: Affine, acc: Interval, area: int, steps: int
) -> tuple[network.Gate, float]:
    """Return a gate that is a table already, exactly if its numbers are dyadic and fit."""
    worth = [
        Fraction(x) * current.unit * int(f)
        for x, f in zip(table.weights, current.flips, strict=True)
    ]
    offset = [Fraction(x) for x in np.atleast_1d(table.offset)]
    finest = max(x.denominator for x in (*worth, *offset))
    peaks = np.maximum(np.abs(acc.low), np.abs(acc.high)).tolist()
    reach = max(map(abs, offset)) + sum(
        abs(x) * n * area for x, n in zip(worth, peaks, strict=True)
    )
    room = WIDTH_MAX - 2 - math.ceil(max(reach, *map(abs, worth))).bit_length()
    if room < 0:
        bits = WIDTH_MAX - room
        raise Unsupported(
            f"the sums of its gate's table take {bits} bits; {WIDTH_MAX} are the most"
        )
    shift = min(finest.bit_length() - 1, FINEST_TABLE, room)
    grid = 1 << shift
    whole = all((x * grid).denominator == 1 for x in (*worth, *offset))
    factors = table.factors[:steps] * (1 << GATE_BITS)
    entries = np.clip(np.rint(factors), 0, (1 << GATE_BITS) - 1)
    folded = network.Gate(
        weights=[round(x * grid) for x in worth],
        offset=[round(x * grid) for x in offset] if gate.per_channel else round(offset[0] * grid),
        shift=shift,
        table=entries.astype(np.int64),
        per_channel=gate.per_channel,
    )
    error = float(np.abs(entries - factors).max()) / (1 << GATE_BITS)
    if not whole:  # another bin may be met than the trained gate's
        error += float(np.ptp(table.factors[:steps], axis=1).max())
    return folded, error


def why_rounded(gate: trained.Gate) -> str:
    """Return the sentence why no table of integers is this gate, of one that has an error."""
    if gate.table is None and gate.constant is None:
        return "its gate is a table of the sigmoid"
    what = "factors are not all multiples of 1/256 below 1"
    if gate.table is None:
        return f"its gate's constant {what}, and were rounded"
    return f"its gate's table was rounded: its {what}, or its sums too fine"
