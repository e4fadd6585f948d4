"""Numba kernels of the fast backend: popcounts of bit-packed words, windows, neurons."""

from __future__ import annotations

import numba
import numpy as np
from numba import uint64

#: Resets as the kernel knows them.
RESETS = {"none": 0, "zero": 1, "subtract": 2}


@numba.njit(uint64(uint64), inline="always", cache=True)
def popcount(x: int) -> int:
    """Return the number of ones of a 64-bit word (LLVM knows the idiom)."""
    x = x - ((x >> uint64(1)) & uint64(0x5555555555555555))
    x = (x & uint64(0x3333333333333333)) + ((x >> uint64(2)) & uint64(0x3333333333333333))
    x = (x + (x >> uint64(4))) & uint64(0x0F0F0F0F0F0F0F0F)
    return (x * uint64(0x0101010101010101)) >> uint64(56)


@numba.njit(parallel=True, nogil=True, cache=True)
def dense(planes: np.ndarray, worth: np.ndarray, weights: np.ndarray, out: np.ndarray) -> None:
    """``out = sum_b worth_b * (2 * popcount(x_b & w) - popcount(x_b))``.

    planes: (rows, p, words) uint64. worth: (p,) int64, what each plane counts (the sign's counts
    negatively). weights: (neurons, words) uint64, bit 1 for +1. out: (rows, neurons) int64.
    """
    rows, bits, words = planes.shape
    for r in numba.prange(rows):
        ones = np.int64(0)
        for b in range(bits):
            for w in range(words):
                ones += worth[b] * np.int64(popcount(planes[r, b, w]))
        for o in range(weights.shape[0]):
            total = np.int64(0)
            for b in range(bits):
                part = np.int64(0)
                for w in range(words):
                    part += np.int64(popcount(planes[r, b, w] & weights[o, w]))
                total += worth[b] * part
            out[r, o] = 2 * total - ones


@numba.njit(parallel=True, nogil=True, cache=True)
def conv(
    planes: np.ndarray, worth: np.ndarray, weights: np.ndarray, kernel: tuple[int, int],
    stride: tuple[int, int], padding: tuple[int, int], dilation: tuple[int, int], out: np.ndarray,
) -> None:  # fmt: skip
    """Do the same over windows, gathered once for all channels of an output pixel.

    planes: (rows, groups, p, height, width, words). weights: (groups, channels,
    kernel rows * columns * words). out: (rows, groups, channels, height, width) int64.
    """
    rows, groups, bits, height, width, words = planes.shape
    high, wide = out.shape[3], out.shape[4]
    size = kernel[0] * kernel[1] * words
    for job in numba.prange(rows * high):
        n, r = job // high, job % high
        seen = np.empty((bits, size), np.uint64)
        for g in range(groups):
            for c in range(wide):
                ones = np.int64(0)
                for i in range(kernel[0]):
                    y = r * stride[0] + i * dilation[0] - padding[0]
                    for j in range(kernel[1]):
                        x = c * stride[1] + j * dilation[1] - padding[1]
                        at = (i * kernel[1] + j) * words
                        inside = 0 <= y < height and 0 <= x < width
                        for b in range(bits):
                            for w in range(words):
                                word = planes[n, g, b, y, x, w] if inside else uint64(0)
                                seen[b, at + w] = word
                                ones += worth[b] * np.int64(popcount(word))
                for o in range(weights.shape[1]):
                    total = np.int64(0)
                    for b in range(bits):
                        part = np.int64(0)
                        for k in range(size):
                            part += np.int64(popcount(seen[b, k] & weights[g, o, k]))
                        total += worth[b] * part
                    out[n, g, o, r, c] = 2 * total - ones


