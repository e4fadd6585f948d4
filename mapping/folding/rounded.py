"""Fold what is not certified: every number rounded; ``error`` bounds what that does."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from .. import network, trained
from ..certificate.exact import Real
from ..certificate.leak import Leak
from ..intervals import Interval
from ..value import WIDTH_MAX
from .affine import Affine
from .error import Bounds, bound_of
from .gate import GATE_BITS, fold_gates
from .units import smallest, unit_next_to

#: Signed bits that the membrane of a population without a certificate may take.
BOUNDED_BITS = 40
#: Signed bits that a number of a stream may take; a shift then takes off what is too many.
STREAM_BITS = 52
#: No number but zero has an exponent below -NOTHING.
NOTHING = 1 << 16


@dataclass(frozen=True)
class Rounded:
    """Integers of a population: connections, the numbers of its neurons, and the error bound.

    Attributes
    ----------
        connections: with gains, biases and gates. numbers: per name (C,) lists, those asked for.
        bits: F of the finest channel. bound: of |v * unit - u| in units of the trained network,
            given equal inputs and the same spikes so far; u above rest where there is a threshold.
        unit: (C,) what the integer 1 of v is worth; where there is a bound, float64 numbers.
        errors: by how much the gate's factor of each connection may be wrong.
    """

    connections: tuple[network.Connection, ...]
    numbers: dict[str, list[int]]
    bits: int
    bound: float
    unit: list[Fraction]
    errors: tuple[float, ...]


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
    gates = fold_gates(p, lines, accs, area, steps)
    gated = GATE_BITS if any(gate for gate, _ in gates) else 0
    sizes = _sizes(lines, numbers)
    if unit is None:
        reach = max(sum(peak_of(acc, i) for acc in accs) for i in range(count)) * steps
        bits = max(0, min(16, BOUNDED_BITS - int(reach).bit_length() - gated))
    else:  # one for all channels, so the widest of them decides
        bits = 0
        sizes = [max(size, _reach(lines, accs, i)) for i, size in enumerate(sizes)]
        # Sums of connections and timesteps, and v * num, must fit too.
        room = len(lines).bit_length() + steps.bit_length() + leak.q
        most = min(STREAM_BITS, WIDTH_MAX - 2 - room)
        unit *= 1 << max(0, max(sizes) + gated - most - _exponent(unit))
    gains: list[list[int]] = [[] for _ in lines]
    biases: list[list[int]] = [[] for _ in lines]
    found: dict[str, list[int]] = {name: [] for name in numbers}
    bounds = Bounds(count, floor=(1.0 if leak.q else 0.0) / (1 << gated))
    worths = []
    for i in range(count):
        worth = _worth(lines, i, sizes[i]) if unit is None else unit
        own = min(bits, BOUNDED_BITS - gated - sizes[i] + _exponent(worth)) if unit is None else 0
        scale = Fraction(2) ** own / worth
        worths.append(1 / (scale * (1 << gated)))
        for k, (line, acc) in enumerate(zip(lines, accs, strict=True)):
            slope, offset = line.slope(i) * scale, Real.of(line.b[i]) * scale
            gain, bias = near(slope), near(offset)
            bounds.line(i, slope, offset, gain, bias, peak_of(acc, i))
            bounds.gate(i, slope, offset, peak_of(acc, i), gates[k][1])
            more = 1 << (gated if gates[k][0] is None else 0)
            gains[k].append(int(line.sign[i]) * gain * more)
            biases[k].append(bias * more)
        for name, column in numbers.items():
            x = Real(column[i]) * scale * (1 << gated)
            if name == "threshold":
                low, high = x.fixed(0)
                found[name].append(low + 1 if p.neuron.compare == ">" else high)
            else:
                found[name].append(near(x))
                bounds.number(name, i, x, found[name][-1], 1 << gated)
    connections = tuple(
        network.Connection(c.source, line.op, gain, bias, gate=gate, delay=c.delay)
        for c, line, gain, bias, (gate, _) in zip(
            p.connections, lines, gains, biases, gates, strict=True
        )
    )
    worst = bounds.worst(leak, acting_leak(p, steps), steps) * (1 << gated)
    bound = bound_of(worst, worths)
    errors = tuple(error for _, error in gates)
    return Rounded(connections, found, bits + gated, bound, worths, errors)


def acting_leak(p: trained.Population, steps: int) -> float:
    """Return the trained leak; with one timestep it acts on nothing but v_init, which has it."""
    return 1.0 if steps == 1 else p.neuron.leak


def near(x: Real, bits: int = BOUNDED_BITS + 16) -> int:
    """Return the nearest integer, within +-2**bits."""
    low, high = (x * 2).fixed(0)
    return min(max((low + high + 2) // 4, -(1 << bits)), 1 << bits)


def peak_of(acc: Interval, i: int) -> float:
    """Return the largest |acc| of a channel."""
    return float(max(abs(int(acc.low[i])), abs(int(acc.high[i]))))


def _reach(lines: list[Affine], accs: list[Interval], i: int) -> int:
    """Return an e with sum |A * acc| < 2**e."""
    reach = Real()
    for line, acc in zip(lines, accs, strict=True):
        reach += line.slope(i) * max(abs(int(acc.low[i])), abs(int(acc.high[i])))
    return reach.exponent


def _sizes(lines: list[Affine], numbers: dict[str, list[Fraction]]) -> list[int]:
    """Return per channel an e with |x| < 2**e for every bias and every number."""
    return [
        max(
            [Real.of(line.b[i]).exponent for line in lines]
            + [Real(column[i]).exponent for column in numbers.values()]
        )
        for i in range(len(lines[0].a))
    ]


def _exponent(x: Fraction) -> int:
    """Return e with x < 2**e, to within one."""
    return x.numerator.bit_length() - x.denominator.bit_length() + 1


def _worth(lines: list[Affine], i: int, size: int) -> Fraction:
    """Return a float64 next to the largest scale of a channel; without one, 1 or its numbers'.

    Args:
        size: e with |x| < 2**e for every number of the channel.
    """
    slopes = [line.slope(i) for line in lines if line.a[i]]
    if not slopes:
        return max(Fraction(2) ** min(size, 0), smallest()) if size > -NOTHING else Fraction(1)
    top = max(x.exponent for x in slopes)
    return unit_next_to(max(slopes, key=lambda x: x.fixed(64 - top)))
