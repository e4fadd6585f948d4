"""Inputs at the door: each wrong batch gets one sentence."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from mapping import Input
from mapping.coding import Digest, digest, encode

STEPS, DIRECT = Input((4,), bits=2), Input((1, 2, 2), bits=9, coding="direct")


def test_steps_and_direct() -> None:
    x = np.arange(16).reshape(2, 2, 4) % 4
    assert encode(STEPS, x, 3).tolist() == x.tolist()
    assert encode(STEPS, x.astype(bool), 2).dtype == np.uint8
    pixels = np.arange(8).reshape(2, 1, 2, 2) * 73
    coded = encode(DIRECT, pixels, 5)
    assert coded.shape == (2, 5, 1, 2, 2) and coded.dtype == np.uint16
    assert all((coded[:, t] == pixels).all() for t in range(5))


def test_a_digest_is_of_values_and_shape() -> None:
    x = np.arange(24).reshape(2, 3, 4) % 2
    same = [x, x.astype(bool), x.astype(np.uint8), x.astype(">i4"), np.asfortranarray(x)]
    assert len({digest(one) for one in same}) == 1
    flipped = x.copy()
    flipped[1, 2, 3] ^= 1
    wide, wider = x + 300, x + 301
    others = [x, flipped, x.reshape(2, 4, 3), flipped[::-1], x[:1], x - 1, wide, wider, wide % 256]
    assert len({digest(one) for one in others}) == len(others)
    assert digest(wide.astype(np.uint16)) == digest(wide)
    mixed = np.concatenate([x, wide])
    parts = Digest()
    for part in (mixed[:1], mixed[1:].astype(np.int16)):
        parts.add(part)
    assert parts.sha256 == digest(mixed) != digest(mixed[::-1])
    with pytest.raises(TypeError, match="inputs must be integers, not float64"):
        digest(x / 2)


@pytest.mark.parametrize(
    ("enter", "x", "error", "sentence"),
    [
        (STEPS, np.zeros((2, 3, 4)), TypeError, "inputs must be integers, not float64"),
        (STEPS, np.zeros((2, 4), int), ValueError, "shape (samples, T, 4), not (2, 4)"),
        (DIRECT, np.zeros((2, 4), int), ValueError, "shape (samples, 1, 2, 2), not (2, 4)"),
        (STEPS, np.zeros((0, 3, 4), int), ValueError, "at least one sample"),
        (STEPS, np.zeros((2, 4, 4), int), ValueError, "4 timesteps; this network runs 1 to 3"),
        (STEPS, np.zeros((2, 0, 4), int), ValueError, "0 timesteps; this network runs 1 to 3"),
        (STEPS, np.full((1, 1, 4), 4), ValueError, "within 0..3 (2 bits), but hold 4"),
        (STEPS, np.full((1, 1, 4), -1), ValueError, "within 0..3 (2 bits), but hold -1"),
        (STEPS, [[["a"] * 4]], TypeError, "inputs must be integers, not <U1"),
    ],
)
def test_wrong_inputs(enter: Input, x, error: type, sentence: str) -> None:
    with pytest.raises(error, match=re.escape(sentence)):
        encode(enter, x, 3)


def test_latency_spikes_once_and_large_values_early() -> None:
    enter = Input((4,), bits=4, coding="latency")
    x = encode(enter, np.array([[15, 8, 7, 0]]), 4)
    assert x.shape == (1, 4, 4) and (x.sum(axis=1) == 1).all()
    assert x.argmax(axis=1).tolist() == [[0, 1, 1, 3]]
    assert encode(replace(enter, t_max=1), np.array([[15, 8, 7, 0]]), 4).argmax(
        axis=1
    ).tolist() == [[0, 0, 0, 1]]
