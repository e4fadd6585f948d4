"""The search for integer neurons that meet every constant of the trained ones.

For F fractional bits and a bias, the thresholds that work are an interval; so F grows from the
q(T-1) that the lattice needs, biases and starts next to the real ones are tried, and the
interval's upper end is taken. A population's channels are searched side by side, with one F.
"""

from __future__ import annotations

import functools
import itertools
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from ..budgets import EXTRA_BITS, LIMIT, SEARCH_STEPS
from ..value import WIDTH_MAX
from .exact import Real
from .neurons import Exhausted, Goal, Integers, Proof, TrainedNeurons, Unfit

#: Steps that an array of constants counts beside those that are in it.
ARRAY = 1 << 12
#: Constants of one block, the channels that are searched side by side.
_BLOCK = 1 << 21


class Steps:
    """What a search may still do, counted, so that it ends alike on every machine.

    A step is one constant compared with what an integer neuron makes of it; each array of them
    counts ``ARRAY`` more.
    """

    def __init__(self, limit: int) -> None:
        self.limit = self.left = limit
        #: What was found for channels that fire by their bias alone, whatever F is.
        self.silent: dict[int, Integers | None] = {}

    def take(self, steps: int) -> None:
        """Count steps.

        Raises
        ------
            Exhausted: there were not so many left.
        """
        self.left -= steps
        if self.left < 0:
            raise Exhausted(f"its search was ended after {self.limit:,} steps")


