"""The last way, for what nothing else proves: every number rounded.

``error`` bounds what that does.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from .. import network
from ..budgets import BOUNDED_BITS, CLAMP_BITS, FINEST_BITS, GATE_BITS, STREAM_BITS
from ..certificate.exact import Real
from ..claims import Kind
from ..intervals import Interval
from ..value import WIDTH_MAX
from .affine import Affine
from .context import Context, Folded
from .error import Bounds, bound_of
from .units import as_floats, smallest, unit_next_to

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
        unit: (C,) what the integer 1 of v is worth, float64 numbers.
    """

    connections: tuple[network.Connection, ...]
    numbers: dict[str, list[int]]
    bits: int
    bound: float
    unit: list[Fraction]


def round_numbers(context: Context) -> Folded:
    """Round a population with a threshold; why nothing better was found is said elsewhere."""
    rounded = rounding(context)
    unit = as_floats(rounded.unit, bounded=True)
    return Folded(
        Kind.ROUNDED,
        "",
        None,
        rounded.connections,
        rounded.numbers,
        rounded.bits,
        unit,
        rounded.bound,
    )


def rounding(context: Context, unit: Fraction | None = None) -> Rounded:
    """Round every number of a population.

    Args:
        unit: of all channels alike, for values that are read as numbers, or a power of two
            times that if they would be too wide; else each channel is divided by the largest of
            its scales.
    """
    currents, accs, numbers = context.currents, context.accs, context.numbers
    leak, steps, gates, count = context.leak, context.steps, context.gates, context.channels
    gated = GATE_BITS if context.gated else 0
    sizes = _sizes(currents, numbers)
    if unit is None:
        reach = max(sum(peak_of(acc, i) for acc in accs) for i in range(count)) * steps
        bits = max(0, min(FINEST_BITS, BOUNDED_BITS - int(reach).bit_length() - gated))
    else:  # one for all channels, so the widest of them decides
        bits = 0
        sizes = [max(size, _reach(currents, accs, i)) for i, size in enumerate(sizes)]
        # Sums of connections and timesteps, and v * num, must fit too.
        room = len(currents).bit_length() + steps.bit_length() + leak.q
        most = min(STREAM_BITS, WIDTH_MAX - 2 - room)
        unit *= 1 << max(0, max(sizes) + gated - most - _exponent(unit))
    gains: list[list[int]] = [[] for _ in currents]
    biases: list[list[int]] = [[] for _ in currents]
    integers: dict[str, list[int]] = {name: [] for name in numbers}
    bounds = Bounds(count, floor=(1.0 if leak.q else 0.0) / (1 << gated))
    worths = []
    for i in range(count):
        worth = _worth(currents, i, sizes[i]) if unit is None else unit
        own = min(bits, BOUNDED_BITS - gated - sizes[i] + _exponent(worth)) if unit is None else 0
        scale = Fraction(2) ** own / worth
        worths.append(1 / (scale * (1 << gated)))
        for k, (current, acc) in enumerate(zip(currents, accs, strict=True)):
            slope, offset = current.slope(i) * scale, Real.of(current.b[i]) * scale
            gain, bias = near(slope), near(offset)
            bounds.current(i, slope, offset, gain, bias, peak_of(acc, i))
            bounds.gate(i, slope, offset, peak_of(acc, i), gates[k][1])
            more = 1 << (gated if gates[k][0] is None else 0)
            gains[k].append(int(current.sign[i]) * gain * more)
            biases[k].append(bias * more)
        for name, column in numbers.items():
            x = Real(column[i]) * scale * (1 << gated)
            if name == "threshold":
                low, high = x.fixed(0)
                strict = context.population.neuron.compare == ">"
                integers[name].append(low + 1 if strict else high)
            else:
                integers[name].append(near(x))
                bounds.number(name, i, x, integers[name][-1], 1 << gated)
    connections = tuple(
        network.Connection(c.source, current.op, gain, bias, gate=gate, delay=c.delay)
        for c, current, gain, bias, (gate, _) in zip(
            context.population.connections, currents, gains, biases, gates, strict=True
        )
    )
    worst = bounds.worst(leak, context.acting_leak, steps) * (1 << gated)
    return Rounded(connections, integers, bits + gated, bound_of(worst, worths), worths)


def near(x: Real, bits: int = CLAMP_BITS) -> int:
    """Return the nearest integer, within +-2**bits."""
    low, high = (x * 2).fixed(0)
    return min(max((low + high + 2) // 4, -(1 << bits)), 1 << bits)


def peak_of(acc: Interval, i: int) -> float:
    """Return the largest |acc| of a channel."""
    return float(max(abs(int(acc.low[i])), abs(int(acc.high[i]))))


def _reach(currents: list[Affine], accs: list[Interval], i: int) -> int:
    """Return an e with sum |A * acc| < 2**e."""
    reach = Real()
    for current, acc in zip(currents, accs, strict=True):
        reach += current.slope(i) * max(abs(int(acc.low[i])), abs(int(acc.high[i])))
    return reach.exponent


def _sizes(currents: list[Affine], numbers: dict[str, list[Fraction]]) -> list[int]:
    """Return per channel an e with |x| < 2**e for every bias and every number."""
    return [
        max(
            [Real.of(current.b[i]).exponent for current in currents]
            + [Real(column[i]).exponent for column in numbers.values()]
        )
        for i in range(len(currents[0].a))
    ]


def _exponent(x: Fraction) -> int:
    """Return e with x < 2**e, to within one."""
    return x.numerator.bit_length() - x.denominator.bit_length() + 1


def _worth(currents: list[Affine], i: int, size: int) -> Fraction:
    """Return a float64 next to the largest scale of a channel; without one, 1 or its numbers'.

    Args:
        size: e with |x| < 2**e for every number of the channel.
    """
    slopes = [current.slope(i) for current in currents if current.a[i]]
    if not slopes:
        return max(Fraction(2) ** min(size, 0), smallest()) if size > -NOTHING else Fraction(1)
    top = max(x.exponent for x in slopes)
    return unit_next_to(max(slopes, key=lambda x: x.fixed(64 - top)))
