"""Spikes that are recorded, unpacked: the only ones that are."""

from __future__ import annotations

from . import fields as f
from .lanes import kernel


@kernel()
def leave(pop, arena, lanes, width, steps, sample, count, spikes_out):
    """Write one population's spikes of a block of samples to (sample, t, channel, place)."""
    channels, places, own = pop[f.CHANNELS], pop[f.ROWS] * pop[f.COLS], pop[f.STEPS]
    for lane in range(count):
        for t in range(steps):
            u = t if own > 1 else 0
            to = pop[f.SPIKES_RECORD] + ((sample + lane) * steps + t) * channels * places
            for w in range(pop[f.WORDS]):
                first = w * width
                for place in range(places):
                    at = (place * pop[f.WORDS] + w) * own + u
                    word = arena[pop[f.BITS_AT] + at * lanes + lane]
                    for c in range(first, min(first + width, channels)):
                        spikes_out[to + c * places + place] = (word >> (c - first)) & 1
