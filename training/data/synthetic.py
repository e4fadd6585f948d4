"""A synthetic set of events: a bar that moves in one of eight directions over a noisy sensor.

Made on the spot from a seed; no sensor saw it and no published figure belongs to it. It stands in
where recordings are not at hand: small, of the same form, and not to be solved by a single pixel,
since bars start anywhere. The bar is two pixels thick and up to nine long, stands across its way,
and moves by one pixel a timestep; what leaves on one side comes in on the other. Where it arrives
a pixel sends an on event, where it leaves an off event. Some events are lost and some are noise.
"""

from __future__ import annotations

import numpy as np

from mapping import Input

from .dataset import Arrays, DataSet

SIDE = 16
#: Rows down and columns right per timestep, by class.
WAYS = ((0, 1), (1, 0), (0, -1), (-1, 0), (1, 1), (1, -1), (-1, -1), (-1, 1))
#: Share of events that get lost, and of pixels that send one for no reason.
LOST, NOISE = 0.1, 0.01
#: Samples that are made at a time.
_CHUNK = 250


def synthetic_events(
    *, timesteps: int = 8, classes: int = 8, train: int = 2000, test: int = 500, seed: int = 0
) -> DataSet:
    """Return moving bars as (T, 2, 16, 16) spikes; off events are channel 0, on events 1.

    Args:
        timesteps: T. classes: 4 or 8 directions.
        train, test: how many samples of each part; classes come equally often.
        seed: of both parts, which never share a stream of random numbers.
    """
    if classes not in (4, 8):
        raise ValueError(f"classes must be 4 or 8, not {classes}")
    if not 1 <= timesteps <= 4096:
        raise ValueError(f"timesteps must lie within 1..4096, not {timesteps}")
    if min(train, test) < classes:
        raise ValueError(f"each part must have a sample of each of {classes} classes")
    parts = (
        _part(np.random.default_rng([seed, which]), count, timesteps, classes)
        for which, count in enumerate((train, test))
    )
    enter = Input((2, SIDE, SIDE), bits=1, coding="steps")
    return DataSet("synthetic-events", enter, classes, *parts, timesteps=timesteps)


def _part(rng: np.random.Generator, count: int, timesteps: int, classes: int) -> Arrays:
    labels = rng.permutation(np.arange(count) % classes)
    spikes = [_bars(rng, labels[i : i + _CHUNK], timesteps) for i in range(0, len(labels), _CHUNK)]
    return Arrays(np.concatenate(spikes), labels)


def _bars(rng: np.random.Generator, labels: np.ndarray, timesteps: int) -> np.ndarray:
    """Return (n, T, 2, 16, 16) uint8."""
    n = len(labels)
    way = np.array(WAYS)[labels]
    start = rng.uniform(0, SIDE, (n, 2))
    half = rng.uniform(2, 4.5, (n, 1, 1, 1))
    at = start[:, None] + way[:, None] * np.arange(timesteps + 1)[:, None]  # (n, T + 1, 2)
    pixels = np.arange(SIDE)
    # distance from the bar's centre, the short way round
    down = (pixels - at[..., :1] + SIDE / 2) % SIDE - SIDE / 2
    right = (pixels - at[..., 1:] + SIDE / 2) % SIDE - SIDE / 2
    down, right = down[..., :, None], right[..., None, :]
    unit = (way / np.linalg.norm(way, axis=1, keepdims=True))[:, None, :, None, None]
    along = down * unit[:, :, 0] + right * unit[:, :, 1]
    across = right * unit[:, :, 0] - down * unit[:, :, 1]
    lit = (np.abs(along) < 1) & (np.abs(across) < half)
    before, after = lit[:, :-1], lit[:, 1:]
    events = np.stack([before & ~after, after & ~before], axis=2)
    events &= rng.random(events.shape) >= LOST
    events |= rng.random(events.shape) < NOISE
    return events.astype(np.uint8)
