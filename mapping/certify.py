"""Certified folding of one neuron: integers that fire exactly as the trained neuron does.

The trained neuron, n steps after it was last set to ``start``, fires iff its data part on the
lattice of 2**-q(n-1) reaches a constant c_n; the integer neuron iff the same lattice value
reaches c'_n (contract, section 4). Equal constants, clamped to the reachable range, for every
n <= T are a proof for every input. Everything is divided by A, the worth of one unit of acc.

All numbers here are exact: Fractions, Surds, Python integers.
"""

from __future__ import annotations

import functools
import itertools
import math
from dataclasses import dataclass
from fractions import Fraction

from .exact import Surd, first_reaching
from .value import WIDTH_MAX

#: Fractional bits that are tried above the q(T-1) which the lattice needs.
EXTRA_BITS = 24
_LIMIT = 1 << (WIDTH_MAX - 1)


@dataclass(frozen=True)
class Leak:
    """The dyadic leak num / 2**q."""

    num: int
    q: int

    def sums(self, steps: int) -> list[Fraction]:
        """Return S_n = 1 + tau + ... + tau**(n-1) for n = 1..steps."""
        tau = Fraction(self.num, 1 << self.q)
        return list(itertools.accumulate(tau**n for n in range(steps)))

    def path(self, start: int, bias: int, steps: int) -> list[int]:
        """Return beta_n for n = 1..steps: the integer membrane without data, floors included."""
        beta, out = start, []
        for _ in range(steps):
            beta = ((beta * self.num) >> self.q) + bias
            out.append(beta)
        return out


@dataclass(frozen=True)
class Channel:
    """One trained neuron over one connection, divided by A.

    Attributes
    ----------
        leak: dyadic.
        steps: T.
        theta, bias, starts: threshold, bias and the membranes from which n is counted (v_reset,
            and v_init where it differs), each divided by A.
        strict: fires at > rather than >=.
        low, high: reachable range of acc.
        deaf: A is 0, so that no data arrives and nothing was divided.
    """

    leak: Leak
    steps: int
    theta: Surd
    bias: Surd
    starts: tuple[Surd, ...]
    strict: bool
    low: int
    high: int
    deaf: bool = False

    @functools.cached_property
    def ranges(self) -> list[tuple[int, int]]:
        """Least and largest lattice value for n = 1..T."""
        out = []
        for n, total in enumerate(self.leak.sums(self.steps)):
            weight = int(total * (1 << self.leak.q * n))
            out.append((self.low * weight, self.high * weight))
        return out

    @functools.cached_property
    def constants(self) -> list[list[int]]:
        """Per start, c_n for n = 1..T, clamped to [lo_n, hi_n + 1]."""
        tau = Fraction(self.leak.num, 1 << self.leak.q)
        sums = self.leak.sums(self.steps)
        out = []
        for start in self.starts:
            row = []
            for n, (total, (low, high)) in enumerate(zip(sums, self.ranges, strict=True), 1):
                need = self.theta - self.bias * total - start * tau**n
                if self.deaf:
                    fires = need.sign < (0 if self.strict else 1)
                    row.append(low if fires else high + 1)
                    continue
                c = first_reaching(need * (1 << self.leak.q * (n - 1)), self.strict)
                row.append(min(max(c, low), high + 1))
            out.append(row)
        return out

    @property
    def ignores_data(self) -> bool:
        """Whether no input can change what it does: every constant is clamped."""
        return all(
            c in (low, high + 1)
            for row in self.constants
            for c, (low, high) in zip(row, self.ranges, strict=True)
        )


@dataclass(frozen=True)
class Integers:
    """An integer neuron: ``gain = 2**fraction_bits``, or 0 where data never matters."""

    gain: int
    bias: int
    threshold: int
    starts: tuple[int, ...]


def search(channel: Channel, fraction_bits: int) -> Integers | None:
    """Find integers with F fractional bits that meet every constant, or None.

    The thresholds that work for a bias and starts are an interval; its upper end is taken, so
    that the membrane can equal the threshold.
    """
    scale = 1 << fraction_bits
    if channel.ignores_data:  # no bias at all keeps the membrane narrow, where that will do
        starts = tuple(0 for _ in channel.starts)
        found = _threshold(channel, fraction_bits, 0, starts)
        if found is not None:
            return Integers(scale, 0, found, starts)
        return _search_silent(channel)
    # A bias far beyond the reach of the data may be any other that is far beyond it: where the
    # real one is too wide, smaller ones keep the constants that are not clamped.
    largest = max(x.exponent for x in (channel.bias, *channel.starts))
    reach = max(abs(x) for x in channel.ranges[-1]).bit_length()
    for shrink in range(0, max(1, largest - reach + 1), 4):
        factor = Fraction(scale, 1 << shrink)
        for bias, starts in _candidates(
            channel.bias * factor, [s * factor for s in channel.starts]
        ):
            found = _threshold(channel, fraction_bits, bias, starts)
            if found is not None:
                return Integers(scale, bias, found, starts)
    return None


