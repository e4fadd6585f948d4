"""Certified folding of neurons: integers that fire exactly as the trained neurons do.

The trained neuron, n steps after it was last set to ``start``, fires iff its data part on the
lattice of 2**-q(n-1) reaches a constant c_n; the integer neuron iff the same lattice value
reaches c'_n (contract, section 4). Equal constants, clamped to the reachable range, for every
n <= T are a proof for every input. Everything is divided by A, the worth of one unit of acc.

Where a second real scale takes part (another branch of a join, or the thresholds that a soft
reset has taken off), its lattice values m are enumerated: c_n(m) must agree for each of them.

All reals here are exact (``mapping.exact``); a population's channels are searched side by side.
"""

from __future__ import annotations

import functools
import itertools
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from .exact import Real, ceilings
from .value import WIDTH_MAX

#: Fractional bits that are tried above the q(T-1) which the lattice needs.
EXTRA_BITS = 24
#: Lattice values of a second scale that are enumerated, all channels and steps together.
ENUMERATED = 1 << 22
_LIMIT = 1 << (WIDTH_MAX - 1)
#: Constants that are held in memory at once.
_BLOCK = 1 << 21


class Undecided(ValueError):
    """A comparison of sums of different roots that no precision within reach decides."""


@dataclass(frozen=True)
class Leak:
    """The dyadic leak num / 2**q."""

    num: int
    q: int

    def sums(self, steps: int) -> list[Fraction]:
        """Return S_n = 1 + tau + ... + tau**(n-1) for n = 1..steps."""
        tau = Fraction(self.num, 1 << self.q)
        return list(itertools.accumulate(tau**n for n in range(steps)))

    def weights(self, steps: int) -> list[int]:
        """Return S_n in units of the lattice, S_n * 2**q(n-1)."""
        return [int(s * (1 << self.q * n)) for n, s in enumerate(self.sums(steps))]

    def path(self, start: int, bias: int, steps: int) -> list[int]:
        """Return beta_n for n = 1..steps: the integer membrane without data, floors included."""
        beta, out = start, []
        for _ in range(steps):
            beta = ((beta * self.num) >> self.q) + bias
            out.append(beta)
        return out


@dataclass(frozen=True)
class Second:
    """A second real scale that takes part in the membranes of a population.

    Attributes
    ----------
        ratio: per channel, its worth in units of the first one.
        values: per step n, the lattice values it can have, int64 (M,) or (channels, M).
    """

    ratio: list[Real]
    values: list[np.ndarray]