def certify(neurons: TrainedNeurons, extra: int = EXTRA_BITS, steps: int = SEARCH_STEPS) -> Proof:
    """Find the fewest fractional bits at which every channel meets all its constants.

    Args:
        extra: bits that are tried above those which the lattice needs.
        steps: that the search may take.

    Raises
    ------
        Unfit: at every F some channel meets them with nothing that was tried.
        Undecided: constants that no precision within reach decides.
        Exhausted: it took too many steps.
    """
    budget = Steps(steps)
    each = sum(neurons.values(n).shape[1] for n in range(neurons.steps)) * len(neurons.starts[0])
    size = max(1, _BLOCK // each)
    indices = np.arange(len(neurons))
    blocks = [neurons.part(indices[i : i + size]) for i in range(0, len(neurons), size)]
    goals: list[Goal] = []  # of the first blocks: the others' when they are reached
    base = neurons.leak.q * (neurons.steps - 1)
    tried = range(base, min(base + extra, WIDTH_MAX - 2) + 1)  # the gain itself is 2**bits
    hard: Goal | None = None
    for bits in tried:
        if hard is not None:  # what failed at the last F fails at most others
            _, hard = _solved(hard, bits, budget)
            if hard is not None:
                continue
        integers: list[Integers] = []
        for k, block in enumerate(blocks):
            if k == len(goals):
                goals.append(Goal.of(block))
            solved, hard = _solved(goals[k], bits, budget)
            if hard is not None:
                break
            integers += solved
        else:
            return Proof(bits, integers, goals)
    assert hard is not None
    raise unfit(tried, len(neurons), hard.neurons.number(0))


def unfit(tried: range, channels: int, failed: int) -> Unfit:
    """Say that no F of those that were tried serves every channel."""
    failing = "" if channels == 1 else f" (channel {failed} of {channels} fails at the last)"
    return Unfit(
        f"with none of {tried[0]} to {tried[-1]} fractional bits does every channel meet its "
        f"constants in less than {WIDTH_MAX} bits{failing}"
    )


def _solved(goal: Goal, fraction_bits: int, budget: Steps) -> tuple[list[Integers], Goal | None]:
    """Return the integers of every channel, or none and the channels that have no integers."""
    solved = search(goal, fraction_bits, budget)
    failed = [i for i, integers in enumerate(solved) if integers is None]
    if failed:
        return [], goal.part(np.array(failed))
    return [integers for integers in solved if integers is not None], None


def search(goal: Goal, fraction_bits: int, budget: Steps) -> list[Integers | None]:
    """Find integers with F fractional bits that meet every constant, or None, per channel.

    The thresholds that work for a bias, starts and second gain are an interval; its upper end is
    taken, so that the membrane can equal the threshold.
    """
    scale, neurons = 1 << fraction_bits, goal.neurons
    solved: list[Integers | None] = [None] * len(neurons)
    ignoring = _ignores_data(goal)
    for i in np.flatnonzero(ignoring):  # no bias at all keeps the membrane narrow, if it will do
        channel = goal.part(np.array([i]))
        quiet = _candidates(channel.neurons, scale, Fraction(0))
        solved[i] = _first(channel, fraction_bits, quiet, budget)[0]
        if solved[i] is None and neurons.biased:
            solved[i] = silent(channel, budget)
    again = ~ignoring if neurons.biased else np.ones(len(neurons), bool)
    left = [i for i in range(len(neurons)) if solved[i] is None and again[i]]
    # A bias far beyond the reach of the data may be any other that is far beyond it: where the
    # real one is too wide, smaller ones keep the constants that are not clamped.
    bits: dict[int, int] = {}
    for shrink in range(0, 1 << 12, 4):
        if shrink:
            left = [i for i in left if solved[i] is None and shrink <= _room(neurons, i)]
        if not left:
            break
        fit = [i for i in left if not shrink or bits[i] - shrink <= WIDTH_MAX]
        if not fit:
            continue
        part = goal if len(fit) == len(neurons) else goal.part(np.array(fit))
        tries = _candidates(part.neurons, scale, Fraction(1, 1 << shrink))
        if not shrink:
            bits = dict(zip(fit, map(int.bit_length, tries[0].largest()), strict=True))
        for i, integers in zip(fit, _first(part, fraction_bits, tries, budget), strict=True):
            solved[i] = integers
    return solved


def _room(neurons: TrainedNeurons, i: int) -> int:
    """Return by how many bits a channel's bias exceeds what its data can reach."""
    largest = max(x.exponent for x in (neurons.bias[i], *neurons.starts[i]))
    low, high = (int(edge[i]) for edge in neurons.ranges[-1])
    return largest - max(abs(low), abs(high)).bit_length() + 1


def _ignores_data(goal: Goal) -> np.ndarray:
    """Return which channels no input can change: every constant is clamped."""
    quiet = np.ones(len(goal.neurons), bool)
    for row in goal.constants:
        for c, (low, high) in zip(row, goal.neurons.ranges, strict=True):
            clamped = (c[:, 0] == low) | (c[:, 0] == high + 1)
            quiet &= clamped & (c == c[:, :1]).all(axis=1)
    return quiet


@dataclass(frozen=True)
class _Try:
    """Integers to try, one per channel."""

    bias: list[int]
    starts: list[tuple[int, ...]]
    second: list[int]

    def largest(self) -> list[int]:
        """Return per channel the largest of its bias and starts, without its sign."""
        pairs = zip(self.bias, self.starts, strict=True)
        return [max(map(abs, (bias, *starts))) for bias, starts in pairs]


def _candidates(neurons: TrainedNeurons, scale: int, factor: Fraction) -> list[_Try]:
    """Return the integers next to the real bias, starts and second gain, nearest first."""
    step = 1 << neurons.leak.q * (neurons.steps - 1)

    def floors(x: Real, unit: Fraction) -> tuple[int, bool]:
        low, high = (x * unit).fixed(0)
        return (low, low == high) if high - low <= 1 else ((low + high) // 2, False)

    biases = [floors(b, scale * factor) for b in neurons.bias]
    starts = [[floors(s, scale * factor) for s in channel] for channel in neurons.starts]
    seconds = [(0, True)] * len(neurons)
    if neurons.term is not None and factor:
        seconds = [floors(r, Fraction(scale, step)) for r in neurons.term.ratio]
    tries = []
    inexact_starts = [any(not s[k][1] for s in starts) for k in range(len(starts[0]))]
    second_ups = (0, 1) if any(not exact for _, exact in seconds) else (0,)
    for up in (0, 1, -1, 2) if neurons.biased else (0,):
        for start_ups in itertools.product(*((0, 1) if x else (0,) for x in inexact_starts)):
            for second_up in second_ups:
                tries.append(
                    _Try(
                        [b + up for b, _ in biases],
                        [
                            tuple(
                                s + (0 if exact else start_up)
                                for (s, exact), start_up in zip(channel, start_ups, strict=True)
                            )
                            for channel in starts
                        ],
                        [(g + (0 if exact else second_up)) * step for g, exact in seconds],
                    )
                )
    return tries


def _first(
    goal: Goal, fraction_bits: int, tries: list[_Try], budget: Steps
) -> list[Integers | None]:
    """Return per channel the first of the tries that meets every constant."""
    count = len(goal.neurons)
    solved: list[Integers | None] = [None] * count
    left = np.arange(count)
    for tried in tries:
        part = goal if len(left) == count else goal.part(left)
        here = _Try(
            [tried.bias[i] for i in left],
            [tried.starts[i] for i in left],
            [tried.second[i] for i in left],
        )
        thresholds = _thresholds(part, fraction_bits, here, budget)
        for k, (i, threshold) in enumerate(zip(left, thresholds, strict=True)):
            if threshold is not None:
                solved[i] = Integers(
                    1 << fraction_bits, here.bias[k], threshold, here.starts[k], here.second[k]
                )
        left = np.array([i for i in left if solved[i] is None], int)
        if not len(left):
            break
    return solved


def _thresholds(goal: Goal, fraction_bits: int, tried: _Try, budget: Steps) -> list[int | None]:
    """Return per channel a threshold that meets every constant, or None."""
    neurons = goal.neurons
    leak, size = neurons.leak, len(neurons)
    above = np.full(size, -LIMIT, object)
    upto = np.full(size, LIMIT, object)
    bias, second = np.array(tried.bias, object), np.array(tried.second, object)
    betas = [np.array([s[k] for s in tried.starts], object) for k in range(len(goal.constants))]
    peak = functools.reduce(np.maximum, map(np.abs, betas))
    alive = np.arange(size)
    for n in range(neurons.steps):  # those of few lattice values first: most tries fail there
        step = 1 << (fraction_bits - leak.q * n)
        low, high = (edge[alive] for edge in neurons.ranges[n])
        values = neurons.values(n)
        values = values if len(values) == 1 else values[alive]
        gain = second[alive] >> (leak.q * n)
        edge = np.maximum(np.abs(low), np.abs(high)).astype(object) * step
        data = edge + np.abs(gain) * int(np.abs(values).max())
        for k, row in enumerate(goal.constants):
            betas[k] = ((betas[k] * leak.num) >> leak.q) + bias
            beta = betas[k][alive]
            peak[alive] = np.maximum(peak[alive], np.abs(beta) + data)
            fits = (peak[alive] < LIMIT >> 1) & (np.abs(gain) < LIMIT >> 1)
            c = row[n] if len(alive) == size else row[n][alive]
            budget.take(c.size + ARRAY)
            offset = np.where(fits, gain, 0).astype(np.int64)[:, None] * values
            bound = offset + np.where(fits[:, None], c, 0) * step
            shift = np.where(fits, beta, 0).astype(np.int64)
            over = np.where(c > low[:, None], bound - step, -LIMIT).max(axis=1)
            under = np.where(c <= high[:, None], bound, LIMIT).min(axis=1)
            least = np.where(over > -LIMIT, over + shift, -LIMIT).astype(object)
            most = np.where(under < LIMIT, under + shift, LIMIT).astype(object)
            above[alive] = np.maximum(above[alive], least)
            upto[alive] = np.minimum(upto[alive], most)
        wide = peak[alive] * max(1, leak.num) >= LIMIT >> 1
        alive = alive[~wide & ((above[alive] < upto[alive]) | (upto[alive] == LIMIT))]
        if not len(alive):
            break
    thresholds: list[int | None] = [None] * size
    for i in alive:
        # one that never fires has no upto; above exists, since every c is high + 1 > low
        thresholds[i] = int(above[i]) + 1 if upto[i] == LIMIT else int(upto[i])
    return thresholds


def silent(channel: Goal, budget: Steps) -> Integers | None:
    """Find a neuron of gain 0 that fires by its bias alone; its scale is free, so it is small."""
    number = channel.neurons.number(0)
    if number not in budget.silent:
        budget.silent[number] = _silent(channel, budget)
    return budget.silent[number]


def _silent(channel: Goal, budget: Steps) -> Integers | None:
    neurons = channel.neurons
    exponent = max(x.exponent for x in (neurons.theta[0], neurons.bias[0], *neurons.starts[0]))
    zero = np.zeros(1, np.int64)
    constants = [  # 0: it fires at that step, 1: it does not; nothing else arrives
        [
            np.where(c[:, :1] <= low[:, None], 0, 1)
            for c, (low, _) in zip(row, neurons.ranges, strict=True)
        ]
        for row in channel.constants
    ]
    quiet = Goal(replace(neurons, low=zero, high=zero, term=None), constants)
    for bits in range(4, WIDTH_MAX - 4):
        tries = _candidates(quiet.neurons, 1, Fraction(2) ** (bits - exponent))
        base = neurons.leak.q * (neurons.steps - 1)
        integers = _first(quiet, base, tries, budget)[0]
        if integers is not None:
            return replace(integers, gain=0)
    return None
