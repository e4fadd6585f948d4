"""Data sets for latency coding: pixels as spike times, and what moves spikes in training."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mapping import Input

from .data import Arrays, DataSet, digits

#: Four bits: ink 15 spikes at timestep 0, ink 1 at 14, and blank paper at 16, which with a delay
#: of a timestep is too late in 17 of them.
DIGITS = Input(digits.SHAPE, bits=4, coding="latency", t_max=16)


#: T unless given.
TIMESTEPS = 17


def coded(data: DataSet, timesteps: int | None = None) -> DataSet:
    """Return a data set of images as latency-coded spikes, one for each pixel.

    Args:
        timesteps: T; a pixel of 0 spikes in the last one. The digits' pixels become 4 bits.

    Raises
    ------
        ValueError: samples of several timesteps, which have spike times already.
    """
    if data.enter.coding != "direct":
        raise ValueError(f"the latency method takes images, not the timesteps of {data.name!r}")
    last = (timesteps or TIMESTEPS) - 1
    if data.name == "digits":
        parts = (Arrays(ink(part.inputs), part.labels) for part in (data.train, data.test))
        train, test = parts
        enter = replace(DIGITS, shape=data.enter.shape, t_max=last)
        return replace(data, enter=enter, train=train, test=test, augment=(jitter,))
    return replace(data, enter=replace(data.enter, coding="latency", t_max=last))


def ink(pixels: np.ndarray) -> np.ndarray:
    """Return the digits' pixels, 0..16, as four bits: 16 becomes 15."""
    return np.minimum(pixels, DIGITS.top).astype(np.uint8)


def jitter(sample: np.ndarray, rng: np.random.Generator, top: int = DIGITS.top) -> np.ndarray:
    """Move every pixel that has ink by -1, 0 or 1 at random, within 1..top."""
    moved = sample.astype(np.int64) + rng.integers(-1, 2, sample.shape)
    return np.where(sample > 0, moved.clip(1, top), 0).astype(sample.dtype)
