"""Sums of one-bit weights over spikes, as popcounts of words in numba: six times a matrix product.

Without numba there are none, and products of floats do it. It is compiled before Lava forks
(``load``), so that no child has to.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

#: (rows, words) of spikes and (words, out) of +1 weights to (rows, out) int32 sums.
Kernel = Callable[[np.ndarray, np.ndarray, np.ndarray], None]


@functools.cache
def load() -> Kernel | None:
    """Return ``signs(spikes, weights, out)``, compiled, or None where numba does not load."""
    try:
        import numba
    except ImportError:
        return None
    popcount = _popcount()

    @numba.njit("void(u8[:,::1], u8[:,::1], i4[:,::1])", nogil=True)
    def signs(spikes: Any, weights: Any, out: Any) -> None:
        rows, words = spikes.shape
        both = np.empty(weights.shape[1], np.uint64)
        for r in range(rows):
            both[:] = 0
            ones = np.uint64(0)
            for k in range(words):
                word = spikes[r, k]
                ones += popcount(word)
                for o in range(len(both)):  # innermost, over neighbours: it becomes SIMD
                    both[o] += popcount(word & weights[k, o])
            for o in range(len(both)):
                out[r, o] = np.int32(2 * np.int64(both[o]) - np.int64(ones))

    return signs


def _popcount() -> Any:
    from numba import types
    from numba.extending import intrinsic

    @intrinsic
    def popcount(context: Any, word: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.ctpop(arguments[0])

        return types.uint64(types.uint64), generate

    return popcount


def pack(bits: np.ndarray) -> np.ndarray:
    """Return (rows, words) uint64 of (rows, n) zeros and others, zero-padded."""
    packed = np.packbits(bits, axis=1, bitorder="little")
    wide = np.zeros((len(packed), -(-packed.shape[1] // 8) * 8), np.uint8)
    wide[:, : packed.shape[1]] = packed
    return wide.view(np.uint64)