@numba.njit(parallel=True, nogil=True, cache=True)
def weigh(
    source: np.ndarray, weights: np.ndarray, stride: tuple[int, int], padding: tuple[int, int],
    dilation: tuple[int, int], out: np.ndarray,
) -> None:  # fmt: skip
    """Convolution with weights of several bits.

    source: (rows, groups, channels in, height, width) int64. weights: (groups, channels out,
    channels in, kernel rows, columns) int64. out: (rows, groups, channels out, height, width).
    """
    rows, groups, fan, height, width = source.shape
    high, wide = out.shape[3], out.shape[4]
    for job in numba.prange(rows * high):
        n, r = job // high, job % high
        for g in range(groups):
            for c in range(wide):
                for o in range(weights.shape[1]):
                    total = np.int64(0)
                    for i in range(weights.shape[3]):
                        y = r * stride[0] + i * dilation[0] - padding[0]
                        if y < 0 or y >= height:
                            continue
                        for j in range(weights.shape[4]):
                            x = c * stride[1] + j * dilation[1] - padding[1]
                            if x < 0 or x >= width:
                                continue
                            for k in range(fan):
                                total += weights[g, o, k, i, j] * source[n, g, k, y, x]
                    out[n, g, o, r, c] = total


@numba.njit(parallel=True, nogil=True, cache=True)
def pool(
    source: np.ndarray, kernel: tuple[int, int], stride: tuple[int, int],
    padding: tuple[int, int], largest: bool, out: np.ndarray,
) -> None:  # fmt: skip
    """Window sums, or maxima, with zeros around; source and out (rows, height, width) int64."""
    rows, height, width = source.shape
    for n in numba.prange(rows):
        for r in range(out.shape[1]):
            for c in range(out.shape[2]):
                total = np.int64(0)
                for i in range(kernel[0]):
                    y = r * stride[0] + i - padding[0]
                    for j in range(kernel[1]):
                        x = c * stride[1] + j - padding[1]
                        inside = 0 <= y < height and 0 <= x < width
                        value = source[n, y, x] if inside else np.int64(0)
                        if not largest:
                            total += value
                        elif value > total or i + j == 0:
                            total = value
                out[n, r, c] = total


@numba.njit(parallel=True, nogil=True, cache=True)
def update(
    drive: np.ndarray, state: np.ndarray, num: int, q: int, v: np.ndarray
) -> None:  # fmt: skip
    """Leak and integrate, without a threshold; all (rows, channels, positions) int64."""
    for n in numba.prange(drive.shape[0]):
        for c in range(drive.shape[1]):
            for k in range(drive.shape[2]):
                value = ((state[n, c, k] * num) >> q) + drive[n, c, k]
                v[n, c, k] = value
                state[n, c, k] = value


@numba.njit(parallel=True, nogil=True, cache=True)
def fire(
    drive: np.ndarray, state: np.ndarray, fired: np.ndarray, rest: np.ndarray, num: int, q: int,
    threshold: np.ndarray, reset: int, v_reset: np.ndarray, rho: np.ndarray, most: int,
    refractory: int, now: bool, v: np.ndarray, spikes: np.ndarray,
) -> None:  # fmt: skip
    """Leak, integrate, fire and reset.

    fired: spikes so far; rest: refractory steps left. most: spikes after which a neuron is held.
    now: whether neurons that have not fired yet do so here.
    """
    for n in numba.prange(drive.shape[0]):
        for c in range(drive.shape[1]):
            for k in range(drive.shape[2]):
                if rest[n, c, k] > 0 or fired[n, c, k] >= most:
                    if rest[n, c, k] > 0:
                        rest[n, c, k] -= 1
                    v[n, c, k] = state[n, c, k] = v_reset[c]
                    spikes[n, c, k] = False
                    continue
                value = ((state[n, c, k] * num) >> q) + drive[n, c, k]
                v[n, c, k] = value
                spike = value >= threshold[c] or (now and fired[n, c, k] == 0)
                spikes[n, c, k] = spike
                if spike:
                    fired[n, c, k] += 1
                    rest[n, c, k] = refractory
                    if reset == 1:
                        value = v_reset[c]
                    elif reset == 2:
                        value -= rho[c]
                state[n, c, k] = value