def _candidates(bias: Surd, starts: list[Surd]) -> list[tuple[int, tuple[int, ...]]]:
    """Return the integers next to the real bias and starts, nearest first."""
    low = math.floor(bias)
    biases = [low, low + 1] if math.ceil(bias) != low else [low]
    biases += [low - 1, biases[-1] + 1]
    floors = [[f, f + 1] if math.ceil(s) != (f := math.floor(s)) else [f] for s in starts]
    return [(b, s) for b in biases for s in itertools.product(*floors)]


def _threshold(
    channel: Channel, fraction_bits: int, bias: int, starts: tuple[int, ...]
) -> int | None:
    above: int | None = None
    upto: int | None = None
    peak = 0
    for start, row in zip(starts, channel.constants, strict=True):
        path = channel.leak.path(start, bias, channel.steps)
        for n, (beta, c, (low, high)) in enumerate(zip(path, row, channel.ranges, strict=True)):
            step = 1 << (fraction_bits - channel.leak.q * n)
            if c > low:
                bound = beta + (c - 1) * step
                above = bound if above is None else max(above, bound)
            if c <= high:
                bound = beta + c * step
                upto = bound if upto is None else min(upto, bound)
            peak = max(peak, abs(beta + low * step), abs(beta + high * step), abs(start))
    if peak * max(1, channel.leak.num) >= _LIMIT:
        return None
    if upto is None:
        return above + 1  # never fires; above exists, since every c is high + 1 > low
    return upto if above is None or above < upto else None


def _search_silent(channel: Channel) -> Integers | None:
    """Find a neuron of gain 0 that fires by its bias alone; its scale is free, so it is small."""
    pattern = [
        [c <= low for c, (low, _) in zip(row, channel.ranges, strict=True)]
        for row in channel.constants
    ]
    exponent = max(x.exponent for x in (channel.theta, channel.bias, *channel.starts))
    quiet = Channel(
        channel.leak, channel.steps, channel.theta, channel.bias, channel.starts, False, 0, 0
    )
    quiet.__dict__["constants"] = [[0 if fires else 1 for fires in row] for row in pattern]
    for bits in range(4, WIDTH_MAX - 2):
        scale = Fraction(2) ** (bits - exponent)
        for bias, starts in _candidates(quiet.bias * scale, [s * scale for s in quiet.starts]):
            found = _threshold(quiet, channel.leak.q * (channel.steps - 1), bias, starts)
            if found is not None:
                return Integers(0, bias, found, starts)
    return None


def integer_constants(
    leak: Leak, fraction_bits: int, threshold: int, bias: int, start: int, steps: int
) -> list[int]:
    """Return c'_n of an integer neuron, n = 1..steps, unclamped (needs F >= q(T-1))."""
    return [
        -((beta - threshold) >> (fraction_bits - leak.q * n))
        for n, beta in enumerate(leak.path(start, bias, steps))
    ]


def least_bits(channel: Channel) -> int | None:
    """Return the fewest fractional bits at which the channel is certified, or None."""
    base = channel.leak.q * (channel.steps - 1)
    for extra in range(EXTRA_BITS + 1):
        if search(channel, base + extra) is not None:
            return base + extra
    return None


def classes_hold(
    leak: Leak, steps: int, fraction_bits: int, real: list[Surd], integer: list[int], start: int
) -> tuple[int, int, int] | None:
    """Check the order of an integrator's classes, pair by pair (contract, section 3).

    Class i beats j > i iff the difference of their lattice values reaches a constant; it must
    be the same for the trained and the integer biases after every number of steps.

    Args:
        real: B_j / A of every class. integer: their integer biases. start: v_init'.

    Returns
    -------
        None if all hold, else (i, j, n) of the first that does not.
    """
    sums = leak.sums(steps)
    paths = [leak.path(start, bias, steps) for bias in integer]
    for n in range(steps):
        lattice = 1 << leak.q * n
        factor = sums[n] * lattice
        shift = fraction_bits - leak.q * n
        for i in range(len(real)):
            for j in range(i + 1, len(real)):
                want = math.ceil((real[j] - real[i]) * factor)
                if -((paths[i][n] - paths[j][n]) >> shift) != want:
                    return i, j, n + 1
    return None
