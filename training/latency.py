"""The digits for latency coding, and what moves spikes in training."""

from __future__ import annotations

import numpy as np

from mapping import Input

from .data import digits

#: Four bits: ink 15 spikes at timestep 0, ink 1 at 14, and blank paper at 16, which with a delay
#: of a timestep is too late in 17 of them.
DIGITS = Input(digits.SHAPE, bits=4, coding="latency", t_max=16)


def ink(pixels: np.ndarray) -> np.ndarray:
    """Return the digits' pixels, 0..16, as four bits: 16 becomes 15."""
    return np.minimum(pixels, DIGITS.top).astype(np.uint8)


def jitter(sample: np.ndarray, rng: np.random.Generator, top: int = DIGITS.top) -> np.ndarray:
    """Move every pixel that has ink by -1, 0 or 1 at random, within 1..top."""
    moved = sample.astype(np.int64) + rng.integers(-1, 2, sample.shape)
    return np.where(sample > 0, moved.clip(1, top), 0).astype(sample.dtype)
