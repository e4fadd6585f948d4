# amaranth: UnusedElaboratable=no
"""The dense core against numpy, bit for bit, under stalls; its published cycles, measured."""

import numpy as np
import pytest
from streams import Played, play

from hdl.dense import DenseCore
from hdl.packing import pack
from mapping import Dense

#: (fan_in, neurons, bits, pe, simd): ones, primes, neither dividing nor divided, larger than it.
SHAPES = [
    (1, 1, 1, 1, 1), (1, 5, 1, 2, 4), (7, 1, 3, 4, 2), (7, 5, 1, 2, 3), (65, 3, 1, 2, 16),
    (65, 7, 2, 3, 32), (20, 9, 5, 9, 20), (13, 10, 8, 4, 5), (6, 40, 1, 16, 6), (64, 12, 1, 8, 8),
]  # fmt: skip


def core(rng, shape) -> tuple[DenseCore, np.ndarray]:
    fan, neurons, bits, pe, simd = shape
    op = Dense(rng.choice([-1, 1], (neurons, fan)))
    raw_bits = (fan * ((1 << bits) - 1)).bit_length()
    rom = pack(op, pe, simd)
    dut = DenseCore(rom, fan_in=fan, neurons=neurons, bits=bits, pe=pe, simd=simd,
                    raw_bits=raw_bits)  # fmt: skip
    return dut, op.weights.astype(np.int64)


def beats(x: np.ndarray, first: list[bool], bits: int, simd: int) -> list[dict[str, int]]:
    """Return the input words of vectors (timesteps, fan_in)."""
    words = -(-x.shape[1] // simd)
    found = []
    for step, vector in enumerate(x):
        for w in range(words):
            part = vector[w * simd : (w + 1) * simd]
            data = sum(int(value) << (j * bits) for j, value in enumerate(part))
            found.append({"data": data, "first": first[step], "last": w == words - 1})
    return found


def run(dut, x, first, stalls=(0, 0), seed=0) -> Played:
    counts = {"o": len(x) * dut.neurons}
    return play(dut, {"i": beats(x, first, dut.bits, dut.simd)}, counts, stalls, seed)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("stalls", [(0, 0), (50, 0), (0, 70), (60, 60)])
def test_sums_equal_numpy(shape, stalls, rng) -> None:
    dut, w = core(rng, shape)
    top = (1 << dut.bits) - 1
    x = rng.integers(0, top + 1, (6, dut.fan_in))
    x[0], x[1] = 0, top  # what reaches both ends of the proven range
    first = [True, False, False, True, True, False]
    seen = run(dut, x, first, stalls, seed=5).beats["o"]
    # by the identity of the contract: sum of w x, plus (2**bits - 1) for every -1 weight
    want = x @ w.T + top * (w < 0).sum(axis=1)
    assert [b["raw"] for b in seen] == want.ravel().tolist()
    assert [b["first"] for b in seen] == [f for f in first for _ in range(dut.neurons)]
    assert [b["last"] for b in seen] == ([0] * (dut.neurons - 1) + [1]) * len(x)


@pytest.mark.parametrize("shape", SHAPES)
def test_latency_and_cycles_are_as_published(shape, rng) -> None:
    dut, _ = core(rng, shape)
    x = rng.integers(0, 1 << dut.bits, (7, dut.fan_in))
    cycles = run(dut, x, [True] * len(x)).cycles
    assert cycles["o"][0] - cycles["i"][0] == dut.latency
    ends = cycles["o"][dut.neurons - 1 :: dut.neurons]
    assert set(np.diff(ends)[2:].tolist()) == {dut.cycles_per_timestep}


def test_the_next_timestep_is_loaded_while_one_is_computed(rng) -> None:
    dut, _ = core(rng, (64, 12, 1, 8, 8))
    cycles = run(dut, rng.integers(0, 2, (3, 64)), [True] * 3).cycles
    assert cycles["i"][:16] == list(range(16))  # the second vector waits for nothing
    assert cycles["i"][15] < cycles["o"][dut.neurons - 1]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"pe": 0}, "pe of a dense core must be positive, not 0"),
        ({"neurons": -1}, "neurons of a dense core must be positive, not -1"),
        ({"rom": [0]}, "rom must have 2 words, not 1"),
    ],
)
def test_bad_parameters_are_refused(change, sentence) -> None:
    good = {"rom": [0, 0], "fan_in": 4, "neurons": 1, "bits": 1, "pe": 1, "simd": 2, "raw_bits": 3}
    with pytest.raises(ValueError, match=sentence):
        DenseCore(**{**good, **change})
