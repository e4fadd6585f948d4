"""The search for integer neurons that meet every constant of the trained ones.

For F fractional bits and a bias, the thresholds that work are an interval; so F grows from the
q(T-1) that the lattice needs, biases and starts next to the real ones are tried, and the
interval's upper end is taken. A population's channels are searched side by side, with one F.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from ..value import WIDTH_MAX
from .exact import Real
from .neurons import LIMIT, Integers, Neurons

#: Fractional bits that are tried above the q(T-1) which the lattice needs.
EXTRA_BITS = 24
#: Constants that are held in memory at once.
_BLOCK = 1 << 21


def certify(neurons: Neurons, extra: int = EXTRA_BITS) -> tuple[int, list[Integers | None]]:
    """Find the fewest fractional bits at which every channel meets all its constants.

    Args:
        extra: bits that are tried above those which the lattice needs.

    Returns
    -------
        F and one Integers per channel; None for the channels that meet them at no F, in which
        case the others are those of the F that leaves the fewest of them.

    Raises
    ------
        Undecided: constants that no precision within reach decides.
    """
    each = sum(neurons.values(n).shape[1] for n in range(neurons.steps)) * len(neurons.starts[0])
    size = max(1, _BLOCK // each)
    indices = np.arange(len(neurons))
    blocks = [neurons.part(indices[i : i + size]) for i in range(0, len(neurons), size)]
    base = neurons.leak.q * (neurons.steps - 1)
    tried = range(base, min(base + extra, WIDTH_MAX - 2) + 1)  # the gain itself is 2**bits
    return most_found(tried, lambda bits: [one for b in blocks for one in search(b, bits)])


def most_found(
    tried: range, attempt: Callable[[int], list[Integers | None]]
) -> tuple[int, list[Integers | None]]:
    """Return the first F whose attempt finds every channel, else the one that misses fewest."""
    best: tuple[int, list[Integers | None]] | None = None
    for bits in tried:
        found = attempt(bits)
        missing = sum(one is None for one in found)
        if best is None or missing < sum(one is None for one in best[1]):
            best = bits, found
        if not missing:
            break
    assert best is not None
    return best


def search(neurons: Neurons, fraction_bits: int) -> list[Integers | None]:
    """Find integers with F fractional bits that meet every constant, or None, per channel.

    The thresholds that work for a bias, starts and second gain are an interval; its upper end is
    taken, so that the membrane can equal the threshold.
    """
    scale = 1 << fraction_bits
    found: list[Integers | None] = [None] * len(neurons)
    ignoring = _ignores_data(neurons)
    for i in np.flatnonzero(ignoring):  # no bias at all keeps the membrane narrow, if it will do
        one = neurons.part(np.array([i]))
        quiet = _candidates(one, scale, Fraction(0))
        found[i] = _first(one, fraction_bits, quiet)[0]
        if found[i] is None and neurons.biased:
            found[i] = silent(one)
    again = ~ignoring if neurons.biased else np.ones(len(neurons), bool)
    left = np.array([i for i in range(len(neurons)) if found[i] is None and again[i]], int)
    # A bias far beyond the reach of the data may be any other that is far beyond it: where the
    # real one is too wide, smaller ones keep the constants that are not clamped.
    for shrink in range(0, 1 << 12, 4):
        if shrink:
            left = np.array([i for i in left if shrink <= _room(neurons, i)], int)
        if not len(left):
            break
        part = neurons if len(left) == len(neurons) else neurons.part(left)
        tried = _first(part, fraction_bits, _candidates(part, scale, Fraction(1, 1 << shrink)))
        for i, one in zip(left, tried, strict=True):
            found[i] = one
        left = np.array([i for i in left if found[i] is None], int)
    return found


def _room(neurons: Neurons, i: int) -> int:
    """Return by how many bits a channel's bias exceeds what its data can reach."""
    largest = max(x.exponent for x in (neurons.bias[i], *neurons.starts[i]))
    low, high = (int(edge[i]) for edge in neurons.ranges[-1])
    return largest - max(abs(low), abs(high)).bit_length() + 1


def _ignores_data(neurons: Neurons) -> np.ndarray:
    """Return which channels no input can change: every constant is clamped."""
    quiet = np.ones(len(neurons), bool)
    for row in neurons.constants:
        for c, (low, high) in zip(row, neurons.ranges, strict=True):
            clamped = (c[:, 0] == low) | (c[:, 0] == high + 1)
            quiet &= clamped & (c == c[:, :1]).all(axis=1)
    return quiet


@dataclass(frozen=True)
class _Try:
    """Integers to try, one per channel."""

    bias: list[int]
    starts: list[tuple[int, ...]]
    second: list[int]


