"""Sums of a matrix-vector unit as numbers: the constant that they lack, and their bits.

``sum_i w_oi x_i = raw_o + constant_o``, with p bits of an input. One-bit weights (contract, section
2; n_neg is the number of -1 weights, N that of all)::

    constant = -(2**p - 1) * n_neg                     unsigned inputs
               n_neg - 2**(p - 1) * N                  inputs in two's complement

The second is the contract's n_neg, added once, for planes that weigh 1, 2, .., -2**(p - 1). The
unit inverts the highest plane instead, and all planes weigh as before: it sums x + 2**(p - 1),
which is never below 0. Weights of more bits (``pairs``), W their sum, which is taken twice and
halved, as its lowest bit is known::

    constant = ((2**p - 1) * W + 1) >> 1               unsigned inputs
               (1 - W) >> 1                            inputs in two's complement
"""

from __future__ import annotations

import numpy as np

from mapping.intervals import bits as signed_bits


def constant(
    weights: np.ndarray, bits: int, weight_bits: int = 1, signed_x: bool = False
) -> np.ndarray:
    """Return what is to be added to each output's sums, (out,) int64.

    Args:
        weights: (out, in), a place in the padding counted as any other. bits: of an input, in two's
            complement where ``signed_x``. weight_bits: of a weight.
    """
    top, fan_in = (1 << bits) - 1, weights.shape[1]
    if weight_bits == 1:
        n_neg = (weights < 0).sum(axis=1, dtype=np.int64)
        return n_neg - (fan_in << bits - 1) if signed_x else -top * n_neg
    total = weights.sum(axis=1, dtype=np.int64)
    return (1 - total) >> 1 if signed_x else (top * total + 1) >> 1


def raw_bits(weights: np.ndarray, bits: int, weight_bits: int = 1, signed_x: bool = False) -> int:
    """Return the bits of the sums for every input there can be; signed but for one-bit weights.

    Partial sums lie within the bits of one-bit weights; of others they may wrap, as only the last
    one is used.

    Args:
        weights, bits, weight_bits, signed_x: as of ``constant``.
    """
    top = (1 << bits) - 1
    if weight_bits == 1:
        return (weights.shape[1] * top).bit_length()
    low = -(1 << bits - 1) if signed_x else 0
    high = low + top
    plus = np.where(weights > 0, weights, 0).sum(axis=1, dtype=np.int64)
    minus = weights.sum(axis=1, dtype=np.int64) - plus
    merged = constant(weights, bits, weight_bits, signed_x)
    least, most = low * plus + high * minus - merged, high * plus + low * minus - merged
    return signed_bits(int(least.min()), int(most.max()))


def most_bits(fan_in: int, bits: int, weight_bits: int = 1) -> int:
    """Return the bits of the sums of any weights of so many bits; else as ``raw_bits``.

    An input lies within ``(2**bits - 1) / 2`` of the middle of its range, whatever its sign, and
    the constant takes the middle away: but for the half that is rounded, each weight counts so
    many times.
    """
    top = (1 << bits) - 1
    if weight_bits == 1:
        return (fan_in * top).bit_length()
    twice = fan_in * top * ((1 << weight_bits - 1) - 1)
    return signed_bits(-((twice + 1) // 2), twice // 2)
