"""Dense: every output sums every value of the source."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..value import integer
from .op import Shape
from .weighted import Weighted, checked_weights


@dataclass(frozen=True, eq=False, repr=False)
class Dense(Weighted):
    """Fully connected: ``acc = weights @ source.ravel()``.

    Attributes
    ----------
        weights: (out, in) int8; the source is flattened in C order.
        bits: 1 for bipolar weights {-1, +1}, 2 to 8 for signed symmetric integers.
    """

    weights: np.ndarray
    bits: int = 1

    def __post_init__(self) -> None:
        bits = integer(self.bits, "bits of Dense weights", 1, 8)
        weights = checked_weights(self.weights, bits, 2, "weights of a Dense")
        self.set(bits=bits, weights=weights)

    def out_shape(self, shape: Shape) -> Shape:
        """Shape of acc for a source of this shape."""
        if math.prod(shape) != self.weights.shape[1]:
            raise ValueError(
                f"Dense weights of shape {self.weights.shape} need a source of "
                f"{self.weights.shape[1]} values, not {math.prod(shape)} (shape {shape})"
            )
        return (self.weights.shape[0],)

    def weigh(self, weights: np.ndarray, source: np.ndarray) -> np.ndarray:
        """Return acc of weights of the source's own type."""
        return source.reshape(len(source), -1) @ weights.T

    def channels(self, shape: Shape) -> tuple[int, int]:
        """Return the source channels of one output: all of them, in one group."""
        return shape[0], 1

    def fan_out(self, shape: Shape) -> np.ndarray:
        """Every value enters every sum."""
        return np.array(self.weights.shape[0])

    def sign_rows(self, neurons: np.ndarray) -> np.ndarray | None:
        """Return the rows of one-bit weights."""
        return self.weights[neurons] if self.bits == 1 else None
