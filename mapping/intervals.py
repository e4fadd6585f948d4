"""Intervals of integers, exact, and their bits.

Bounds are inclusive, per channel, and computed in Python's integers, so that what is too wide is
seen and refused. ``mapping.facts`` propagates them through a network.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from .value import WIDTH_MAX, TooWide, frozen

Span = tuple[int, int]
Bounds = tuple[np.ndarray, np.ndarray]


def bits(low: int, high: int) -> int:
    """Return the bits of a signed (two's complement) signal that holds low..high."""
    return (
        max(int(high).bit_length() if high > 0 else 0, (~int(low)).bit_length() if low < 0 else 0)
        + 1
    )


@dataclass(frozen=True)
class Interval:
    """Inclusive bounds per output channel, int64 arrays of shape (C,), low <= high."""

    low: np.ndarray
    high: np.ndarray

    @property
    def span(self) -> Span:
        """The least and the largest value of any channel."""
        return int(self.low.min()), int(self.high.max())

    @property
    def bits(self) -> int:
        """Signed bits that hold every channel."""
        return bits(*self.span)

    def with_zero(self) -> Interval:
        """Return it with 0 joined: before a delayed source arrives, acc is 0."""
        return Interval(np.minimum(self.low, 0), np.maximum(self.high, 0))

    def __repr__(self) -> str:
        return f"<Interval {self}, {len(self.low)} channels>"

    def __str__(self) -> str:
        return f"{self.span[0]} .. {self.span[1]} ({self.bits} bits)"


def planes(out: Interval) -> tuple[int, bool]:
    """Return the bit planes that hold a source's values, and whether the last one is a sign."""
    low, high = out.span
    return (bits(low, high), True) if low < 0 else (max(1, high.bit_length()), False)


def uniform(low: int, high: int, channels: int) -> Interval:
    """Return the same bounds for every channel."""
    return Interval(
        frozen(np.full(channels, low, np.int64)), frozen(np.full(channels, high, np.int64))
    )


def checked(low: np.ndarray, high: np.ndarray, what: str) -> Interval:
    """Make an Interval of exact (object) arrays, or say that it is too wide."""
    limit = 1 << (WIDTH_MAX - 1)
    if min(low) < -limit or max(high) >= limit:
        need = bits(int(min(low)), int(max(high)))
        raise TooWide(f"{what} needs {need} bits; the widest value may have {WIDTH_MAX}")
    return Interval(frozen(low.astype(np.int64)), frozen(high.astype(np.int64)))


def product(a: Bounds, b: Bounds) -> Bounds:
    """Return the bounds of a product, per channel (exact arrays)."""
    corners = [x * y for x in a for y in b]
    return functools.reduce(np.minimum, corners), functools.reduce(np.maximum, corners)
