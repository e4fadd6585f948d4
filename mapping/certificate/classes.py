"""Certificate of a membrane read-out: the integers order every pair of classes as trained.

The classes share one scale and differ by their biases; only differences of these matter.
"""

from __future__ import annotations

import numpy as np

from ..budgets import EXTRA_BITS, SEARCH_STEPS
from ..value import WIDTH_MAX
from .exact import Real
from .lattice import Leak
from .neurons import Undecided, Unfit
from .search import Steps


def class_constants(leak: Leak, steps: int, real: list[Real]) -> list[np.ndarray] | None:
    """Return what decides between the classes of an integrator (contract, section 3).

    Class i beats j > i iff the difference of their lattice values reaches a constant.

    Args:
        real: B_j / A of every class.

    Returns
    -------
        Per number of steps the constants, int64 (classes, classes), of pairs i < j; None if one
        is not decided.
    """
    constants = []
    upper = np.triu(np.ones((len(real), len(real)), bool), 1)
    for n, total in enumerate(leak.sums(steps)):
        scaled = [x * (total * (1 << leak.q * n)) for x in real]
        bits = min(58 - max(x.exponent for x in scaled), 58)
        kind = np.int64 if bits >= 2 else object
        bits = max(bits, 2)
        ends = [x.fixed(bits) for x in scaled]
        low, high = (np.array([pair[k] for pair in ends], kind) for k in (0, 1))
        least = -(-(low[None, :] - high[:, None]) >> bits)
        most = -(-(high[None, :] - low[:, None]) >> bits)
        for i, j in np.argwhere(upper & (least != most)):
            decided = (scaled[j] - scaled[i]).first_reaching(False)
            if decided is None:
                return None
            least[i, j] = decided
        constants.append(np.where(upper, least, 0))
    return constants


def classes_hold(
    leak: Leak, fraction_bits: int, constants: list[np.ndarray], integer: list[int], start: int
) -> tuple[int, int, int] | None:
    """Check that integer biases order an integrator's classes as the constants do.

    Args:
        constants: of ``class_constants``. integer: the biases. start: v_init'.

    Returns
    -------
        None if all hold, else (i, j, n) of the first that does not.
    """
    upper = np.triu(np.ones(constants[0].shape, bool), 1)
    widest = (abs(start) + max(map(abs, integer)) * len(constants)) * max(1, leak.num)
    kind = np.int64 if widest >> (WIDTH_MAX - 2) == 0 else object
    beta, bias = np.full(len(integer), start, kind), np.array(integer, kind)
    for n, want in enumerate(constants):
        beta = ((beta * leak.num) >> leak.q) + bias
        met = -((beta[:, None] - beta[None, :]) >> (fraction_bits - leak.q * n))
        wrong = np.argwhere(upper & (met != want))
        if len(wrong):
            return int(wrong[0][0]), int(wrong[0][1]), n + 1
    return None


def certify_classes(
    leak: Leak, steps: int, real: list[Real], peak: int, limit: int = SEARCH_STEPS
) -> tuple[int, list[int]]:
    """Find the fewest fractional bits, and biases, that keep the order of every pair of classes.

    Args:
        real: B_j / A of every class. peak: largest lattice value of one step.
        limit: steps that the search may take, each of them one pair after one timestep.

    Returns
    -------
        F and the integer biases, none negative.

    Raises
    ------
        Undecided: constants that no precision within reach decides.
        Unfit: no F within reach keeps the order, or what does is too wide.
        Exhausted: it took too many steps.
    """
    constants = class_constants(leak, steps, real)
    if constants is None:
        raise Undecided("its biases differ by sums of square roots that cannot be told apart")
    base, budget = leak.q * (steps - 1), Steps(limit)
    for bits in range(base, base + EXTRA_BITS + 1):
        scale = 1 << bits
        shifted = [((r - real[0]) * scale).fixed(0) for r in real]
        for biases in (
            [(low + high) // 2 for low, high in shifted],
            # rounded down, and class j by j more: a class never passes one before it at a tie
            [low - j for j, (low, _) in enumerate(shifted)],
        ):
            least = min(biases)
            biases = [b - least for b in biases]  # only differences matter: none is negative
            widest = (peak * scale + max(biases) + 1) * steps * max(1, leak.num)  # v * num
            if widest >> (WIDTH_MAX - 2):
                what = (
                    f"with {bits} fractional bits, which its classes need at least, its membranes"
                )
                raise Unfit(f"{what} take {WIDTH_MAX} bits or more")
            budget.take(steps * len(real) ** 2)
            if classes_hold(leak, bits, constants, biases, 0) is None:
                return bits, biases
    raise Unfit(f"none of {base} to {base + EXTRA_BITS} fractional bits keep its classes in order")
