# amaranth: UnusedElaboratable=no
"""The delay against its definition: words of earlier timesteps, zeros before the sample began."""

from __future__ import annotations

import pytest
from streams import play

from hdl.delay import Delay

SAMPLES = (5, 1, 2, 7, 3)  # timesteps; some shorter than the delay


@pytest.mark.parametrize("words", [1, 2, 5])
@pytest.mark.parametrize("steps", [1, 2, 4])
@pytest.mark.parametrize(("simd", "bits"), [(1, 1), (3, 5)])
@pytest.mark.parametrize("stalls", [(0, 0), (30, 70), (80, 10)])
def test_words_come_some_timesteps_later(words, steps, simd, bits, stalls, rng) -> None:
    sent, want = [], []
    for length in SAMPLES:
        data = rng.integers(0, 1 << simd * bits, (length, words))
        for t in range(length):
            for w in range(words):
                flags = {"first": int(t == 0), "last": int(w == words - 1)}
                sent.append({"data": int(data[t, w]), **flags})
                old = int(data[t - steps, w]) if t >= steps else 0
                want.append({"data": old, **flags})
    dut = Delay(words=words, steps=steps, simd=simd, bits=bits)
    seen = play(dut, {"i": sent}, {"o": len(sent)}, stalls, seed=words * steps)
    assert seen.beats["o"] == want
    if stalls == (0, 0):
        assert seen.cycles["i"] == list(range(len(sent)))
        pairs = zip(seen.cycles["i"], seen.cycles["o"], strict=True)
        assert {b - a for a, b in pairs} == {dut.latency}


def test_sizes_must_be_positive() -> None:
    with pytest.raises(ValueError, match="steps of a delay must be positive, not 0"):
        Delay(words=1, steps=0, simd=1, bits=1)
