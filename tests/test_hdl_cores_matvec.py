# amaranth: UnusedElaboratable=no
"""The matrix-vector unit against the contract's identity, pass after pass; its latency."""

from __future__ import annotations

import numpy as np
import pytest
from clocked import Bench, clocked, joined, lanes

from hdl.cores.matvec import MatVec, Shape
from hdl.cores.popcount import groups, stages


def shape(
    fan, neurons, bits, pe, simd, steps=1, at_once=1, more=0, high=False, coded=False
) -> Shape:
    """Return a shape; high: the last word's inputs stand in its high bits."""
    rest = fan % simd
    gap = () if rest == 0 else range(simd - rest) if high else range(rest, simd)
    size = (fan * ((1 << bits) - 1)).bit_length()
    return Shape(
        fan, neurons, bits, pe, simd, steps, at_once, size, stages(simd) + more, tuple(gap),
        coded,
    )  # fmt: skip


#: Ones, primes, neither dividing nor divided; planes, timesteps, lanes, later registers, high bits.
SHAPES = [
    shape(1, 1, 1, 1, 1), shape(1, 5, 1, 2, 1), shape(7, 1, 3, 1, 2), shape(7, 5, 1, 2, 3),
    shape(7, 5, 1, 2, 3, high=True), shape(65, 3, 1, 2, 16, high=True), shape(65, 7, 2, 3, 32),
    shape(20, 9, 5, 9, 20), shape(13, 10, 8, 4, 5), shape(16, 12, 1, 4, 8, at_once=2),
    shape(5, 4, 1, 4, 5, steps=2, at_once=4), shape(10, 6, 1, 2, 4, steps=3, at_once=2, high=True),
    shape(15, 6, 2, 2, 3), shape(6, 6, 3, 3, 4, steps=2), shape(9, 4, 1, 2, 4, more=2),
    shape(65, 7, 2, 3, 32, coded=True), shape(20, 9, 5, 9, 20, coded=True),
    shape(33, 9, 1, 4, 9, high=True, coded=True), shape(6, 6, 3, 3, 4, steps=2, coded=True),
]  # fmt: skip


def named(s: Shape) -> str:
    """Return how a shape is called."""
    high = "-high" if s.unused and s.unused[0] == 0 else ""
    coded = "-coded" if s.coded else ""
    return f"{s.fan_in}x{s.neurons}-bits{s.bits}-pe{s.pe}-simd{s.simd}-steps{s.steps}{high}{coded}"


