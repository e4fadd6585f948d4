"""``acc = op(source)`` for rows of samples, at the speed of popcounts or of products of floats.

One-bit weights over spikes are counted (``kernels``), where numba is there. All other weights are
products of floats, which are exact: a float holds an integer exactly below 2**24 (float32) or 2**53
(float64), and so does every partial sum of a product whose weights' magnitudes, times the source's
largest, add up to less. Where two sums fit one float32, two rows are summed in one product:
``a + 2**s * b`` is taken apart again by rounding, as ``|a| < 2**(s - 1)``.
"""

from __future__ import annotations

import numpy as np

from mapping.ops import Dense, Op
from mapping.ops.op import Shape
from mapping.ops.weighted import Weighted

from . import kernels

#: Up to here every integer is a float32, and a float64.
EXACT_32, EXACT_64 = 1 << 24, 1 << 53


class Accumulate:
    """One op, its weights prepared once.

    Args:
        op: what to compute. shape: of the source. span: its least and largest value.
    """

    def __init__(self, op: Op, shape: Shape, span: tuple[int, int]) -> None:
        self.op, self.shape, self.span = op, tuple(shape), span
        self.out_shape = op.out_shape(self.shape)
        self.peak = EXACT_64  # of magnitudes, partial sums included
        self.shift = 0  # bits between two rows of one product, if they fit
        self.signs = None  # what counts one-bit weights over spikes
        if isinstance(op, Weighted):
            each = np.abs(op.weights.astype(np.int64)).reshape(len(op.weights), -1).sum(axis=1)
            self.peak = int(each.max()) * max(map(abs, span))
            self.float = np.float32 if self.peak < EXACT_32 else np.float64
            dtype = self.float if self.peak < EXACT_64 else np.int64
            self.weights = op.weights.astype(dtype)
            if isinstance(op, Dense):
                self.weights = np.ascontiguousarray(self.weights.T)
                shift = (2 * self.peak).bit_length()
                if self.peak * ((1 << shift) + 1) < EXACT_32:
                    self.shift = shift
                if op.bits == 1 and tuple(span) == (0, 1):
                    self.signs = kernels.load()
                    self.words = np.ascontiguousarray(kernels.pack(op.weights > 0).T)

    def __call__(self, source: np.ndarray) -> np.ndarray:
        """Return acc, (rows, *out_shape): integers, or float32 or float64 that hold integers.

        Args:
            source: (rows, *shape) integers.
        """
        source = source.reshape(len(source), *self.shape)
        if not isinstance(self.op, Weighted):
            return self.op.apply(source.astype(np.int64))
        if isinstance(self.op, Dense):
            return self._dense(source.reshape(len(source), -1))
        return self.op.weigh(self.weights, source.astype(self.weights.dtype))

    def _dense(self, rows: np.ndarray) -> np.ndarray:
        if self.signs is not None:
            out = np.empty((len(rows), *self.out_shape), np.int32)
            self.signs(kernels.pack(rows), self.words, out)
            return out
        if not self.shift or len(rows) < 2:
            return rows.astype(self.weights.dtype) @ self.weights
        half = (len(rows) + 1) // 2
        both = rows[:half].astype(np.float32)
        unit = np.float32(1 << self.shift)
        both[: len(rows) - half] += rows[half:] * unit
        sums = both @ self.weights
        out = np.empty((len(rows), sums.shape[1]), np.float32)
        upper = out[half:]
        np.multiply(sums[: len(upper)], 1 / unit, out=upper)
        np.rint(upper, out=upper)
        out[:half] = sums
        out[: len(upper)] -= upper * unit
        return out
