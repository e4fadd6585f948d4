"""Fold what is not certified: every number rounded, and the error bounded by intervals."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from .. import network, trained
from ..certificate.exact import Real
from ..certificate.leak import Leak
from ..intervals import Interval
from .affine import Affine
from .gate import GATE_BITS, fold_gate

#: Signed bits that the membrane of a population without a certificate may take.
BOUNDED_BITS = 40
#: Signed bits that a number of a stream may take; a shift then takes off what is too many.
STREAM_BITS = 52


@dataclass(frozen=True)
class Rounded:
    """Integers of a population: connections, the numbers of its neurons, and the error bound.

    Attributes
    ----------
        connections: with gains, biases and gates. numbers: per name (C,) lists, those asked for.
        bits: F. bound: of |v - u| in units of the trained network, given equal inputs and the
            same spikes so far. unit: (C,) what 2**bits (times a gate's factor) is worth.
    """

    connections: tuple[network.Connection, ...]
    numbers: dict[str, list[int]]
    bits: int
    bound: float
    unit: np.ndarray


def rounded(
    p: trained.Population,
    lines: list[Affine],
    accs: list[Interval],
    area: int,
    steps: int,
    leak: Leak,
    numbers: dict[str, list[Fraction]],
    unit: Fraction | None = None,
) -> Rounded:
    """Round a population.

    Args:
        lines, accs: per connection. area: positions of a map. leak: the integers' own.
        numbers: threshold, starts and the like per channel, in units of the trained network.
        unit: of all channels alike, for values that are read as numbers, or a power of two
            times that if they would be too wide; else each channel is divided by the largest of
            its scales.
    """
    count = len(lines[0].a)
    gates = [
        fold_gate(c.gate, line, acc, area, steps, Fraction(p.neuron.input_gain))
        if c.gate is not None
        else (None, 0.0)
        for c, line, acc in zip(p.connections, lines, accs, strict=True)
    ]
    gated = GATE_BITS if any(gate for gate, _ in gates) else 0
    reach = max(sum(_peak(acc, i) for acc in accs) for i in range(count)) * steps
    bits = 0 if unit else max(0, min(16, BOUNDED_BITS - int(reach).bit_length() - gated))
    gains: list[list[int]] = [[] for _ in lines]
    biases: list[list[int]] = [[] for _ in lines]
    found: dict[str, list[int]] = {name: [] for name in numbers}
    worths = np.empty(count)
    bound = 0.0
    factor = float(p.neuron.leak)
    series = sum(max(factor, leak.num / (1 << leak.q)) ** n for n in range(steps))
    snapped = abs(factor - leak.num / (1 << leak.q))
    sizes = [
        max(
            [Real.of(line.b[i]).exponent for line in lines]
            + [Real(column[i]).exponent for column in numbers.values()]
        )
        for i in range(count)
    ]
    if unit is not None:  # one for all channels, so the widest of them decides
        unit *= 1 << max(0, max(sizes) + gated - STREAM_BITS - _exponent(float(unit)))
    for i in range(count):
        worth, one = _worth(lines, i, unit)
        own = 0 if unit else min(bits, BOUNDED_BITS - gated - sizes[i] + _exponent(worth))
        scale = Fraction(2) ** own
        error = (1.0 if leak.q else 0.0) / float(scale) / (1 << gated)
        largest = 0.0
        for k, (line, acc) in enumerate(zip(lines, accs, strict=True)):
            more = 1 << (gated if gates[k][0] is None else 0)
            slope = one(Real(Fraction(0), ((line.w[i], line.a[i] / line.w[i]),)))
            gains[k].append(int(line.sign[i]) * near(slope * scale) * more)
            offset = one(Real.of(line.b[i]))
            biases[k].append(near(offset * scale) * more)
            peak = _peak(acc, i)
            error += abs(abs(gains[k][-1]) / more / float(scale) - float(slope)) * peak
            error += abs(biases[k][-1] / more / float(scale) - float(offset))
            current = float(slope) * peak + abs(float(offset))
            error += gates[k][1] * current
            largest += current
        begin = 0.0
        for name, column in numbers.items():
            x = one(Real(column[i])) * scale * (1 << gated)
            low, high = x.fixed(0)
            if name == "threshold":
                found[name].append(low + 1 if p.neuron.compare == ">" else high)
            else:
                found[name].append(near(x))
                begin = max(begin, abs(found[name][-1] - float(x)) / float(scale) / (1 << gated))
        error += snapped * (
            largest * series
            + max((abs(float(one(Real(c[i])))) for c in numbers.values()), default=0.0)
        )
        worths[i] = worth
        bound = max(bound, worth * (error * series + begin))
    connections = tuple(
        network.Connection(c.source, line.op, gain, bias, gate=gate, delay=c.delay)
        for c, line, gain, bias, (gate, _) in zip(
            p.connections, lines, gains, biases, gates, strict=True
        )
    )
    return Rounded(connections, found, bits + gated, bound * (1 + 1e-9), worths)


def near(x: Real) -> int:
    """Return the nearest integer, within BOUNDED_BITS."""
    low, high = (x * 2).fixed(0)
    limit = 1 << (BOUNDED_BITS + 16)
    return min(max((low + high + 2) // 4, -limit), limit)


def _peak(acc: Interval, i: int) -> float:
    return float(max(abs(int(acc.low[i])), abs(int(acc.high[i]))))


def _exponent(x: float) -> int:
    return math.frexp(x)[1]


def _worth(lines: list[Affine], i: int, unit: Fraction | None) -> tuple[float, object]:
    """Return the unit of a channel, and the function that divides by it."""
    if unit is not None:
        return float(unit), lambda x: x * (1 / unit)
    largest = max(lines, key=lambda line: float(line.a[i]) / math.sqrt(line.w[i]))
    a, w = largest.a[i], largest.w[i]
    if not a:
        return 1.0, lambda x: x
    return float(a) / math.sqrt(w), lambda x: x.times_root(w) * (1 / a)
