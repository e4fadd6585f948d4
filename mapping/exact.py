"""Exact numbers of the form ``r + s * sqrt(w)``: all that batch norm makes of a rational.

A float64 square root proves nothing at ties; floor, ceil and sign here are decided in integers
(contract, section 4).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

Rational = Fraction | int


@dataclass(frozen=True)
class Surd:
    """The real number ``r + s * sqrt(w)``, r, s and w rational, w > 0."""

    r: Rational
    s: Rational = 0
    w: Rational = 1

    def __add__(self, other: Surd | Rational) -> Surd:
        if isinstance(other, Surd):
            if other.w != self.w and other.s and self.s:
                raise ValueError("the sum of two different square roots has no such form")
            w = self.w if self.s else other.w
            return Surd(self.r + other.r, self.s + other.s, w)
        return Surd(self.r + other, self.s, self.w)

    def __mul__(self, factor: Rational) -> Surd:
        return Surd(self.r * factor, self.s * factor, self.w)

    def __neg__(self) -> Surd:
        return self * -1

    def __sub__(self, other: Surd | Rational) -> Surd:
        return self + -other

    def __floor__(self) -> int:
        square = self.s * self.s * self.w
        whole = square.numerator // square.denominator
        root = math.isqrt(whole)  # root <= |s| sqrt(w) < root + 1
        if self.s >= 0:
            low = math.floor(self.r + root)
            gap = low + 1 - self.r
            return low + 1 if gap * gap <= square else low  # gap > 0 unless root is exact
        low = math.floor(self.r - root)
        gap = self.r - low
        return low if gap * gap >= square else low - 1

    def __ceil__(self) -> int:
        return -math.floor(-self)

    def __float__(self) -> float:
        scale = Fraction(2) ** (64 - self.exponent)
        return float(Fraction(math.floor(self * scale)) / scale)

    @property
    def exponent(self) -> int:
        """The least e (to within one) with |x| < 2**e, however large or small; 0 for zero."""
        shift = 0
        while shift <= 1 << 13:
            whole = math.floor(self * (1 << shift))
            whole = max(whole, -whole - 1)
            if whole:
                return whole.bit_length() - shift
            shift += 64
        return 0

    @property
    def sign(self) -> int:
        """-1, 0 or 1."""
        if math.floor(self) < 0:
            return -1
        return 1 if math.floor(-self) < 0 else 0


def first_reaching(x: Surd, strict: bool) -> int:
    """Return the smallest integer m with m >= x, or m > x if strict."""
    return math.floor(x) + 1 if strict else math.ceil(x)
