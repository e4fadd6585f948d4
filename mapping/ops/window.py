"""Windows over maps: the geometry that convolutions and pools share; zeros around a map."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from ..value import integer

Shape = tuple[int, ...]

Pair = tuple[int, int]


class Window(NamedTuple):
    """A window over rows and columns: output o sees ``o * stride - padding + tap * dilation``."""

    kernel: Pair
    stride: Pair = (1, 1)
    padding: Pair = (0, 0)
    dilation: Pair = (1, 1)


def pair(value: Any, what: str, low: int) -> Pair:
    """Check one integer for both axes, or two."""
    both = value if isinstance(value, (tuple, list)) else (value, value)
    if len(both) != 2:
        raise ValueError(f"{what} must be one integer or two, not {value!r}")
    return integer(both[0], what, low), integer(both[1], what, low)


def places(shape: Shape, kernel: Shape, stride: Pair, padding: Pair, dilation: Pair) -> Shape:
    """Return how many windows fit a source (channels, rows, cols), by rows and columns."""
    sizes = []
    for n, k, s, p, d in zip(shape[1:], kernel, stride, padding, dilation, strict=True):
        size = (n + 2 * p - d * (k - 1) - 1) // s + 1
        if size < 1:
            raise ValueError(f"a {kernel} window does not fit a source of shape {shape}")
        sizes.append(size)
    return tuple(sizes)


def windows(
    source: np.ndarray, kernel: Shape, stride: Pair, padding: Pair, dilation: Pair
) -> Iterator[tuple[int, int, np.ndarray]]:
    """Yield (row, col, what that place of the kernel sees), zeros around; views, uncropped."""
    wide = np.pad(source, ((0, 0), (0, 0), *((p, p) for p in padding)))
    for r in range(kernel[0]):
        for c in range(kernel[1]):
            top, left = r * dilation[0], c * dilation[1]
            yield r, c, wide[:, :, top :: stride[0], left :: stride[1]]


def covering(
    shape: Shape, kernel: Shape, stride: Pair, padding: Pair, dilation: Pair
) -> np.ndarray:
    """Return in how many windows each place of a map lies, (rows, cols) int64."""
    counts = places(shape, kernel, stride, padding, dilation)
    axes = []
    for n, k, s, p, d, count in zip(
        shape[1:], kernel, stride, padding, dilation, counts, strict=True
    ):
        windows = np.zeros(n, np.int64)
        seen = (np.arange(count)[:, None] * s - p + np.arange(k) * d).ravel()
        np.add.at(windows, seen[(seen >= 0) & (seen < n)], 1)
        axes.append(windows)
    return axes[0][:, None] * axes[1]
