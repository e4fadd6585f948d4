"""What ops with weights have in common: one bit (-1 or +1), or signed symmetric integers."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np

from ..intervals import Interval, checked
from ..value import first_odd, frozen
from .op import Op, Shape

#: Integers up to here are exact in float64.
_EXACT = 1 << 53

Self = TypeVar("Self", bound="Weighted")


@dataclass(frozen=True, eq=False, repr=False)
class Weighted(Op):
    """An op whose sums are of weights times source values; ``weights`` and ``bits`` are fields."""

    @abstractmethod
    def weigh(self, weights: np.ndarray, source: np.ndarray) -> np.ndarray:
        """Return acc of weights of the source's own type."""

    @abstractmethod
    def channels(self, shape: Shape) -> tuple[int, int]:
        """Return the source channels of one output, and the number of channel groups."""

    @property
    def fan_in(self) -> int:
        """Source values that one output is made of, padding included."""
        return int(self.weights[0].size)

    @property
    def weight_bits(self) -> int:
        """Bits of all weights together."""
        return self.weights.size * self.bits

    def apply(self, source: np.ndarray) -> np.ndarray:
        """Return acc.

        Integers are summed by float64 matrix products where every partial sum lies below 2**53:
        such sums are exact in any order, and ten times faster than numpy's own for integers.
        """
        if source.dtype.kind == "f":
            return self.weigh(self.weights.astype(source.dtype), source)
        weights = self.weights.astype(np.int64)
        peak = int(np.abs(weights).reshape(len(weights), -1).sum(axis=1).max())
        peak *= int(max(source.max(initial=0), -source.min(initial=0)))
        if peak >= _EXACT:
            return self.weigh(weights.astype(source.dtype), source)
        wide = self.weigh(self.weights.astype(np.float64), source.astype(np.float64))
        return wide.astype(np.int64)

    def interval(self, source: Interval, shape: Shape) -> Interval:
        """Return what acc can be; see Op."""
        low, high = source.low, source.high
        positive, negative = self._halves(shape)
        if (low == low[0]).all() and (high == high[0]).all():
            lows: Any = int(low[0])
            highs: Any = int(high[0])
            positive = positive.sum(axis=1, keepdims=True)
            negative = negative.sum(axis=1, keepdims=True)
        else:
            groups = self.channels(shape)[1]
            each = len(positive) // groups
            lows, highs = (
                np.repeat(x.astype(object).reshape(groups, -1), each, axis=0) for x in (low, high)
            )
        positive, negative = positive.astype(object), negative.astype(object)
        return checked(
            (positive * lows - negative * highs).sum(axis=1),
            (positive * highs - negative * lows).sum(axis=1),
            "acc",
        )

    def _halves(self, shape: Shape) -> tuple[np.ndarray, np.ndarray]:
        """Return the sums of positive and of negated negative weights, (out, source channels)."""
        weights = self.weights.reshape(len(self.weights), self.channels(shape)[0], -1)
        positive = np.where(weights > 0, weights, 0).sum(axis=2, dtype=np.int64)
        return positive, positive - weights.sum(axis=2, dtype=np.int64)

    def flipped(self: Self, sign: np.ndarray) -> tuple[Self, np.ndarray]:
        """Take signs into the weights: none is left."""
        flips = sign.astype(np.int8).reshape(-1, *(1 for _ in self.weights.shape[1:]))
        return replace(self, weights=self.weights * flips), np.ones_like(sign)

    def flips(self, other: Op) -> np.ndarray:
        """Return -1 for each channel whose weights ``other`` holds with the opposite sign."""
        same = (other.weights == self.weights).reshape(len(self.weights), -1)
        return same.all(axis=1) * 2.0 - 1.0


def checked_weights(value: Any, bits: int, ndim: int, what: str) -> np.ndarray:
    """Check integer weights at the door; int8, read-only.

    Raises
    ------
        TypeError, ValueError: not integers of these bits and axes; one sentence.
    """
    array = np.asarray(value)
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ValueError(f"{what} must be finite; they hold {first_odd(array)}")
    if array.dtype.kind == "f" and (array == np.rint(array)).all():
        pass
    elif array.dtype.kind not in "iu":
        raise TypeError(
            f"{what} must be integers (bipolar() splits real weights), not {array.dtype}"
        )
    if array.ndim != ndim or array.size == 0:
        raise ValueError(f"{what} must have {ndim} axes, none empty, not shape {array.shape}")
    top = (1 << (bits - 1)) - 1
    if bits == 1:
        if not np.isin(array, (-1, 1)).all():
            odd = array[~np.isin(array, (-1, 1))].flat[0]
            raise ValueError(f"{what} must be two-valued, -1 or +1, but hold {odd.item()!r}")
    elif int(array.max()) > top or int(array.min()) < -top:  # abs() wraps at a type's least
        raise ValueError(f"{what} of {bits} bits must lie within +-{top}")
    return frozen(array.astype(np.int8))


def bipolar(weights: np.ndarray, where: str = "weights") -> tuple[np.ndarray, np.ndarray]:
    """Split real, two-valued weights into signs and a scale.

    Args:
        weights: (out, ...) real numbers, each output channel holding only -a and +a, a > 0.
        where: what the weights are called in an error.

    Returns
    -------
        int8 signs of the same shape, and float64 scales a of shape (out,).

    Raises
    ------
        ValueError: a weight is NaN or infinite, or a channel is not {-a, +a}; it is named.
    """
    array = np.asarray(weights)
    if array.dtype.kind not in "iuf" or array.ndim < 2:
        raise TypeError(f"{where} must be real numbers of shape (out, ...), not {array.dtype}")
    if array.size == 0:
        raise ValueError(f"{where} must not be empty, and have shape {array.shape}")
    array = array.astype(np.float64)
    if not np.isfinite(array).all():
        raise ValueError(f"{where} must be finite; they hold {first_odd(array)}")
    flat = np.abs(array.reshape(len(array), -1))
    scale = flat[:, 0]
    odd = np.flatnonzero((flat != scale[:, None]).any(axis=1) | (scale == 0))
    if odd.size:
        channel = int(odd[0])
        values = sorted(set(array[channel].ravel().tolist()))[:4]
        raise ValueError(
            f"{where} must be two-valued {{-a, +a}} in each output channel; "
            f"channel {channel} holds {values}: binarise it first"
        )
    return np.where(array > 0, 1, -1).astype(np.int8), scale
