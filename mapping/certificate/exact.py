"""Exact numbers of the form ``r + s * sqrt(w)``: all that batch norm makes of a rational.

A float64 square root proves nothing at ties; floor and ceil here are decided in integers
(contract, section 4).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

Rational = Fraction | int


@dataclass(frozen=True)
class Surd:
    """The real number ``r + s * sqrt(w)``, r, s and w rational, w > 0."""

    r: Rational
    s: Rational = 0
    w: Rational = 1

    def __add__(self, other: Rational) -> Surd:
        return Surd(self.r + other, self.s, self.w)

    def __mul__(self, factor: Rational) -> Surd:
        return Surd(self.r * factor, self.s * factor, self.w)

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
        return -math.floor(self * -1)

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


def first_reaching(x: Surd, strict: bool) -> int:
    """Return the smallest integer m with m >= x, or m > x if strict."""
    return math.floor(x) + 1 if strict else math.ceil(x)


@dataclass(frozen=True)
class Real:
    """A rational plus rational multiples of several square roots: what joins of branches make.

    Attributes
    ----------
        r: the rational part. terms: pairs (w, s), each worth ``s * sqrt(w)``.
    """

    r: Fraction = Fraction(0)
    terms: tuple[tuple[Fraction, Fraction], ...] = ()

    @classmethod
    def of(cls, x: Surd | Rational) -> Real:
        """Return any exact number as a Real."""
        if not isinstance(x, Surd):
            return cls(Fraction(x))
        return cls(Fraction(x.r), ((Fraction(x.w), Fraction(x.s)),) if x.s else ())

    def __add__(self, other: Real) -> Real:
        if not self.terms or not other.terms:
            return Real(self.r + other.r, self.terms or other.terms)
        terms = dict(self.terms)
        for w, s in other.terms:
            terms[w] = terms.get(w, Fraction(0)) + s
        return Real(self.r + other.r, tuple((w, s) for w, s in terms.items() if s))

    def __mul__(self, factor: Rational) -> Real:
        if not factor:
            return Real()
        return Real(self.r * factor, tuple((w, s * factor) for w, s in self.terms))

    def __sub__(self, other: Real) -> Real:
        return self + other * -1

    def times_root(self, w: Fraction) -> Real:
        """Return ``self * sqrt(w)``."""
        if w == 1:
            return self
        total = Real(Fraction(0), ((w, self.r),) if self.r else ())
        for other, s in self.terms:
            root = rational_root(other * w)
            total += Real(s * root) if root is not None else Real(Fraction(0), ((other * w, s),))
        return total

    def fixed(self, bits: int) -> tuple[int, int]:
        """Return integers low <= self * 2**bits <= high, as close as one floor per term."""
        scale = Fraction(2) ** bits
        low = high = 0
        whole = self.r * scale
        low, high = math.floor(whole), math.ceil(whole)
        for w, s in self.terms:
            square = s * s * w * scale * scale
            root = math.isqrt(square.numerator // square.denominator)
            if s > 0:
                low, high = low + root, high + root + 1
            else:
                low, high = low - root - 1, high - root
        return low, high

    def first_reaching(self, strict: bool) -> int | None:
        """Return the smallest integer m with m >= self, or m > self; None if it is not decided."""
        alone = self._surd()
        if alone is not None:
            return first_reaching(alone, strict)
        for bits in (64, 256, 1024):
            low, high = ((x >> bits) + 1 if strict else -(-x >> bits) for x in self.fixed(bits))
            if low == high:
                return low
        return None

    def _surd(self) -> Surd | None:
        """Return the same number with at most one root, if its roots are multiples of one."""
        r, s, w = self.r, Fraction(0), Fraction(1)
        for other, factor in self.terms:
            root = rational_root(other)
            if root is not None:
                r += factor * root
                continue
            ratio = rational_root(other / w) if s else Fraction(1)
            if ratio is None:
                return None
            s, w = (s + factor * ratio, w) if s else (factor, other)
        return Surd(r, s, w)

    @property
    def exponent(self) -> int:
        """An e with |x| < 2**e, within a few of the least, unless terms cancel.

        Of zero it is very small.
        """
        sizes = [_exponent(abs(self.r)), *(-(-_exponent(s * s * w) // 2) for w, s in self.terms)]
        return max(sizes) + len(self.terms)

    def __float__(self) -> float:
        """Return a float64 within a unit in its last place, however much the terms cancel."""
        if not self.r and not self.terms:
            return 0.0
        for extra in (64, 256, 1024, 4096):
            bits = extra - self.exponent
            low, high = self.fixed(bits)
            if (high - low) << 60 <= max(abs(low), abs(high)):
                break
        return float(Fraction(low + high, 2) / Fraction(2) ** bits)


def _exponent(x: Fraction) -> int:
    return x.numerator.bit_length() - x.denominator.bit_length() + 1 if x else -(1 << 20)


def rational_root(w: Fraction) -> Fraction | None:
    """Return sqrt(w) if it is rational, else None."""
    up, down = math.isqrt(w.numerator), math.isqrt(w.denominator)
    if up * up == w.numerator and down * down == w.denominator:
        return Fraction(up, down)
    return None


def ceilings(x: Real, r: Real, m: np.ndarray, strict: bool) -> np.ndarray | None:
    """Return the smallest integers that reach ``x - r * m``, exactly.

    Args:
        m: int64, any shape. strict: the smallest above it, rather than at least it.

    Returns
    -------
        int64 like m, values beyond +-2**60 saturated; None if one of them is not decided.
    """
    peak = int(np.abs(m).max(initial=0))
    bits = min(60 - max(x.exponent, r.exponent + peak.bit_length()) - 1, 58)
    top = 1 << 60
    flat = m.ravel()
    reaching = np.empty(flat.shape, np.int64)
    left = np.arange(flat.size)
    # machine words where they do, then Python's integers, in arrays, for what is still open
    for precision, kind in ((bits, np.int64), (64 + peak.bit_length(), object)):
        if not len(left) or precision < 2:
            continue
        low, high = _between(x, r, flat[left].astype(kind), precision, strict)
        clear = low == high
        reaching[left[clear]] = np.clip(low[clear], -top, top).astype(np.int64)
        left = left[~clear]
    for at in left:
        least = (x - r * int(flat[at])).first_reaching(strict)
        if least is None:
            return None
        reaching[at] = min(max(least, -top), top)
    return reaching.reshape(m.shape)


def _between(
    x: Real, r: Real, m: np.ndarray, bits: int, strict: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Return the integers between which the smallest one that reaches ``x - r * m`` lies."""
    (x_lo, x_hi), (r_lo, r_hi) = x.fixed(bits), r.fixed(bits)
    up, down = np.array(r_hi, m.dtype), np.array(r_lo, m.dtype)
    low = x_lo - np.where(m >= 0, up, down) * m
    high = x_hi - np.where(m >= 0, down, up) * m
    if strict:
        return (low >> bits) + 1, (high >> bits) + 1
    return -(-low >> bits), -(-high >> bits)
