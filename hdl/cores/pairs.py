"""Weights of 2 to 8 bits against a bit plane of inputs, two inputs at a time.

With s = 2x - 1, which is -1 or +1, two inputs of a word and their weights a and b are a choice of
two numbers and a sign::

    s_a a + s_b b = s_a (s_a = s_b ? a + b : a - b)

So the ROM holds the two numbers in place of the weights, and each bit of the result is a function
of two inputs and of two bits of the ROM: one LUT of four inputs, where gates and an adder would
take three LUTs for each bit of a weight. ``-v`` is ``~v + 1``; the ones, as many as there are pairs
whose first input is 0, are those of all outputs alike, and are counted once. A plane gives::

    sum_i s_i w_i = 2 sum_i x_i w_i - sum_i w_i

Input j of a word is paired with input j + ``pairs``. The two numbers are even or odd together, so
they take 2 ``weight_bits`` + 1 bits; a bit of the ROM more for each pair than the weights.
"""

from __future__ import annotations

import numpy as np
from amaranth.hdl import Cat, Const, Module, Signal, Value, signed

from . import popcount
from .weights import Rows

#: Levels of full adders between two registers: twice those of a popcount, as there are more of them
#: and each register holds more.
LEVELS = 4


def pairs(simd: int) -> int:
    """Return the pairs of a word of so many inputs; an odd one's last has one input."""
    return -(-simd // 2)


def stages(simd: int, weight_bits: int) -> int:
    """Return the registers of a sum over a word: of the pairs, and of their sum."""
    return popcount.registers([pairs(simd)] * (weight_bits + 1), LEVELS)


def row_bits(simd: int, weight_bits: int) -> int:
    """Return the bits of the ROM that hold the weights of an output and a word."""
    return pairs(simd) * (2 * weight_bits + 1)


def fields(weights: np.ndarray, weight_bits: int) -> np.ndarray:
    """Return the bits that stand in the ROM for the weights of words.

    The first ``pairs`` bits are the lowest ones, of all pairs of a word; then come, bit for bit and
    the lowest first, those of ``a + b`` and behind them those of ``a - b``, without their lowest
    one. Both are offset by ``2**weight_bits``, so that none is below 0.

    Args:
        weights: (.., simd) integers, 0 where no input stands.

    Returns
    -------
        (.., row_bits) of 0 and 1.
    """
    half = pairs(weights.shape[-1])
    first, second = weights[..., :half].astype(np.int64), np.zeros_like(weights[..., :half])
    second[..., : weights.shape[-1] - half] = weights[..., half:]
    both = np.stack([first + second, first - second]) + (1 << weight_bits)
    parts = [both[0] & 1]
    for k in range(1, weight_bits + 1):
        parts += [each >> k & 1 for each in both]
    return np.concatenate(parts, axis=-1)


def packed(weights: np.ndarray, rows: Rows, pe: int, weight_bits: int) -> list[int]:
    """Return the rows of a ROM: the ``fields`` of output after output of a tile, for each word.

    Args:
        weights: (out, words * simd) integers by the place of their input, 0 where none stands.
        rows: of the ROM. pe: outputs of a tile.
    """
    full = np.zeros((rows.tiles * pe, weights.shape[1]), np.int64)
    full[: len(weights)] = weights
    cube = full.reshape(rows.tiles, pe, rows.words, -1).transpose(0, 2, 1, 3)
    return rows.joined(fields(cube, weight_bits), 1)


def summed(
    m: Module, x: Value, weights: Value, weight_bits: int, registers: int, name: str
) -> Value:
    """Add the sum of ``+-(a +- b)`` of a word, less what ``ones`` counts, and offset.

    Args:
        x: a plane of a word. weights: as of ``fields``. registers: cycles, at least ``stages``.

    Returns
    -------
        ``sum_i s_i w_i - ones + pairs * 2**weight_bits``, unsigned.
    """
    half = pairs(len(x))
    first = x[:half]
    apart = Signal(half, name=f"{name}_apart")
    m.d.comb += apart.eq(first ^ Cat(x[half:], Const(0, 2 * half - len(x))))
    columns: list[Value] = [weights[:half] ^ ~first]
    for at in range(half, len(weights), 2 * half):
        total, difference = weights[at : at + half], weights[at + half : at + 2 * half]
        columns.append(((total & ~apart) | (difference & apart)) ^ ~first)
    return popcount.added(m, columns, registers, name, LEVELS)


def ones(m: Module, x: Value, weight_bits: int, registers: int, name: str) -> Value:
    """Add what all outputs lack: the pairs whose first input is 0, less the offset; signed."""
    half = pairs(len(x))
    zeros = popcount.added(m, [~x[:half]], registers, name, LEVELS)
    offset = half << weight_bits
    lack = Signal(signed(offset.bit_length() + 1), name=f"{name}_lack")
    m.d.comb += lack.eq(zeros - offset)
    return lack
