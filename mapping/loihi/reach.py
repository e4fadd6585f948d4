"""Which places of a source reach a tile, axis by axis: windows are products of their axes."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from ..ops import Op, Shape


def as_map(shape: Shape) -> tuple[int, int, int]:
    """Return a shape as (channels, rows, cols)."""
    return (*shape, 1, 1)[:3] if len(shape) == 1 else shape  # type: ignore[return-value]


@dataclass(frozen=True)
class Axis:
    """A window along one axis: output o reads source ``o * stride - padding + tap * dilation``."""

    size: int
    out: int
    kernel: int
    stride: int
    padding: int
    dilation: int


@dataclass(frozen=True)
class Seen:
    """What a range of outputs sees of an axis.

    Attributes
    ----------
        sources: (n,) places that reach it, ascending.
        first, last: (n,) first and last output of the range that each reaches, from its start.
        taps: (n,) outputs of the range that each reaches.
        pattern: (n,) the same number where the same taps reach outputs of the range.
    """

    sources: np.ndarray
    first: np.ndarray
    last: np.ndarray
    taps: np.ndarray
    pattern: np.ndarray


@functools.lru_cache(maxsize=1 << 14)
def seen(axis: Axis, start: int, stop: int) -> Seen:
    """Return what outputs start .. stop - 1 see of an axis."""
    outs = np.arange(start, stop)[:, None]
    at = outs * axis.stride - axis.padding + np.arange(axis.kernel) * axis.dilation
    inside = (at >= 0) & (at < axis.size)
    o, t = np.nonzero(inside)
    source = at[o, t]
    sources, where = np.unique(source, return_inverse=True)
    where = where.ravel()
    reached = np.zeros((len(sources), axis.kernel), bool)
    reached[where, t] = True
    first = np.full(len(sources), stop - start)
    last = np.full(len(sources), -1)
    np.minimum.at(first, where, o)
    np.maximum.at(last, where, o)
    pattern = np.zeros(len(sources), np.int64)
    if len(sources):
        pattern = np.unique(reached, axis=0, return_inverse=True)[1].ravel()
    return Seen(sources, first, last, reached.sum(axis=1), pattern)


@dataclass(frozen=True)
class Link:
    """A connection's geometry.

    Attributes
    ----------
        source: (channels, rows, cols) of what it reads. out: of what it makes.
        dense: whether every place reaches every output.
        groups: of channels; outputs of a group read sources of the same group.
        rows, cols: axes of a window; None of a dense link.
        weight_bits: as stored. delay: timesteps.
    """

    source: tuple[int, int, int]
    out: tuple[int, int, int]
    dense: bool
    groups: int
    rows: Axis | None
    cols: Axis | None
    weight_bits: int
    delay: int

    def needs(self, channels: np.ndarray) -> np.ndarray:
        """Return the source channels that reach some output channels, ascending."""
        if self.groups == 1:
            return np.arange(self.source[0])
        each = self.source[0] // self.groups
        groups = np.unique(channels // (self.out[0] // self.groups))
        return (groups[:, None] * each + np.arange(each)).ravel()


def link(op: Op, source: Shape, out: Shape, delay: int) -> Link:
    """Return the geometry of a connection."""
    from_map, to_map = as_map(source), as_map(out)
    bits = stored_bits(op)
    if op.window is None:
        return Link(from_map, to_map, True, 1, None, None, bits, delay)
    rows, cols = (
        Axis(from_map[k + 1], to_map[k + 1], *(int(part[k]) for part in op.window)) for k in (0, 1)
    )
    return Link(from_map, to_map, False, op.groups_of(from_map), rows, cols, bits, delay)


def stored_bits(op: Op) -> int:
    """Return the bits that Loihi stores of a weight: one sign loses the sign, two the lowest bit.

    Of both signs, n bits hold -2**(n-1) .. 2**(n-1) - 1 (times a power of two): -1 and +1 need 2.
    A width that the chip does not have (7) becomes the next one (nengo-loihi, WEIGHT_BITS_MAP).
    """
    weights = getattr(op, "weights", None)
    if weights is None:
        return 1
    low, high = int(weights.min()), int(weights.max())
    most = max(-low, high)
    bits = most.bit_length() + (1 if low < 0 < high else 0)
    return 8 if bits == 7 else max(bits, 1)
