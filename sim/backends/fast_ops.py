"""What the fast backend makes of each kind of op: a function, and its line in KERNELS.

A function packs a connection's weights, once, and returns what computes acc of the source. It is
given the numba kernels, so that this file is read without numba.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from mapping.capabilities import Takes

#: acc (int64, with the neurons of (samples, *out_shape) in this order) of (samples, *shape).
Accumulate = Callable[[np.ndarray], np.ndarray]


class Planes:
    """How the values of a source are cut into bit planes.

    Attributes
    ----------
        bits: planes. worth: (bits,) int64, what a plane counts; a sign's counts negatively.
    """

    def __init__(self, bits: int, signed: bool) -> None:
        self.bits = bits
        self.worth = np.array([1 << b for b in range(bits)], np.int64)
        if signed:
            self.worth[-1] *= -1

    def cut(self, values: np.ndarray) -> np.ndarray:
        """Return the planes of (..., n) integers, (..., bits, words) uint64."""
        if self.bits == 1:
            return pack(values != 0)[..., None, :]
        return np.stack([pack((values >> b) & 1 != 0) for b in range(self.bits)], axis=-2)


def plain(op: Any, planes: Planes, kernels: Any) -> Accumulate:
    """Run any op by its own arithmetic: for kinds that take no time."""
    return lambda source: op.apply(source.astype(np.int64))


def dense(op: Any, planes: Planes, kernels: Any) -> Accumulate:
    """Count bits over the whole source; weights of several bits are a window of one place."""
    if op.bits > 1:
        weights = _grouped(op.weights[:, :, None, None], 1)

        def weighed(source: np.ndarray) -> np.ndarray:
            values = source.reshape(len(source), 1, -1, 1, 1).astype(np.int64)
            out = np.empty((len(source), 1, weights.shape[1], 1, 1), np.int64)
            kernels.weigh(values, weights, (1, 1), (0, 0), (1, 1), out)
            return out

        return weighed
    signs = pack(op.weights > 0)

    def counted(source: np.ndarray) -> np.ndarray:
        out = np.empty((len(source), len(signs)), np.int64)
        kernels.dense(planes.cut(source.reshape(len(source), -1)), planes.worth, signs, out)
        return out

    return counted


def conv(op: Any, planes: Planes, kernels: Any) -> Accumulate:
    """Count bits over windows; weights of several bits are multiplied."""
    window = op.stride, op.padding, op.dilation
    weights = _grouped(op.weights, op.groups)  # (groups, out, in, rows, columns)
    if op.bits == 1:
        weights = pack(np.moveaxis(weights > 0, 2, 4)).reshape(*weights.shape[:2], -1)

    def accumulate(source: np.ndarray) -> np.ndarray:
        channels, *places = op.out_shape(source.shape[1:])
        out = np.empty((len(source), op.groups, channels // op.groups, *places), np.int64)
        maps = source.reshape(len(source), op.groups, -1, *source.shape[2:])
        if op.bits > 1:
            values = np.ascontiguousarray(maps.astype(np.int64))
            kernels.weigh(values, weights, *window, out)
        else:
            words = np.moveaxis(planes.cut(np.moveaxis(maps, 2, 4)), 4, 2)
            words, kernel = np.ascontiguousarray(words), op.weights.shape[2:]
            kernels.conv(words, planes.worth, weights, kernel, *window, out)
        return out

    return accumulate


def pool(op: Any, planes: Planes, kernels: Any) -> Accumulate:
    """Sum windows, or take their maximum."""

    def accumulate(source: np.ndarray) -> np.ndarray:
        channels, *places = op.out_shape(source.shape[1:])
        out = np.empty((len(source) * channels, *places), np.int64)
        maps = source.astype(np.int64).reshape(-1, *source.shape[2:])
        kernels.pool(maps, op.kernel, op.stride, op.padding, op.kind == "max", out)
        return out

    return accumulate


#: Name of an op to its function: all that a new kind needs here.
KERNELS: dict[str, Callable[[Any, Planes, Any], Accumulate]] = {
    "Dense": dense,
    "Conv": conv,
    "Pool": pool,
    "Identity": plain,
}

TAKES = Takes("fast", ops=KERNELS.keys())


def pack(bits: np.ndarray) -> np.ndarray:
    """Return (..., words) uint64 of (..., n) bools, zero-padded, the first bit lowest."""
    n = bits.shape[-1]
    wide = np.zeros((*bits.shape[:-1], -(-n // 64) * 64), np.bool_)
    wide[..., :n] = bits
    return np.packbits(wide, axis=-1, bitorder="little").view("<u8")


def _grouped(weights: np.ndarray, groups: int) -> np.ndarray:
    """Return (groups, out / groups, in, rows, columns) int64."""
    return weights.reshape(groups, -1, *weights.shape[1:]).astype(np.int64)
