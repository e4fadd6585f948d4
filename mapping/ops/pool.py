"""Pools: the sum or the maximum of each channel's windows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..intervals import Interval, checked
from ..value import choice
from .op import Op, Shape
from .window import Window, covering, pair, places, windows


@dataclass(frozen=True, eq=False, repr=False)
class Pool(Op):
    """Window sum or maximum per channel; the maximum of spikes is their OR.

    Attributes
    ----------
        kernel: (rows, cols). stride: defaults to the kernel. padding: zeros around.
        kind: ``"sum"`` or ``"max"``.
    """

    kernel: tuple[int, int]
    stride: tuple[int, int] | None = None
    padding: tuple[int, int] = (0, 0)
    kind: str = "sum"

    def __post_init__(self) -> None:
        kernel = pair(self.kernel, "kernel of a Pool", 1)
        stride = kernel if self.stride is None else pair(self.stride, "stride of a Pool", 1)
        self.set(
            kernel=kernel,
            stride=stride,
            padding=pair(self.padding, "padding of a Pool", 0),
            kind=choice(self.kind, "kind of a Pool", ("sum", "max")),
        )

    @property
    def linear(self) -> bool:
        """Whether it sums."""
        return self.kind == "sum"

    @property
    def fan_in(self) -> int:
        """Places of a window."""
        return self.kernel[0] * self.kernel[1]

    @property
    def window(self) -> Window:
        """What one output sees."""
        return Window(self.kernel, self.stride, self.padding)

    def groups_of(self, shape: Shape) -> int:
        """Every channel is a group of its own."""
        return shape[0]

    def out_shape(self, shape: Shape) -> Shape:
        """Shape of acc for a source of this shape."""
        if len(shape) != 3:
            raise ValueError(f"Pool needs a source of shape (channels, rows, cols), not {shape}")
        return (shape[0], *places(shape, *self.window))

    def apply(self, source: np.ndarray) -> np.ndarray:
        """Return acc."""
        _, rows, cols = self.out_shape(source.shape[1:])
        acc = None
        for _, _, part in windows(source, *self.window):
            part = part[:, :, :rows, :cols]
            if acc is None:
                acc = part.copy()
            elif self.linear:
                acc += part
            else:
                np.maximum(acc, part, out=acc)
        return acc

    def interval(self, source: Interval, shape: Shape) -> Interval:
        """Return what acc can be; windows may hold zeros of the padding."""
        if any(self.padding):
            source = source.with_zero()
        if not self.linear:
            return source
        low, high = (x.astype(object) * self.fan_in for x in (source.low, source.high))
        return checked(low, high, "acc")

    def fan_out(self, shape: Shape) -> np.ndarray:
        """Each value enters the windows over it; a maximum sums nothing."""
        return covering(shape, *self.window) if self.linear else np.array(0)
