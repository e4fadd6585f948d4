"""Convolution: every output sums a window of its group's channels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..intervals import Interval
from ..value import integer
from .op import Shape
from .weighted import Weighted, checked_weights
from .window import Window, covering, pair, places, windows


@dataclass(frozen=True, eq=False, repr=False)
class Conv(Weighted):
    """2-D convolution (cross-correlation, as the frameworks compute it); padding is 0.

    Attributes
    ----------
        weights: (out, in / groups, rows, cols) int8.
        stride, padding, dilation: (rows, cols), or one integer for both.
        groups: number of channel groups.
        bits: as of Dense.
    """

    weights: np.ndarray
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1
    bits: int = 1

    def __post_init__(self) -> None:
        bits = integer(self.bits, "bits of Conv weights", 1, 8)
        weights = checked_weights(self.weights, bits, 4, "weights of a Conv")
        groups = integer(self.groups, "groups of a Conv", 1)
        if weights.shape[0] % groups:
            raise ValueError(f"groups of a Conv must divide its {weights.shape[0]} channels")
        self.set(
            bits=bits,
            weights=weights,
            groups=groups,
            stride=pair(self.stride, "stride of a Conv", 1),
            padding=pair(self.padding, "padding of a Conv", 0),
            dilation=pair(self.dilation, "dilation of a Conv", 1),
        )

    @property
    def window(self) -> Window:
        """What one output sees."""
        return Window(self.weights.shape[2:], self.stride, self.padding, self.dilation)

    def groups_of(self, shape: Shape) -> int:
        """Return the number of channel groups."""
        return self.groups

    @property
    def label(self) -> str:
        """What a table of layers calls it."""
        return "conv {}x{}".format(*self.weights.shape[2:])

    def out_shape(self, shape: Shape) -> Shape:
        """Shape of acc for a source of this shape."""
        out, fan = self.weights.shape[:2]
        if len(shape) != 3 or shape[0] != fan * self.groups:
            raise ValueError(f"Conv needs a source of shape ({fan * self.groups}, rows, cols)")
        return (out, *places(shape, *self.window))

    def weigh(self, weights: np.ndarray, source: np.ndarray) -> np.ndarray:
        """Return acc of weights of the source's own type."""
        out, rows, cols = self.out_shape(source.shape[1:])
        samples, groups = len(source), self.groups
        acc = np.zeros((samples, groups, out // groups, rows * cols), source.dtype)
        kernel = weights.reshape(groups, out // groups, *weights.shape[1:])
        for r, c, part in windows(source, *self.window):
            part = part[:, :, :rows, :cols].reshape(samples, groups, -1, rows * cols)
            acc += kernel[:, :, :, r, c] @ part
        return acc.reshape(samples, out, rows, cols)

    def channels(self, shape: Shape) -> tuple[int, int]:
        """Return the source channels of one output, and the number of channel groups."""
        return self.weights.shape[1], self.groups

    def interval(self, source: Interval, shape: Shape) -> Interval:
        """Return what acc can be; windows may hold zeros of the padding."""
        return super().interval(source.with_zero() if any(self.padding) else source, shape)

    def fan_out(self, shape: Shape) -> np.ndarray:
        """Each value enters the windows over it, in every output channel of its group."""
        return self.weights.shape[0] // self.groups * covering(shape, *self.window)
