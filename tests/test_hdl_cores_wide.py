# amaranth: UnusedElaboratable=no
"""Weights of 2 to 8 bits and inputs in two's complement: the matrix-vector unit against numpy."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from test_hdl_cores_matvec import Around, run

from hdl.cores import pairs
from hdl.cores.matvec import Shape
from hdl.cores.matvec_shape import stages
from hdl.cores.sums import constant, raw_bits

#: fan_in, neurons, bits, PE, SIMD, weight bits; then steps, lanes, later registers, high, coded.
SIZES = [
    (1, 1, 1, 1, 1, 2), (7, 5, 1, 2, 3, 2), (7, 5, 1, 2, 3, 3), (65, 7, 1, 3, 32, 4),
    (20, 9, 2, 9, 20, 4), (13, 10, 8, 4, 5, 8), (16, 12, 1, 4, 8, 5, 1, 2),
    (5, 4, 3, 4, 5, 2, 2, 4),
    (10, 6, 1, 2, 4, 8, 3, 2, 0, True), (9, 4, 1, 2, 4, 3, 1, 1, 2), (6, 6, 3, 3, 4, 7, 2),
    (33, 6, 1, 2, 9, 6, 1, 1, 0, True),
    # One-bit weights, of which only the inputs are signed.
    (7, 5, 1, 2, 3, 1), (7, 5, 4, 2, 3, 1, 1, 1, 0, True), (13, 10, 8, 4, 5, 1),
    (20, 9, 5, 9, 20, 1, 1, 1, 0, False, True), (6, 6, 3, 3, 4, 1, 2, 3, 1, False, True),
]  # fmt: skip


def shape(
    fan, neurons, bits, pe, simd, weight_bits, steps=1, at_once=1, more=0, high=False, coded=False,
    signed=False, weights=None,
) -> Shape:  # fmt: skip
    """Return a shape, its sums as wide as these weights make them, or any."""
    rest = fan % simd
    gap = () if rest == 0 else range(simd - rest) if high else range(rest, simd)
    if weights is None:
        top = max(1, (1 << weight_bits - 1) - 1)
        weights = np.array([[top], [-top]]).repeat(fan, 1)
    width = raw_bits(weights, bits, weight_bits, signed)
    return Shape(
        fan, neurons, bits, pe, simd, steps, at_once, width, stages(simd, weight_bits) + more,
        tuple(gap), coded, False, weight_bits, signed,
    )  # fmt: skip


SHAPES = [shape(*size, signed=s) for size in SIZES for s in (False, True) if s or size[5] > 1]


def named(s: Shape) -> str:
    """Return how a shape is called."""
    signed = "s" if s.signed_x else "u"
    return (
        f"{s.fan_in}x{s.neurons}-w{s.weight_bits}-{signed}{s.bits}-pe{s.pe}-simd{s.simd}-"
        f"steps{s.steps}"
    )


class Wide(Around):
    """Inputs and weights of any sign; the rest as of one bit."""

    def __init__(self, s: Shape, rng: np.random.Generator, passes: int, chunks: int) -> None:
        super().__init__(s, rng, passes, chunks)
        self.low = -(1 << s.bits - 1) if s.signed_x else 0
        self.high = self.low + (1 << s.bits) - 1
        self.x += self.low
        self.x[passes // 2] = rng.choice([self.low, self.high], self.x.shape[1:])
        top = (1 << s.weight_bits - 1) - 1
        if s.wide:
            self.w = rng.integers(-top, top + 1, self.w.shape)
            self.w[0], self.w[-1] = top, -top
        self.packed()

    def packed(self) -> None:
        """Put the weights into rows, by the place of their input."""
        s = self.s
        if s.wide:
            places = [self.place(*divmod(at, s.simd)) for at in range(self.words * s.simd)]
            placed = np.zeros((s.neurons, len(places)), int)
            for at, i in enumerate(places):
                if i is not None:
                    placed[:, at] = self.w[:, i]
            self.rows = pairs.packed(placed, s.rows_of, s.pe, s.weight_bits)

    def row(self, row: int) -> int:
        """Return a row of weights."""
        return self.rows[row] if self.s.wide else super().row(row)

    def heard(self, n: int, silent: np.ndarray) -> np.ndarray:
        """Return the inputs of a pass, zeros of silent words among them, (steps, fan_in)."""
        x = self.x[n].copy()
        for word in np.flatnonzero(silent):
            for j in range(self.s.simd):
                if (i := self.place(word, j)) is not None:
                    x[:, i] = 0
        return x

    def check(self, gaps: list[int], silent: np.ndarray | None = None) -> None:
        """Compare every sum of every pass, with its constant, to ``w x``."""
        s = self.s
        silent = np.zeros((len(gaps), self.words), int) if silent is None else silent
        merged = constant(self.w, s.bits, s.weight_bits, s.signed_x)
        for n, found in enumerate(run(self, gaps, silent)):
            first = self.tile(n) * s.pe
            mine = slice(first, first + s.pe)
            wanted = self.heard(n, silent[n]) @ self.w[mine].T
            sums = found[:, : wanted.shape[1]] + merged[mine]
            assert (sums == wanted).all(), n


@pytest.mark.parametrize("s", SHAPES, ids=named)
def test_sums_and_their_constant_are_those_of_the_weights(s, rng) -> None:
    chunks = int(rng.integers(1, 3))
    passes = 2 * s.tiles * chunks + 1
    Wide(s, rng, passes, chunks).check([0, *rng.choice([0, 0, 1, 7], passes - 1)])


@pytest.mark.parametrize("s", SHAPES, ids=named)
def test_silent_words_are_zeros_wherever_they_come(s, rng) -> None:
    passes = 2 * s.tiles + 3
    around = Wide(s, rng, passes, 1)
    silent = rng.integers(0, 2, (passes, around.words))
    silent[0], silent[1], silent[-1] = 1, 0, 1
    around.check([0, *rng.choice([0, 0, 3], passes - 1)], silent)


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("signed", [False, True])
def test_both_ends_of_every_sum_are_reached_within_its_bits(size, signed, rng) -> None:
    drawn = Wide(shape(*size, signed=signed), rng, 1, 1)
    s = shape(*size, signed=signed, weights=drawn.w)
    around = Wide(s, rng, 2 * s.tiles, 2)
    around.w = drawn.w
    around.packed()
    ends = []
    for n in range(2 * s.tiles):
        for t in range(s.steps):  # the output whose turn it is: the most, then the least
            o = min(s.neurons - 1, around.tile(n) * s.pe + t % s.pe)
            up = (around.w[o] > 0) == (n % 2 == 0)
            around.x[n, t] = np.where(up, around.high, around.low)
        ends.append(around.x[n] @ around.w.T - constant(around.w, s.bits, s.weight_bits, signed))
    around.check([0] * (2 * s.tiles))
    least, most = np.min(ends), np.max(ends)
    if s.wide:
        assert -(1 << s.raw_bits - 1) <= least and most < 1 << s.raw_bits - 1
    else:
        assert least >= 0 and most < 1 << s.raw_bits


@pytest.mark.parametrize("weight_bits", [2, 3])
def test_every_pair_of_weights_meets_every_pair_of_inputs(weight_bits, rng) -> None:
    top = (1 << weight_bits - 1) - 1
    each = range(-top, top + 1)
    weights = np.array([(a, b) for a in each for b in each])
    s = shape(2, len(weights), 1, len(each), 2, weight_bits)
    around = Wide(s, rng, 4 * s.tiles, 4)
    around.w, around.x = weights, np.tile([[[0, 0]], [[0, 1]], [[1, 0]], [[1, 1]]], (s.tiles, 1, 1))
    around.packed()
    around.check([0] * len(around.x))


@pytest.mark.parametrize("seed", range(16))
def test_drawn_shapes(seed) -> None:
    rng = np.random.default_rng(seed)
    fan, neurons = int(rng.integers(1, 40)), int(rng.integers(1, 9))
    pe, simd = int(rng.integers(1, min(neurons, 4) + 1)), int(rng.integers(1, min(fan, 17) + 1))
    weight_bits = int(rng.choice([1, 2, 3, 4, 8]))
    s = shape(
        fan, neurons, int(rng.choice([1, 1, 2, 3, 8])), pe, simd, weight_bits,
        int(rng.integers(1, 4)), int(rng.choice([d for d in range(1, pe + 1) if pe % d == 0])),
        int(rng.integers(0, 3)), bool(rng.integers(2)),
        bool(weight_bits == 1 and rng.integers(2)), bool(rng.integers(2)),
    )  # fmt: skip
    print(seed, s)
    passes = s.tiles + 2
    around = Wide(s, rng, passes, 1)
    silent = (rng.random((passes, around.words)) < 0.3).astype(int)
    around.check(rng.choice([0, 0, 0, 2], passes).tolist(), silent)


@pytest.mark.parametrize("s", SHAPES[::3], ids=named)
def test_sums_are_there_when_published_and_not_a_cycle_before(s, rng) -> None:
    around = Wide(replace(s, neurons=s.pe), rng, 2, 1)
    around.w[:] = 1
    around.packed()
    around.x[0], around.x[1] = 0, -1 if s.signed_x else (1 << s.bits) - 1
    merged = constant(around.w, s.bits, s.weight_bits, s.signed_x)
    wanted = [around.x[n] @ around.w.T - merged for n in range(2)]
    found = run(around, [0, 9], [0, 0])
    assert (found[0] == wanted[0]).all() and (found[1] == wanted[1]).all()
    assert (wanted[0] != wanted[1]).all()
    soon = run(around, [0, 9], [0, 0], early=1)
    assert (soon[1][0, : s.lanes] == wanted[0][0, : s.lanes]).all()


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("weight_bits", [1, 2, 5])
def test_the_constant_is_that_of_the_contract(weight_bits, signed, rng) -> None:
    bits, fan = 3, 11
    top = max(1, (1 << weight_bits - 1) - 1)
    w = (
        rng.choice([-1, 1], (50, fan))
        if weight_bits == 1
        else rng.integers(-top, top + 1, (50, fan))
    )
    x = rng.integers(-4 if signed else 0, 4 if signed else 8, (30, fan))
    planes = [x >> b & 1 for b in range(bits)]
    if signed:
        planes[-1] = 1 - planes[-1]
    if weight_bits == 1:
        raw = sum((p[:, None] == (w > 0)).sum(-1) << b for b, p in enumerate(planes))
    else:
        raw = sum(((2 * p - 1) @ w.T) << b for b, p in enumerate(planes)) >> 1
    assert (raw + constant(w, bits, weight_bits, signed) == x @ w.T).all()
    assert raw.max() - raw.min() < 1 << raw_bits(w, bits, weight_bits, signed)
    n_neg = (w < 0).sum(axis=1)
    if weight_bits == 1 and signed:  # the contract's: planes weigh 1, 2, .., -2**(p - 1)
        assert (constant(w, bits, 1, True) + (fan << bits - 1) == n_neg).all()


def test_bits_are_those_of_sums_without_their_constant() -> None:
    plus = np.full((2, 8), 3)
    assert raw_bits(plus, 1, 3) == 5  # 0 .. 24 less 12
    assert raw_bits(-plus, 1, 3) == 5
    assert raw_bits(np.array([[1, -1, 0]]), 1, 2) == 2
    assert raw_bits(plus, 4, 3, signed_x=True) == 9  # -192 .. 168, and 12
    assert raw_bits(np.ones((1, 5), int), 3) == 6


def test_rows_hold_sums_and_differences_bit_by_bit() -> None:
    found = pairs.fields(np.array([3, -1, 2]), 3)  # (3, 2) and (-1, nothing), offset by 8
    both = [(3 + 2 + 8, -1 + 8), (3 - 2 + 8, -1 + 8)]
    wanted = [both[0][0] & 1, both[0][1] & 1]
    for k in (1, 2, 3):
        wanted += [v >> k & 1 for v in both[0]] + [v >> k & 1 for v in both[1]]
    assert found.tolist() == wanted and len(wanted) == pairs.row_bits(3, 3) == 14


def test_cycles_and_memory() -> None:
    s = shape(65, 7, 2, 3, 32, 4)
    assert (s.cycles, s.tiles, s.words, s.signed) == (6, 3, 3, True)
    assert s.rom_bits == 3 * 16 * 9
    one = shape(65, 7, 2, 3, 32, 1, signed=True)
    assert (one.cycles, one.rom_bits, one.signed, one.raw_bits) == (6, 96, False, 8)


@pytest.mark.parametrize(
    "wrong", [{"skips": True}, {"skips": True, "weight_bits": 1, "signed_x": True}, {"coded": True}]
)
def test_what_does_not_go_together_is_refused(wrong) -> None:
    with pytest.raises(ValueError, match="one-bit weights"):
        replace(shape(7, 5, 1, 2, 3, 2), **wrong)