class Around:
    """Input words and weights for passes of a unit; which bit is what is said here once more.

    A word holds ``steps`` timesteps of ``simd`` elements of ``bits``; a row of weights, ``pe``
    outputs of ``simd`` bits, 1 for +1, and 1 where no input stands.
    """

    def __init__(self, s: Shape, rng: np.random.Generator, passes: int, chunks: int) -> None:
        self.s, self.rng, self.chunks = s, rng, chunks
        self.w = rng.choice([-1, 1], (s.neurons, s.fan_in))
        self.x = rng.integers(0, 1 << s.bits, (passes, s.steps, s.fan_in))
        self.x[0], self.x[-1] = (1 << s.bits) - 1, 0  # both ends of the range
        self.words = -(-s.fan_in // s.simd)
        self.tiles = -(-s.neurons // s.pe)

    def place(self, word: int, j: int) -> int | None:
        """Return which input stands in element j of a word."""
        s = self.s
        if word == self.words - 1:
            used = [k for k in range(s.simd) if k not in s.unused]
            return word * s.simd + used.index(j) if j in used else None
        return word * s.simd + j

    def word(self, n: int, word: int) -> int:
        """Return a word of pass n; noise where nothing stands, and where no word is."""
        s = self.s
        elements = []
        for t in range(s.steps):
            for j in range(s.simd):
                i = self.place(word, j) if word < self.words else None
                noise = int(self.rng.integers(1 << s.bits))
                elements.append(noise if i is None else int(self.x[n, t, i]))
        return joined(elements, s.bits)

    def row(self, row: int) -> int:
        """Return a row of weights."""
        s = self.s
        tile, word = divmod(row, s.stride)
        if word >= self.words:
            return int(self.rng.integers(1 << min(62, s.pe * s.simd)))
        bits: list[int] = []
        for lane in range(s.pe):
            for j in range(s.simd):
                i, o = self.place(word, j), tile * s.pe + lane
                bits.append(1 if i is None or o >= s.neurons else int(self.w[o, i] > 0))
                if s.coded:  # the parity of the -1 weights of its group up to here
                    bits[-1] = 1 - bits[-1]
                    if j >= groups(s.simd):
                        bits[-1] ^= bits[-1 - groups(s.simd)]
        return joined(bits, 1)

    def tile(self, n: int) -> int:
        """Return the tile of pass n: each comes ``chunks`` times, and the first after the last."""
        return n // self.chunks % self.tiles

    def sums(self, n: int, silent: bool) -> np.ndarray:
        """Return what pass n must give, (steps, pe): w x, and the top value for every -1 weight."""
        s = self.s
        out = np.zeros((s.steps, s.pe), int)
        for lane in range(s.pe):
            o = self.tile(n) * s.pe + lane
            if o < s.neurons:
                w = self.w[o]
                x = 0 * self.x[n] if silent else self.x[n]
                out[:, lane] = x @ w + ((1 << s.bits) - 1) * (w < 0).sum()
        return out


def run(
    around: Around, gaps: list[int], silent: list[int] | np.ndarray, early: int = 0
) -> list[np.ndarray]:
    """Run passes, a gap before each; return the sums of each, asked for when they are there.

    silent: of each pass, or of each of its words. early: cycles by which the sums are asked for too
    soon.
    """
    s = around.s
    silence = np.asarray(silent).reshape(len(gaps), -1)
    groups = s.pe // s.lanes * s.steps
    begin, at = [], 0
    period = max(s.cycles, groups)
    for gap in gaps:
        at += gap
        begin.append(at)
        at += period
    issues = {b + k: (n, k) for n, b in enumerate(begin) for k in range(s.cycles)}
    asked = {
        b + s.cycles - 1 + s.latency - early + g: (n, g)
        for n, b in enumerate(begin)
        for g in range(groups)
    }

    def bench() -> Bench[list[np.ndarray]]:
        got: dict[tuple[int, int], int] = {}
        x = weights = 0
        before = None
        for c in range(max(asked) + 2):
            n, k = issues.get(c, (None, 0))
            given = {"issue": int(n is not None), "x": x, "weights": weights}
            if n is not None:
                given["again"] = int(n % around.chunks != around.chunks - 1)
                if silence.any():
                    given["silent"] = int(silence[n, k % silence.shape[1]])
            elif silence.any():
                given["silent"] = int(around.rng.integers(2))
            if c in asked:
                given["select"] = asked[c][1]
            seen = yield given
            if before is not None:
                got[before] = seen["raw"]
            before = asked.get(c)
            now = n if n is not None else 0
            x, weights = around.word(now, seen["word"]), around.row(seen["row"])
        out = []
        for n in range(len(gaps)):
            cut = [lanes(got[n, g], s.raw_bits, s.lanes, s.signed) for g in range(groups)]
            out.append(np.array(cut).reshape(s.steps, s.pe))
        return out

    return clocked(MatVec(s, bool(silence.any())), bench())


@pytest.mark.parametrize("s", SHAPES, ids=named)
@pytest.mark.parametrize("chunks", [1, 2])
def test_sums_follow_the_identity_of_the_contract(s, chunks, rng) -> None:
    passes = 2 * s.tiles * chunks + 1
    around = Around(s, rng, passes, chunks)
    gaps = [0, *rng.choice([0, 0, 1, 7], passes - 1)]
    for n, found in enumerate(run(around, gaps, [0] * passes)):
        wanted = around.sums(n, False)
        alive = around.tile(n) * s.pe + np.arange(s.pe) < s.neurons
        assert (found[:, alive] == wanted[:, alive]).all(), n


@pytest.mark.parametrize("s", [SHAPES[4], SHAPES[8], SHAPES[11]], ids=named)
def test_a_silent_pass_sums_zeros(s, rng) -> None:
    passes = 2 * s.tiles + 1
    around = Around(s, rng, passes, 1)
    silent = [1, *rng.integers(0, 2, passes - 2).tolist(), 0]
    around.x[-1] = 1
    for n, found in enumerate(run(around, [0] * passes, silent)):
        alive = around.tile(n) * s.pe + np.arange(s.pe) < s.neurons
        assert (found[:, alive] == around.sums(n, bool(silent[n]))[:, alive]).all(), n


@pytest.mark.parametrize("s", SHAPES[:4] + SHAPES[-3:], ids=named)
def test_sums_are_there_when_published_and_not_a_cycle_before(s, rng) -> None:
    around = Around(s, rng, 2, 1)
    top = (1 << s.bits) - 1
    around.w[:], around.x[0], around.x[1] = 1, 0, top
    wanted = [around.sums(n, False) for n in range(2)]
    found = run(around, [0, 9], [0, 0])
    assert found[0][0, 0] == wanted[0][0, 0] != wanted[1][0, 0] == found[1][0, 0]
    soon = run(around, [0, 9], [0, 0], early=1)
    assert soon[1][0, 0] == wanted[0][0, 0]  # still those of the pass before


def test_a_pass_takes_a_word_for_every_plane() -> None:
    assert [s.cycles for s in SHAPES[:6]] == [1, 1, 12, 3, 3, 5]
    assert [(s.tiles, s.words) for s in SHAPES[6:10]] == [(3, 3), (1, 1), (3, 3), (3, 2)]


def test_tiles_begin_at_a_power_of_two_and_also_where_that_costs_an_address_bit() -> None:
    assert {s.aligned for s in SHAPES if s.tiles > 1 and s.words > 1} == {True, False}
