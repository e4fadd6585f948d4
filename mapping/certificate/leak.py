"""The dyadic leak: with it, data moves a membrane on the lattice of multiples of 2**-q(n-1)."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from fractions import Fraction

from ..value import LEAK_BITS_MAX


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


def dyadic(leak: float) -> tuple[Leak, bool]:
    """Return the nearest num / 2**q with q <= LEAK_BITS_MAX, and whether it is the leak itself."""
    exact = Fraction(leak)
    num = math.floor(exact * (1 << LEAK_BITS_MAX) + Fraction(1, 2))
    q = LEAK_BITS_MAX
    while q and num % 2 == 0:
        num, q = num >> 1, q - 1
    return Leak(num, q), Fraction(num, 1 << q) == exact