def _candidates(neurons: Neurons, scale: int, factor: Fraction) -> list[_Try]:
    """Return the integers next to the real bias, starts and second gain, nearest first."""
    step = 1 << neurons.leak.q * (neurons.steps - 1)

    def floors(x: Real, unit: Fraction) -> tuple[int, bool]:
        low, high = (x * unit).fixed(0)
        return (low, low == high) if high - low <= 1 else ((low + high) // 2, False)

    biases = [floors(b, scale * factor) for b in neurons.bias]
    starts = [[floors(s, scale * factor) for s in one] for one in neurons.starts]
    seconds = [(0, True)] * len(neurons)
    if neurons.second is not None and factor:
        seconds = [floors(r, Fraction(scale, step)) for r in neurons.second.ratio]
    tries = []
    count = len(starts[0])
    several_starts = [any(not one[k][1] for one in starts) for k in range(count)]
    second_steps = (0, 1) if any(not exact for _, exact in seconds) else (0,)
    for up in (0, 1, -1, 2) if neurons.biased else (0,):
        for ends in itertools.product(*((0, 1) if some else (0,) for some in several_starts)):
            for more in second_steps:
                tries.append(
                    _Try(
                        [b + up for b, _ in biases],
                        [
                            tuple(
                                s + (0 if exact else e)
                                for (s, exact), e in zip(one, ends, strict=True)
                            )
                            for one in starts
                        ],
                        [(g + (0 if exact else more)) * step for g, exact in seconds],
                    )
                )
    return tries


def _first(neurons: Neurons, fraction_bits: int, tries: list[_Try]) -> list[Integers | None]:
    """Return per channel the first of the tries that meets every constant."""
    found: list[Integers | None] = [None] * len(neurons)
    left = np.arange(len(neurons))
    for one in tries:
        part = neurons if len(left) == len(neurons) else neurons.part(left)
        here = _Try(
            [one.bias[i] for i in left],
            [one.starts[i] for i in left],
            [one.second[i] for i in left],
        )
        for i, k, threshold in zip(
            left, range(len(left)), _thresholds(part, fraction_bits, here), strict=True
        ):
            if threshold is not None:
                found[i] = Integers(
                    1 << fraction_bits, here.bias[k], threshold, here.starts[k], here.second[k]
                )
        left = np.array([i for i in left if found[i] is None], int)
        if not len(left):
            break
    return found


def _thresholds(neurons: Neurons, fraction_bits: int, tried: _Try) -> list[int | None]:
    """Return per channel a threshold that meets every constant, or None."""
    leak, steps = neurons.leak, neurons.steps
    size = len(neurons)
    above = np.full(size, -LIMIT, object)
    upto = np.full(size, LIMIT, object)
    peak = np.zeros(size, object)
    for k, row in enumerate(neurons.constants):
        beta = np.array([s[k] for s in tried.starts], object)
        peak = np.maximum(peak, np.abs(beta))
        bias, second = np.array(tried.bias, object), np.array(tried.second, object)
        for n in range(steps):
            beta = ((beta * leak.num) >> leak.q) + bias
            step = 1 << (fraction_bits - leak.q * n)
            low, high = neurons.ranges[n]
            gain = second >> (leak.q * n)
            values = neurons.values(n)
            edge = np.maximum(np.abs(low), np.abs(high)).astype(object) * step
            peak = np.maximum(peak, np.abs(beta) + edge + np.abs(gain) * int(np.abs(values).max()))
            fits = (peak < LIMIT >> 1) & (np.abs(gain) < LIMIT >> 1)
            c = row[n]
            offset = np.where(fits, gain, 0).astype(np.int64)[:, None] * values
            bound = offset + np.where(fits[:, None], c, 0) * step
            shift = np.where(fits, beta, 0).astype(np.int64)
            over = np.where(c > low[:, None], bound - step, -LIMIT).max(axis=1)
            under = np.where(c <= high[:, None], bound, LIMIT).min(axis=1)
            above = np.maximum(above, np.where(over > -LIMIT, over + shift, -LIMIT).astype(object))
            upto = np.minimum(upto, np.where(under < LIMIT, under + shift, LIMIT).astype(object))
    found: list[int | None] = []
    for a, u, p in zip(above, upto, peak, strict=True):
        if int(p) * max(1, leak.num) >= LIMIT >> 1:
            found.append(None)
        elif u == LIMIT:
            found.append(int(a) + 1)  # never fires; a exists, since every c is high + 1 > low
        else:
            found.append(int(u) if a < u else None)
    return found


def silent(neurons: Neurons) -> Integers | None:
    """Find a neuron of gain 0 that fires by its bias alone; its scale is free, so it is small."""
    leak, steps = neurons.leak, neurons.steps
    bias, starts = neurons.bias[0], neurons.starts[0]
    exponent = max(x.exponent for x in (neurons.theta[0], bias, *starts))
    low, high = np.zeros(1, np.int64), np.zeros(1, np.int64)
    quiet = replace(neurons, low=low, high=high, second=None)
    quiet.__dict__["constants"] = [
        [
            np.where(c[:, :1] <= lows[:, None], 0, 1)
            for c, (lows, _) in zip(row, neurons.ranges, strict=True)
        ]
        for row in neurons.constants
    ]
    for bits in range(4, WIDTH_MAX - 4):
        tries = _candidates(quiet, 1, Fraction(2) ** (bits - exponent))
        found = _first(quiet, leak.q * (steps - 1), tries)[0]
        if found is not None:
            return replace(found, gain=0)
    return None
