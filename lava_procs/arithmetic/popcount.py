"""The numba kernel of ``kernels``: importing it compiles it, or reads what was compiled before."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numba import types
from numba.extending import intrinsic


@intrinsic
def popcount(context: Any, word: Any) -> Any:
    """Count the ones of a word, as one instruction."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.uint64(types.uint64), generate


@numba.njit("void(u8[:,::1], u8[:,::1], i4[:,::1])", nogil=True, cache=True)
def signs(spikes: Any, weights: Any, out: Any) -> None:
    """Sum one-bit weights over spikes, ``2 * popcount(x & w) - popcount(x)`` a word.

    Args:
        spikes: (rows, words). weights: (words, out), 1 for +1. out: (rows, out), written.
    """
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
