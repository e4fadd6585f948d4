"""Events of a sensor, and how they become the frames that a network sees, one per timestep.

An event is a time, a place and a sign: at t the light at (x, y) fell (p = 0) or rose (p = 1).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mapping import Input
from mapping.value import Brief

#: Bits of a timestamp: nine years in microseconds. Products of times stay within int64.
TIME_BITS = 48
SPLITS = ("count", "time")


@dataclass(frozen=True, eq=False, repr=False)
class Events(Brief):
    """Events of one recording, in order of time.

    Attributes
    ----------
        t: (n,) int64, never falling; microseconds where a file says so.
        x, y: (n,) integers, column and row from the upper left.
        p: (n,) integers, 0 or 1.
        sensor: rows and columns.
    """

    t: np.ndarray
    x: np.ndarray
    y: np.ndarray
    p: np.ndarray
    sensor: tuple[int, int]

    def __post_init__(self) -> None:
        rows, cols = self.sensor
        limits = {"t": 1 << TIME_BITS, "x": cols, "y": rows, "p": 2}
        for name, limit in limits.items():
            array = getattr(self, name)
            if array.shape != self.t.shape or array.ndim != 1 or array.dtype.kind not in "iu":
                raise ValueError(f"events need as many integers {name} as t")
            if array.size and not (0 <= int(array.min()) and int(array.max()) < limit):
                raise ValueError(f"an event's {name} must lie within 0..{limit - 1}")
        if (self.t[1:] < self.t[:-1]).any():
            raise ValueError("events must be in order of time")

    def __len__(self) -> int:
        return len(self.t)

    def between(self, start: int, end: int) -> Events:
        """Return the events of start <= t < end."""
        cut = slice(*np.searchsorted(self.t, [start, end]))
        return Events(self.t[cut], self.x[cut], self.y[cut], self.p[cut], self.sensor)


@dataclass(frozen=True)
class Framing:
    """How a recording becomes (timesteps, 2, size, size).

    Attributes
    ----------
        timesteps: T.
        size: rows and columns of a frame; pixel (y, x) of the sensor counts in
            (y * size // rows, x * size // cols), so counts add up and none is interpolated.
        bits: 1: whether there was any event; p: how many, at most 2**p - 1.
        split: ``"count"``: frame i holds the events n * i // T .. n * (i + 1) // T - 1, equally
            many but for one; ``"time"``: T equal spans from the first event to the last.
    """

    timesteps: int
    size: int
    bits: int = 1
    split: str = "count"

    def __post_init__(self) -> None:
        if not 1 <= self.timesteps <= 4096:
            raise ValueError(f"timesteps must lie within 1..4096, not {self.timesteps}")
        if not 1 <= self.size <= 4096:
            raise ValueError(f"size must lie within 1..4096, not {self.size}")
        if self.split not in SPLITS:
            raise ValueError(f"split must be 'count' or 'time', not {self.split!r}")
        _ = self.enter  # refuses odd bits

    @property
    def enter(self) -> Input:
        """Return how these frames enter a network: off events are channel 0, on events 1."""
        return Input((2, self.size, self.size), bits=self.bits, coding="steps")

    def __call__(self, events: Events) -> np.ndarray:
        """Return the frames, uint8, or uint16 of more than 8 bits."""
        rows, cols = events.sensor
        y = events.y.astype(np.int64) * self.size // rows
        x = events.x.astype(np.int64) * self.size // cols
        step = bins(events.t, self.timesteps, self.split)
        shape = (self.timesteps, *self.enter.shape)
        cell = ((step * 2 + events.p) * self.size + y) * self.size + x
        return clipped(np.bincount(cell, minlength=int(np.prod(shape))), self.bits).reshape(shape)


def bins(t: np.ndarray, timesteps: int, split: str) -> np.ndarray:
    """Return the frame of each event, (n,) int64; see ``Framing``."""
    if len(t) == 0:
        return np.zeros(0, np.int64)
    if split == "count":  # the largest i with n * i // T <= k, for event k
        return ((np.arange(len(t)) + 1) * timesteps - 1) // len(t)
    t = t.astype(np.int64)
    return (t - t[0]) * timesteps // (t[-1] - t[0] + 1)


def clipped(counts: np.ndarray, bits: int) -> np.ndarray:
    """Return counts as unsigned integers of so many bits, the largest standing for all above."""
    return np.minimum(counts, (1 << bits) - 1).astype(np.uint8 if bits <= 8 else np.uint16)