@dataclass(frozen=True)
class Neurons:
    """The trained neurons of one population, one per channel, each divided by its A.

    Attributes
    ----------
        leak: dyadic. steps: T.
        theta, bias: threshold and bias per channel.
        starts: per channel, the membranes from which n is counted (v_reset, and v_init where it
            differs).
        strict: fires at > rather than >=.
        low, high: (channels,) int64, the reachable range of acc.
        second: a join's other branch, a soft reset, or a gated bias, or None.
        biased: the integer neuron may have a bias of its own.
        deaf: (channels,) bool: A is 0, no data arrives, and nothing was divided.
    """

    leak: Leak
    steps: int
    theta: list[Real]
    bias: list[Real]
    starts: list[tuple[Real, ...]]
    strict: bool
    low: np.ndarray
    high: np.ndarray
    deaf: np.ndarray
    second: Second | None = None
    biased: bool = True

    def __len__(self) -> int:
        return len(self.theta)

    def part(self, channels: np.ndarray) -> Neurons:
        """Return some of the channels."""
        second = self.second
        if second is not None:
            values = [v if v.ndim == 1 else v[channels] for v in second.values]
            second = Second([second.ratio[i] for i in channels], values)
        some = replace(
            self,
            theta=[self.theta[i] for i in channels],
            bias=[self.bias[i] for i in channels],
            starts=[self.starts[i] for i in channels],
            low=self.low[channels],
            high=self.high[channels],
            deaf=self.deaf[channels],
            second=second,
        )
        if "constants" in self.__dict__:
            some.__dict__["constants"] = [[c[channels] for c in row] for row in self.constants]
        return some

    @functools.cached_property
    def ranges(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Least and largest lattice value per channel for n = 1..T."""
        return [(self.low * w, self.high * w) for w in self.leak.weights(self.steps)]

    def values(self, n: int) -> np.ndarray:
        """Return the lattice values of the second scale after n + 1 steps, (channels or 1, M)."""
        if self.second is None:
            return np.zeros((1, 1), np.int64)
        return np.atleast_2d(self.second.values[n])

    @functools.cached_property
    def constants(self) -> list[list[np.ndarray]]:
        """Per start and step, c_n(m) clamped to [lo_n, hi_n + 1], int64 (channels, M).

        Raises
        ------
            Undecided: see there.
        """
        tau = Fraction(self.leak.num, 1 << self.leak.q)
        sums = self.leak.sums(self.steps)
        alike: dict[object, int] = {}  # channels of the same numbers have the same constants
        first = []
        for i in range(len(self)):
            same = self.second is None or self.second.values[0].ndim == 1
            ratio = None if self.second is None else self.second.ratio[i]
            numbers = (self.theta[i], self.bias[i], self.starts[i], ratio, bool(self.deaf[i]))
            first.append(alike.setdefault((numbers, None if same else i), i))
        table = []
        for k in range(len(self.starts[0])):
            row = []
            for n, total in enumerate(sums):
                low, high = self.ranges[n]
                scale, values = 1 << self.leak.q * n, self.values(n)
                found = np.empty((len(self), values.shape[1]), np.int64)
                for i in range(len(self)):
                    if first[i] != i:
                        found[i] = found[first[i]]
                        continue
                    need = self.theta[i] - self.bias[i] * total
                    need -= self.starts[i][k] * tau ** (n + 1)
                    found[i] = self._reach(i, need * scale, values[i if len(values) > 1 else 0])
                row.append(np.clip(found, low[:, None], high[:, None] + 1))
            table.append(row)
        return table

    def _reach(self, i: int, need: Real, values: np.ndarray) -> np.ndarray:
        ratio = Real() if self.second is None else self.second.ratio[i]
        found = ceilings(need, ratio, values, self.strict)
        if found is None:
            raise Undecided(f"channel {i}: two square roots that cannot be told apart")
        if self.deaf[i]:  # need <= 0, or < 0 if strict: it fires whatever arrives
            return np.where(found <= 0, -_LIMIT, _LIMIT)
        return found


@dataclass(frozen=True)
class Integers:
    """One integer neuron: ``gain = 2**fraction_bits``, or 0 where data never matters.

    ``second`` is the gain of the other branch of a join, or what a soft reset takes off.
    """

    gain: int
    bias: int
    threshold: int
    starts: tuple[int, ...]
    second: int = 0


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
    best: tuple[int, list[Integers | None]] | None = None
    for bits in range(base, base + extra + 1):
        found: list[Integers | None] = []
        for block in blocks:
            found += search(block, bits)
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
    several_starts = [
        any(not exact for one in starts for _, exact in (one[k],)) for k in range(count)
    ]
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
    above = np.full(size, -_LIMIT, object)
    upto = np.full(size, _LIMIT, object)
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
            fits = (peak < _LIMIT >> 1) & (np.abs(gain) < _LIMIT >> 1)
            c = row[n]
            offset = np.where(fits, gain, 0).astype(np.int64)[:, None] * values
            bound = offset + np.where(fits[:, None], c, 0) * step
            shift = np.where(fits, beta, 0).astype(np.int64)
            over = np.where(c > low[:, None], bound - step, -_LIMIT).max(axis=1)
            under = np.where(c <= high[:, None], bound, _LIMIT).min(axis=1)
            above = np.maximum(
                above, np.where(over > -_LIMIT, over + shift, -_LIMIT).astype(object)
            )
            upto = np.minimum(upto, np.where(under < _LIMIT, under + shift, _LIMIT).astype(object))
    found: list[int | None] = []
    for a, u, p in zip(above, upto, peak, strict=True):
        if int(p) * max(1, leak.num) >= _LIMIT >> 1:
            found.append(None)
        elif u == _LIMIT:
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


def integer_constants(
    leak: Leak, fraction_bits: int, threshold: int, bias: int, start: int, steps: int
) -> list[int]:
    """Return c'_n of an integer neuron, n = 1..steps, unclamped (needs F >= q(T-1))."""
    return [
        -((beta - threshold) >> (fraction_bits - leak.q * n))
        for n, beta in enumerate(leak.path(start, bias, steps))
    ]
