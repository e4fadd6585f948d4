"""ROM words hold every weight once, where the dense core looks for it; padding is neutral."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hdl.packing import counts, pack
from mapping import Dense

SIZES = st.integers(1, 20)


@given(SIZES, SIZES, st.integers(1, 9), st.integers(1, 9), st.sampled_from(["low", "high"]),
       st.integers(0, 99))  # fmt: skip
def test_words_equal_the_sum_by_hand(out, fan, pe, simd, tail, seed) -> None:
    rng = np.random.default_rng(seed)
    op = Dense(rng.choice([-1, 1], (out, fan)))
    rom = pack(op, pe, simd, tail)
    groups, words = counts(op, pe, simd)
    assert len(rom) == groups * words
    for row, word in enumerate(rom):
        group, w = divmod(row, words)
        assert word >> (pe * simd) == 0
        for lane in range(pe):
            for j in range(simd):
                place = j
                if tail == "high" and w == words - 1:
                    place = j - (words * simd - fan)  # the last word is shifted up
                o, i = group * pe + lane, w * simd + place
                weight = op.weights[o, i] if o < out and 0 <= place and i < fan else 1
                assert word >> (lane * simd + j) & 1 == (weight > 0)


@pytest.mark.parametrize("tail", ["low", "high"])
def test_a_784_128_layer_in_64_bit_words(tail) -> None:
    op = Dense(-np.ones((128, 784)))
    rom = pack(op, 1, 64, tail)
    assert len(rom) == 128 * 13
    assert sum(word.bit_count() for word in rom) == 128 * (13 * 64 - 784)  # the padding only
