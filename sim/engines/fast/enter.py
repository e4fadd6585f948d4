"""Inputs of a block of samples, laid into lanes: words of bit planes, or values.

Samples come as bytes, one or two for each number. Numbers above the input's largest are reported,
so that nobody has to look through them beforehand.
"""

from __future__ import annotations

from . import fields as f
from .lanes import bits_of_bytes, kernel, load, spread, store


@kernel()
def number(given, row, index):
    """Return a number of the input."""
    if row[f.I_BYTES] == 1:
        return int(given[index])
    return int(given[2 * index]) | (int(given[2 * index + 1]) << 8)


@kernel()
def enter(given, row, arena, lanes, width, sample, count):
    """Lay ``count`` samples into the lanes; return whether a number was too large."""
    places, words, planes = row[f.I_PLACES], row[f.I_WORDS], row[f.I_PLANES]
    steps, zero = row[f.I_STEPS], spread(arena, 0)
    flat = places == 1 and row[f.I_BYTES] == 1 and row[f.I_CHANNELS] >= 64
    whole = flat and count == lanes and not row[f.I_LATENCY]  # every word is written
    if row[f.I_BITS_AT] >= 0 and not whole:
        for at in range(planes * places * words * steps):
            store(arena, row[f.I_BITS_AT] + at * lanes, zero)
    if row[f.I_VALUES_AT] >= 0:
        for at in range(places * row[f.I_PADDED] * steps):
            store(arena, row[f.I_VALUES_AT] + at * lanes, zero)
    size, wrong = row[f.I_CHANNELS] * places, False
    for lane in range(count):
        for t in range(row[f.I_GIVEN]):
            start = ((sample + lane) * row[f.I_GIVEN] + t) * size
            if row[f.I_LATENCY]:
                wrong |= _times(given, row, arena, lanes, width, start, lane)
                continue
            if row[f.I_BITS_AT] >= 0:
                if flat:
                    wrong |= _flat(given, row, arena, lanes, width, start, t, lane)
                else:
                    wrong |= _bits(given, row, arena, lanes, width, start, t, lane)
            if row[f.I_VALUES_AT] >= 0:
                wrong |= _values(given, row, arena, lanes, start, t, lane)
    return wrong


@kernel()
def _flat(given, row, arena, lanes, width, start, t, lane):
    """Pack bytes of one place, 64 at a time; the last ones are read from the end."""
    size, words, step = row[f.I_CHANNELS], row[f.I_WORDS], row[f.I_STEPS] * lanes
    seen = spread(given, 0)
    for plane in range(row[f.I_PLANES]):
        mask = 1 << plane
        to = row[f.I_BITS_AT] + (plane * words * row[f.I_STEPS] + t) * lanes + lane
        at, left = start, size
        while left > 0:
            cut = max(0, 64 - left)
            found = load(given, at - cut)
            seen = seen | found
            word = bits_of_bytes(found, mask)
            if cut > 0:
                word = (word >> cut) & ((1 << left) - 1)
            arena[to] = word
            if width == 32 and left > 32:
                arena[to + step] = word >> 32
                to += step
            to += step
            at += 64
            left -= 64
    return bits_of_bytes(seen, 255 & ~row[f.I_TOP]) != 0


@kernel()
def _bits(given, row, arena, lanes, width, start, t, lane):
    """Pack channels of each place."""
    places, words, steps = row[f.I_PLACES], row[f.I_WORDS], row[f.I_STEPS]
    wrong = False
    for c in range(row[f.I_CHANNELS]):
        for place in range(places):
            found = number(given, row, start + c * places + place)
            wrong |= found > row[f.I_TOP]
            word = row[f.I_BITS_AT] + ((place * words + c // width) * steps + t) * lanes + lane
            for plane in range(row[f.I_PLANES]):
                if (found >> plane) & 1:
                    arena[word + plane * places * words * steps * lanes] |= 1 << (c % width)
    return wrong


@kernel()
def _values(given, row, arena, lanes, start, t, lane):
    """Take numbers as they are."""
    places, steps, wrong = row[f.I_PLACES], row[f.I_STEPS], False
    for c in range(row[f.I_CHANNELS]):
        for place in range(places):
            found = number(given, row, start + c * places + place)
            wrong |= found > row[f.I_TOP]
            at = (place * row[f.I_PADDED] + c) * steps + t
            arena[row[f.I_VALUES_AT] + at * lanes + lane] = found
    return wrong


@kernel()
def _times(given, row, arena, lanes, width, start, lane):
    """Make of each number one spike: the larger, the earlier."""
    places, words, steps = row[f.I_PLACES], row[f.I_WORDS], row[f.I_STEPS]
    top, wrong = row[f.I_TOP], False
    for c in range(row[f.I_CHANNELS]):
        for place in range(places):
            found = number(given, row, start + c * places + place)
            if found > top:
                wrong = True
                continue
            t = (top - found) * row[f.I_LAST] // top
            word = (place * words + c // width) * steps + t
            arena[row[f.I_BITS_AT] + word * lanes + lane] |= 1 << (c % width)
    return wrong
