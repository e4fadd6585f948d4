"""Malformed samples: each kind of mistake that a sender can make, at a random place.

Every function takes a random generator, the beats of a sample, and the places of those that end a
block; it returns what is sent instead, or None where the sample is too short for that mistake.
"""

from dataclasses import replace


def cut(rng, beats, ends):
    """Send only its beginning."""
    return beats[: rng.randrange(1, len(beats))] if len(beats) > 1 else None


def short(rng, beats, ends):
    """Set ``last`` within a block, and end there."""
    places = [k for k in range(len(beats)) if k not in ends]
    return ending(beats, rng.choice(places)) if places else None


def early(rng, beats, ends):
    """End after fewer blocks, which is no error."""
    return ending(beats, rng.choice(ends[:-1])) if len(ends) > 1 else None


def no_last(rng, beats, ends):
    """Leave its ``last`` out."""
    return [*beats[:-1], replace(beats[-1], last=False)]


def overlong(rng, beats, ends):
    """Leave its ``last`` out, and go on."""
    return [*no_last(rng, beats, ends), *strays(rng, beats, rng.randrange(1, 5))]


def trailing(rng, beats, ends):
    """Send beats after its end, some of them with a ``last``."""
    return [*beats, *strays(rng, beats, rng.randrange(1, 5))]


def double_last(rng, beats, ends):
    """Set ``last`` too early, besides the right one."""
    if len(beats) == 1:
        return None
    k = rng.randrange(len(beats) - 1)
    return [*beats[:k], replace(beats[k], last=True), *beats[k + 1 :]]


def double_first(rng, beats, ends):
    """Set ``first`` within it, besides the right one."""
    if len(beats) == 1:
        return None
    k = rng.randrange(1, len(beats))
    return [*beats[:k], replace(beats[k], first=True), *beats[k + 1 :]]


def no_first(rng, beats, ends):
    """Leave its ``first`` out."""
    return [replace(beats[0], first=False), *beats[1:]]


def double_beat(rng, beats, ends):
    """Send a beat twice."""
    k = rng.randrange(len(beats))
    return [*beats[: k + 1], *beats[k:]]


def lost_beat(rng, beats, ends):
    """Leave a beat out."""
    if len(beats) == 1:
        return None
    k = rng.randrange(len(beats))
    return beats[:k] + beats[k + 1 :]


KINDS = (
    cut, short, early, no_last, overlong, trailing, double_last, double_first, no_first,
    double_beat, lost_beat,
)  # fmt: skip


def ending(beats, k):
    """Return the beats up to k, flagged as the last."""
    return [*beats[:k], replace(beats[k], last=True)]


def strays(rng, beats, count):
    """Return beats without ``first``."""
    chosen = [rng.choice(beats) for _ in range(count)]
    return [replace(beat, first=False, last=rng.random() < 0.3) for beat in chosen]
