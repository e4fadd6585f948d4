"""What is asked of an op; one file of this folder answers for each kind."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..intervals import Interval
from ..value import Value
from .window import Shape as Shape
from .window import Window


@dataclass(frozen=True, eq=False, repr=False)
class Op(Value, ABC):
    """What a connection computes of its source, ``acc = op(source)``.

    Channels are axis 0 of a shape, ``(C,)`` or ``(C, rows, cols)``.

    Attributes
    ----------
        name: of its kind, ``"Dense"``: sentences and what a backend takes have it.
        fan_in: source values that one output is made of, padding included.
        linear: whether acc is a sum of source values times constants; a maximum is none.
        weight_bits: of all its weights together, 0 without weights.
        bits: of one weight, 0 without weights.
        label: what a table of layers calls it.
        window: what one output sees of rows and columns, or None where it sees the whole source.
    """

    linear = True
    weight_bits = 0
    bits = 0
    window: ClassVar[Window | None] = None

    def groups_of(self, shape: Shape) -> int:
        """Return into how many groups the channels fall; an output sees those of its own."""
        return 1

    @property
    def name(self) -> str:
        """The name of its kind."""
        return type(self).__name__

    @property
    def label(self) -> str:
        """What a table of layers calls it."""
        return self.name.lower()

    @property
    @abstractmethod
    def fan_in(self) -> int:
        """Source values that one output is made of, padding included."""

    @abstractmethod
    def out_shape(self, shape: Shape) -> Shape:
        """Return the shape of acc for a source of this shape; ValueError if it does not fit."""

    @abstractmethod
    def apply(self, source: np.ndarray) -> np.ndarray:
        """Return acc, (samples, *out_shape), of a source (samples, *shape) int64 or float64."""

    @abstractmethod
    def interval(self, source: Interval, shape: Shape) -> Interval:
        """Return what acc can be, per channel, for a source within an interval, of this shape.

        Raises
        ------
            ValueError: it needs more than WIDTH_MAX bits.
        """

    @abstractmethod
    def fan_out(self, shape: Shape) -> np.ndarray:
        """Return how many sums each value of the source enters; it broadcasts to the shape."""

    def flipped(self, sign: np.ndarray) -> tuple[Op, np.ndarray]:
        """Take signs (-1 or 1 per output channel) into the weights.

        Returns
        -------
            The op, and the signs that are left: all of them where there are no weights.
        """
        return self, sign

    def flips(self, other: Op) -> np.ndarray:
        """Return -1 for each channel whose weights ``other`` holds with the opposite sign, else 1.

        It broadcasts to the channels.
        """
        return np.ones(1)

    def sign_rows(self, neurons: np.ndarray) -> np.ndarray | None:
        """Return the weights of some outputs over the whole source, (neurons, source values).

        Args:
            neurons: flat indices of acc.

        Returns
        -------
            int8, or None where outputs are not sums of every source value with a sign.
        """
        return None
