"""Weights as ROM words: a pure function of the op and its folding."""

from __future__ import annotations

import numpy as np

from mapping import Dense


def counts(op: Dense, pe: int, simd: int) -> tuple[int, int]:
    """Return (groups of ``pe`` outputs, words of ``simd`` inputs) of one pass."""
    out, fan = op.weights.shape
    return -(-out // pe), -(-fan // simd)


def n_neg(op: Dense) -> np.ndarray:
    """Return the number of -1 weights of each output, (out,) int64."""
    return (op.weights < 0).sum(axis=1).astype(np.int64)


def pack(op: Dense, pe: int, simd: int, tail: str = "low") -> list[int]:
    """Return the ROM words of a dense op, group by group, word by word.

    Bit ``lane * simd + j`` of word ``group * words + w`` is the weight (1 for +1) of output
    ``group * pe + lane`` and of input j of word w. Places without a weight hold 1: there x is 0,
    and xnor(0, 1) adds nothing to a popcount.

    Args:
        op: bipolar weights (out, in).
        pe, simd: outputs and inputs per cycle.
        tail: where the inputs of a last, partial word stand: in its "low" or its "high" bits.
    """
    out, fan = op.weights.shape
    groups, words = counts(op, pe, simd)
    bits = np.ones((groups * pe, words * simd), np.uint8)
    bits[:out, : (words - 1) * simd] = op.weights[:, : (words - 1) * simd] > 0
    rest = fan - (words - 1) * simd
    start = (words - 1) * simd + (simd - rest if tail == "high" else 0)
    bits[:out, start : start + rest] = op.weights[:, (words - 1) * simd :] > 0
    cube = bits.reshape(groups, pe, words, simd).transpose(0, 2, 1, 3)
    rows = np.packbits(cube.reshape(groups * words, pe * simd), axis=1, bitorder="little")
    return [int.from_bytes(row.tobytes(), "little") for row in rows]
