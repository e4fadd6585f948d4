"""Identity: the source itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..intervals import Interval
from .op import Op, Shape
from .window import Window


@dataclass(frozen=True, eq=False, repr=False)
class Identity(Op):
    """``acc`` is the source itself: joins, streams, neurons that read a stream."""

    fan_in = 1
    label = "skip"
    window = Window((1, 1))

    def groups_of(self, shape: Shape) -> int:
        """Every channel is a group of its own."""
        return shape[0]

    def out_shape(self, shape: Shape) -> Shape:
        """Shape of acc for a source of this shape."""
        return shape

    def apply(self, source: np.ndarray) -> np.ndarray:
        """Return the source."""
        return source

    def interval(self, source: Interval, shape: Shape) -> Interval:
        """Return the source's own."""
        return source

    def fan_out(self, shape: Shape) -> np.ndarray:
        """Each value enters one sum."""
        return np.array(1)
