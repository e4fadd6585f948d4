"""Every kind of connection as one form: windows over places whose channels lie in words.

A dense layer is a window as large as its source; weights of several bits are planes of one bit,
in two's complement. Only numpy is needed here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from . import fields as f

Pair = tuple[int, int]
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Windowed:
    """What a connection computes of places.

    Attributes
    ----------
        kind: of ``fields``. kernel, stride, padding, dilation: (rows, cols).
        weights: (out, rows, cols, channels of the group) integers, or None. bits: of each.
        groups: of channels.
    """

    kind: int
    kernel: Pair = (1, 1)
    stride: Pair = (1, 1)
    padding: Pair = (0, 0)
    dilation: Pair = (1, 1)
    weights: np.ndarray | None = None
    bits: int = 0
    groups: int = 1


def places(shape: Shape) -> tuple[int, int, int]:
    """Return channels, rows and columns; neurons without a map have one place."""
    channels, rows, cols = shape if len(shape) == 3 else (shape[0], 1, 1)
    return channels, rows, cols


def dense(op: Any, shape: Shape) -> Windowed:
    """Return a window as large as the source."""
    channels, rows, cols = places(shape)
    weights = op.weights.reshape(-1, channels, rows, cols).transpose(0, 2, 3, 1)
    return Windowed(f.COUNT, (rows, cols), weights=weights, bits=op.bits)


def conv(op: Any, shape: Shape) -> Windowed:
    """Return the windows of a convolution."""
    weights = op.weights.transpose(0, 2, 3, 1)
    return Windowed(f.COUNT, *op.window, weights=weights, bits=op.bits, groups=op.groups)


def pool(op: Any, shape: Shape) -> Windowed:
    """Return the windows of a pool."""
    return Windowed(f.SUM if op.linear else f.MAX, *op.window)


def same(op: Any, shape: Shape) -> Windowed:
    """Return the source itself."""
    return Windowed(f.SAME)


def pack(bits: np.ndarray, width: int) -> np.ndarray:
    """Return (..., words) integers of ``width`` bits of (..., n) bools, the first bit lowest."""
    n = bits.shape[-1]
    wide = np.zeros((*bits.shape[:-1], -(-n // width) * width), np.bool_)
    wide[..., :n] = bits
    return np.packbits(wide, axis=-1, bitorder="little").view(f"<i{width // 8}")


def packed(window: Windowed, channels: int, width: int) -> Packed:
    """Pack a window's weights for a source of so many channels.

    Args:
        width: bits of a word.
    """
    assert window.weights is not None
    out, rows, cols, fan = window.weights.shape
    words = -(-channels // width)
    weights, first, span, moves = window.weights, None, words, None
    masks = None
    if window.groups > 1:
        first, span = _group_words(out, fan, window.groups, width)
        weights = np.zeros((out, rows, cols, span * width), np.int16)
        inside = np.zeros((out, span * width), bool)
        for o in range(out):
            at = o // (out // window.groups) * fan - int(first[o // f.GROUP]) * width
            weights[o, :, :, at : at + fan] = window.weights[o]
            inside[o, at : at + fan] = True
        if window.bits == 1:
            masks = np.broadcast_to(inside[:, None, None], (out, rows, cols, span * width))
    elif rows * cols > 1 and -(-rows * cols * fan // width) * 4 <= rows * cols * words * 3:
        moves = _moves(rows, cols, fan, width)
        weights, span = weights.reshape(out, 1, 1, -1), -(-rows * cols * fan // width)
    if window.bits == 1:
        return Packed(_rows(pack(weights > 0, width)), first, span, moves,
                      None if masks is None else _rows(pack(masks, width)), None)  # fmt: skip
    planes = [pack((weights.astype(np.int16) >> k) & 1 != 0, width) for k in range(window.bits)]
    wide = np.zeros((*planes[0].shape, f.GROUP), planes[0].dtype)
    for k, plane in enumerate(planes):
        wide[..., k] = plane
    worth = np.zeros(f.GROUP, np.int64)
    worth[: window.bits] = 1 << np.arange(window.bits)
    worth[window.bits - 1] *= -1
    return Packed(wide.ravel(), first, span, moves, None, worth)


@dataclass(frozen=True)
class Packed:
    """Weights in words.

    Attributes
    ----------
        words: one bit: (blocks of outputs, rows, cols, span, GROUP); several: (outputs, rows,
            cols, span, planes padded to GROUP), flat.
        first: (blocks,) first word of a place that a block's groups lie in; None: 0.
        span: words of a place of the window.
        moves: how windows are gathered (columns of ``fields``), or None where they are read in
            place; then rows and cols are 1.
        masks: which channels are the group's, as ``words``; None: all.
        worth: (GROUP,) what each plane counts, of weights of several bits.
    """

    words: np.ndarray
    first: np.ndarray | None
    span: int
    moves: np.ndarray | None
    masks: np.ndarray | None
    worth: np.ndarray | None


def _rows(words: np.ndarray) -> np.ndarray:
    """Put GROUP outputs beside each other: (out, rows, cols, span) to (.., GROUP), flat."""
    out = len(words)
    wide = np.zeros((-(-out // f.GROUP) * f.GROUP, *words.shape[1:]), words.dtype)
    wide[:out] = words
    return np.moveaxis(wide.reshape(-1, f.GROUP, *words.shape[1:]), 1, -1).ravel()


def _group_words(out: int, fan: int, groups: int, width: int) -> tuple[np.ndarray, int]:
    """Return the first word that each block of outputs reads, and how many the longest reads."""
    block = np.arange(0, out, f.GROUP)
    each = out // groups
    low = block // each * fan // width
    high = ((np.minimum(block + f.GROUP, out) - 1) // each + 1) * fan - 1
    span = int((high // width - low).max()) + 1
    last = -(-groups * fan // width) - span  # never read past the place
    return np.minimum(low, last), span


def _moves(rows: int, cols: int, fan: int, width: int) -> np.ndarray:
    """Return how the bits of a window come to lie one after the other."""
    found = []
    for tap in range(rows * cols):
        channel = 0
        while channel < fan:
            to = tap * fan + channel
            count = min(fan - channel, width - channel % width, width - to % width)
            mask = (1 << count) - 1
            found.append((tap // cols, tap % cols, channel // width, channel % width,
                          mask - (1 << width) if mask >> (width - 1) else mask,
                          to // width, to % width))  # fmt: skip
            channel += count
    return np.array(found, np.int64).reshape(-1, f.MOVE_COLUMNS)
