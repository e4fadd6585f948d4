"""Sums of one-bit weights over spikes, as popcounts of words in numba: six times a matrix product.

Without numba there are none, and products of floats do it. It is compiled before Lava forks
(``load``), so that no child has to.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np

#: (rows, words) of spikes and (words, out) of +1 weights to (rows, out) int32 sums.
Kernel = Callable[[np.ndarray, np.ndarray, np.ndarray], None]


@functools.cache
def load() -> Kernel | None:
    """Return ``signs(spikes, weights, out)``, compiled, or None where numba does not load."""
    try:
        from .popcount import signs
    except ImportError:
        return None
    return signs


def pack(bits: np.ndarray) -> np.ndarray:
    """Return (rows, words) uint64 of (rows, n) zeros and others, zero-padded."""
    packed = np.packbits(bits, axis=1, bitorder="little")
    wide = np.zeros((len(packed), -(-packed.shape[1] // 8) * 8), np.uint8)
    wide[:, : packed.shape[1]] = packed
    return wide.view(np.uint64)
