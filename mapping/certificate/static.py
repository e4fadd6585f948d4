"""Certificate of a population whose drive is the same at every timestep of a sample.

Direct-coded first layers: the whole spike train of a neuron is a function of one integer, its acc.
n steps after it was set to ``start`` it fires iff acc reaches a constant; the integer neuron's
membrane is monotone in acc, so it is enough that it fires at that constant and not one below, for
every n <= T. So any real leak can be exact.
"""

from __future__ import annotations

import itertools
from dataclasses import replace
from fractions import Fraction

from ..budgets import EXTRA_BITS, STATIC_STEPS
from ..value import WIDTH_MAX
from .lattice import Leak
from .neurons import Integers, Proof, TrainedNeurons, Undecided
from .search import Steps, unfit


def breakpoints(neurons: TrainedNeurons, leak: Fraction, i: int) -> list[list[int]]:
    """Return per start, for n = 1..T, the least acc at which channel i fires, clamped.

    Raises
    ------
        Undecided: a comparison that no precision within reach decides.
    """
    low, high = int(neurons.low[i]), int(neurons.high[i])
    rows = []
    for start in neurons.starts[i]:
        row, total = [], Fraction(0)
        for n in range(1, neurons.steps + 1):
            total = total * leak + 1
            need = (neurons.theta[i] - start * leak**n) * (1 / total) - neurons.bias[i]
            least = need.first_reaching(neurons.strict)
            if least is None:
                what = "sums of square roots that cannot be told apart"
                raise Undecided(f"channel {neurons.number(i)} has {what}")
            if neurons.zero_gain[i]:
                least = low if least <= 0 else high + 1
            row.append(min(max(least, low), high + 1))
        rows.append(row)
    return rows


def certify_static(neurons: TrainedNeurons, leak: Fraction, steps: int = STATIC_STEPS) -> Proof:
    """Find the fewest fractional bits at which every channel has its breakpoints.

    Args:
        neurons: with the dyadic leak that the integers use. leak: the trained one.
        steps: that the search may take, each of them one timestep of an integer neuron.

    Returns
    -------
        As ``search.certify`` does, but without constants; and so are the errors.
    """
    wanted = [breakpoints(neurons, leak, i) for i in range(len(neurons))]
    budget, tried, hard = Steps(steps), range(EXTRA_BITS + 1), 0
    for bits in tried:
        solved: dict[int, Integers] = {}
        for i in (hard, *(i for i in range(len(neurons)) if i != hard)):
            integers = _search(neurons, i, wanted[i], bits, budget)
            if integers is None:  # it is tried first at the next F
                hard = i
                break
            solved[i] = integers
        else:
            return Proof(bits, [solved[i] for i in range(len(neurons))], [])
    raise unfit(tried, len(neurons), neurons.number(hard))


def _search(
    neurons: TrainedNeurons, i: int, wanted: list[list[int]], bits: int, budget: Steps
) -> Integers | None:
    scale = 1 << bits
    bias = (neurons.bias[i] * scale).fixed(0)[0]
    starts = [(s * scale).fixed(0)[0] for s in neurons.starts[i]]
    largest = max(abs(bias), *map(abs, starts), 1)
    if largest.bit_length() > WIDTH_MAX - 8 or neurons.zero_gain[i]:
        return None
    span = (int(neurons.low[i]), int(neurons.high[i]))
    for ups in itertools.product((0, 1, -1), *((0, 1) for _ in starts)):
        tried = Integers(
            scale, bias + ups[0], 0, tuple(s + u for s, u in zip(starts, ups[1:], strict=True))
        )
        budget.take(len(starts) * neurons.steps**2)
        threshold = _threshold(neurons.leak, tried, wanted, span)
        if threshold is not None:
            return replace(tried, threshold=threshold)
    return None


def _threshold(
    leak: Leak, tried: Integers, wanted: list[list[int]], span: tuple[int, int]
) -> int | None:
    """Return a threshold between the membranes one below and at every breakpoint, or Ntried."""
    above: int | None = None
    upto: int | None = None
    for start, row in zip(tried.starts, wanted, strict=True):
        for n, least in enumerate(row, 1):
            if least > span[0]:
                v = leak.path(start, tried.gain * (least - 1) + tried.bias, n)[-1]
                above = v if above is None else max(above, v)
            if least <= span[1]:
                v = leak.path(start, tried.gain * least + tried.bias, n)[-1]
                upto = v if upto is None else min(upto, v)
    if upto is None:
        return (above or 0) + 1
    return upto if above is None or above < upto else None
