"""What an op computes of its source, in numpy: ``acc = op(source)``, integers or floats.

Integers are summed by float64 matrix products where every partial sum lies below 2**53: such
sums are exact in any order, and an order of magnitude faster than numpy's own for integers.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .ops import Conv, Dense, Identity, Op, Pool

#: Integers up to here are exact in float64.
_EXACT = 1 << 53


def apply(op: Op, source: np.ndarray) -> np.ndarray:
    """Return acc.

    Args:
        op: what to compute.
        source: (samples, *shape), int64 or float64.

    Returns
    -------
        (samples, *op.out_shape(shape)) of the same dtype.
    """
    if isinstance(op, Identity):
        return source
    if isinstance(op, Pool):
        return _pool(op, source)
    if source.dtype.kind == "f":
        return _weigh(op, source)
    weights = np.abs(op.weights.astype(np.int64))
    peak = int(weights.reshape(len(weights), -1).sum(axis=1).max())
    peak *= int(max(source.max(initial=0), -source.min(initial=0)))
    if peak >= _EXACT:
        return _weigh(op, source)
    return _weigh(op, source.astype(np.float64)).astype(np.int64)


def _weigh(op: Dense | Conv, source: np.ndarray) -> np.ndarray:
    weights = op.weights.astype(source.dtype)
    if isinstance(op, Dense):
        return source.reshape(len(source), -1) @ weights.T
    out, rows, cols = op.out_shape(source.shape[1:])
    samples, groups = len(source), op.groups
    acc = np.zeros((samples, groups, out // groups, rows * cols), source.dtype)
    kernel = weights.reshape(groups, out // groups, *weights.shape[1:])
    for r, c, part in windows(source, weights.shape[2:], op.stride, op.padding, op.dilation):
        part = part[:, :, :rows, :cols].reshape(samples, groups, -1, rows * cols)
        acc += kernel[:, :, :, r, c] @ part
    return acc.reshape(samples, out, rows, cols)


def _pool(op: Pool, source: np.ndarray) -> np.ndarray:
    _, rows, cols = op.out_shape(source.shape[1:])
    acc = None
    for _, _, part in windows(source, op.kernel, op.stride, op.padding, (1, 1)):
        part = part[:, :, :rows, :cols]
        if acc is None:
            acc = part.copy()
        elif op.kind == "sum":
            acc += part
        else:
            np.maximum(acc, part, out=acc)
    return acc


def windows(
    source: np.ndarray,
    kernel: tuple[int, ...],
    stride: tuple[int, int],
    padding: tuple[int, int],
    dilation: tuple[int, int],
) -> Iterator[tuple[int, int, np.ndarray]]:
    """Yield (row, col, what that place of the kernel sees), zeros around; views, uncropped."""
    wide = np.pad(source, ((0, 0), (0, 0), *((p, p) for p in padding)))
    for r in range(kernel[0]):
        for c in range(kernel[1]):
            top, left = r * dilation[0], c * dilation[1]
            yield r, c, wide[:, :, top :: stride[0], left :: stride[1]]
