"""The current of one connection, ``(gate * (gain * acc + bias)) >> shift``, delay included."""

from __future__ import annotations

from collections import deque

import numpy as np

from mapping.ops.op import Shape
from mapping.population import Connection, Gate

from .accumulate import Accumulate


class Current:
    """One connection for rows of samples.

    Args:
        c: the connection, gain and bias one per channel. shape: of its source.
        span: the source's least and largest value.
        held: the source is the same at every timestep of a sample: it is summed once.
        narrow: everything fits 32 bits, proved by whoever says so.
    """

    def __init__(
        self,
        c: Connection,
        shape: Shape,
        span: tuple[int, int],
        held: bool = False,
        narrow: bool = False,
    ) -> None:
        self.c, self.accumulate = c, Accumulate(c.op, shape, span)
        self.dtype = np.int32 if narrow else np.int64
        channels = self.accumulate.out_shape[0]
        self.gain = _wide(c.gain, channels, self.accumulate.out_shape).astype(self.dtype)
        self.bias = _wide(c.bias, channels, self.accumulate.out_shape).astype(self.dtype)
        self.scaled, self.biased = bool((self.gain != 1).any()), bool(self.bias.any())
        self.held = held and c.delay == 0
        self.kept: np.ndarray | None = None
        self.past: deque[np.ndarray] = deque()

    def begin(self) -> None:
        """Begin a sample."""
        self.past.clear()
        self.kept = None

    def now(self, source: np.ndarray, step: int) -> np.ndarray:
        """Return the current of a connection without a delay, (rows, *out_shape).

        Args:
            source: (rows, *shape). step: of the sample.
        """
        if not self.held:
            return self._made(self.accumulate(source), step)
        if self.kept is None:
            self.kept = self.accumulate(source)
        return self._made(self.kept, step)

    def late(self, rows: int, step: int) -> np.ndarray:
        """Return the current of a connection with a delay; its source of now is not needed."""
        if len(self.past) < self.c.delay:  # the sample had not begun
            nothing = np.zeros((rows, *self.accumulate.out_shape), self.dtype)
            return self._made(nothing, step)
        return self._made(self.accumulate(self.past.popleft()), step)

    def keep(self, source: np.ndarray) -> None:
        """Take the source of now, for later."""
        self.past.append(source)

    def _made(self, acc: np.ndarray, step: int) -> np.ndarray:
        acc = acc.astype(self.dtype, copy=False)
        current = self.gain * acc if self.scaled else acc
        if self.biased:
            current = current + self.bias
        if self.c.gate is not None:
            current = current * _factor(self.c.gate, acc, step)
        return current >> self.c.shift if self.c.shift else current


def _wide(values: np.ndarray, channels: int, shape: Shape) -> np.ndarray:
    """Return one number per channel, to broadcast over (rows, channels, ..)."""
    return np.broadcast_to(values, channels).reshape(channels, *(1 for _ in shape[1:]))


def _factor(g: Gate, acc: np.ndarray, step: int) -> np.ndarray:
    """Return the gate's factor, of each row or of each row and channel (contract, section 5)."""
    maps = acc.reshape(*acc.shape[:2], -1).sum(axis=2, dtype=np.int64)
    total = g.weights * maps
    if not g.per_channel:
        total = total.sum(axis=1, keepdims=True)
    index = np.clip((total + g.offset) >> g.shift, 0, g.table.shape[1] - 1)
    factor = g.table[step, index]
    return factor.reshape(*factor.shape, *(1 for _ in acc.shape[2:]))
