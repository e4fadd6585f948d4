"""Numba kernels of the fast backend: popcounts of bit-packed words."""

from __future__ import annotations

import numba
import numpy as np
from numba import uint64


@numba.njit(uint64(uint64), inline="always", cache=True)
def popcount(x: int) -> int:
    """Return the number of ones of a 64-bit word (LLVM knows the idiom)."""
    x = x - ((x >> uint64(1)) & uint64(0x5555555555555555))
    x = (x & uint64(0x3333333333333333)) + ((x >> uint64(2)) & uint64(0x3333333333333333))
    x = (x + (x >> uint64(4))) & uint64(0x0F0F0F0F0F0F0F0F)
    return (x * uint64(0x0101010101010101)) >> uint64(56)


@numba.njit(parallel=True, nogil=True, cache=True)
def accumulate(planes: np.ndarray, weights: np.ndarray, ones: np.ndarray, out: np.ndarray) -> None:
    """``out = 2 * popcount(x & w) - popcount(x)``, bit planes weighted 1, 2, 4, ..

    planes: (rows, p, words) uint64. weights: (neurons, words) uint64, bit 1 for +1.
    ones: (rows,) int64, the sum of each row's values. out: (rows, neurons) int64.
    """
    rows, bits, words = planes.shape
    for r in numba.prange(rows):
        for o in range(weights.shape[0]):
            total = np.int64(0)
            for b in range(bits):
                part = np.int64(0)
                for w in range(words):
                    part += np.int64(popcount(planes[r, b, w] & weights[o, w]))
                total += part << b
            out[r, o] = 2 * total - ones[r]


@numba.njit(parallel=True, nogil=True, cache=True)
def update(
    drive: np.ndarray, state: np.ndarray, num: int, q: int, threshold: np.ndarray,
    v_reset: np.ndarray, fires: bool, resets: bool, v: np.ndarray, spikes: np.ndarray,
) -> None:  # fmt: skip
    """One timestep of a population: leak, integrate, fire, reset; all (samples, neurons)."""
    for s in numba.prange(drive.shape[0]):
        for n in range(drive.shape[1]):
            value = ((state[s, n] * num) >> q) + drive[s, n]
            v[s, n] = value
            if fires:
                spike = value >= threshold[n]
                spikes[s, n] = spike
                if spike and resets:
                    value = v_reset[n]
            state[s, n] = value
