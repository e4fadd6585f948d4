# amaranth: UnusedElaboratable=no
"""The lanewise unit against numpy and against the ops, pass after pass; its latency and widths."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from clocked import Bench, clocked, joined, lanes

from hdl.cores.lane_shape import LaneShape, packed, raw_bits
from hdl.cores.lanewise import Lanewise
from mapping import Conv, Identity, Pool
from mapping.intervals import uniform

SUM, MAX = "sum", "max"


def shape(
    kind,
    taps,
    neurons,
    bits,
    pe,
    simd,
    steps=1,
    at_once=1,
    late=0,
    signed=False,
    weights=0,
    slack=0,
) -> LaneShape:
    """Return a shape whose sums are as wide as sources of all its bits make them."""
    top = 1 << bits
    source = uniform(-top // 2 if signed else 0, (top // 2 if signed else top) - 1, neurons)
    ops = [Identity()]
    if weights:
        full = np.full((neurons, 1, 1, taps), max(1, (1 << weights - 1) - 1))
        ops = [Conv(sign * full, groups=neurons, bits=weights) for sign in (1, -1)]
    elif taps > 1 or kind == MAX:
        ops = [Pool((1, taps), kind=kind)]
    width = max(raw_bits(op, source, (neurons, 1, taps)) for op in ops)
    return LaneShape(
        kind, taps, neurons, bits, pe, simd, steps, at_once, width, late, signed, weights, slack
    )


SHAPES = [
    # Identities of spikes and values; one word, several; later; with a flag alone that waits.
    shape(SUM, 1, 1, 1, 1, 1), shape(SUM, 1, 6, 1, 4, 4, at_once=4),
    shape(SUM, 1, 8, 5, 4, 2, at_once=2, signed=True), shape(SUM, 1, 6, 3, 3, 3, steps=2, late=3),
    shape(SUM, 1, 6, 3, 3, 3, at_once=3, late=5, slack=3),
    shape(SUM, 1, 4, 2, 4, 1, slack=9, late=4),
    # OR pools, max pools, signed ones.
    shape(MAX, 4, 5, 1, 5, 5, at_once=5), shape(MAX, 4, 8, 1, 4, 2, steps=2, at_once=2),
    shape(MAX, 9, 4, 4, 4, 4, at_once=4), shape(MAX, 3, 6, 4, 6, 2, signed=True, late=1),
    shape(MAX, 2, 3, 1, 3, 1, signed=True), shape(MAX, 1, 3, 3, 3, 3, signed=True),
    shape(MAX, 4, 2, 8, 2, 2, signed=True, late=4, slack=2),
    # Sums.
    shape(SUM, 4, 8, 1, 8, 4, at_once=4), shape(SUM, 9, 3, 3, 3, 1, steps=2),
    shape(SUM, 2, 4, 8, 2, 2, at_once=2, signed=True, late=2),
    shape(SUM, 3, 2, 1, 2, 2, signed=True),
    # Depthwise: bipolar, ternary, wide; spikes, values, signed values.
    shape(SUM, 9, 5, 1, 3, 3, weights=1), shape(SUM, 4, 6, 4, 4, 2, weights=1, late=1),
    shape(SUM, 4, 4, 3, 4, 4, at_once=2, weights=1, signed=True),
    shape(SUM, 9, 4, 1, 4, 4, weights=2),
    shape(SUM, 3, 7, 1, 4, 2, steps=2, weights=8), shape(SUM, 4, 4, 5, 2, 1, weights=4),
    shape(SUM, 6, 4, 8, 2, 2, weights=8, signed=True, late=3, slack=2),
    shape(SUM, 2, 3, 1, 3, 3, weights=3, signed=True), shape(SUM, 1, 3, 2, 1, 1, weights=3),
    shape(SUM, 1, 3, 3, 3, 3, weights=1), shape(SUM, 9, 5, 1, 2, 2, weights=2),  # 27 rows
]  # fmt: skip


def named(s: LaneShape) -> str:
    """Return how a shape is called."""
    signed = "s" if s.signed_x else "u"
    return (
        f"{s.kind}{s.taps}-w{s.weight_bits}-{signed}{s.bits}-n{s.neurons}-pe{s.pe}-simd{s.simd}-"
        f"steps{s.steps}-lanes{s.lanes}-late{s.registers}-slack{s.slack}"
    )


class Around:
    """Words and weights for passes of a unit, and what they must give."""

    def __init__(self, s: LaneShape, rng: np.random.Generator, passes: int, chunks: int) -> None:
        self.s, self.rng, self.chunks = s, rng, chunks
        low = -(1 << s.bits - 1) if s.signed_x else 0
        high = low + (1 << s.bits) - 1
        self.x = rng.integers(low, high + 1, (passes, s.steps, s.taps, s.pe))
        # Both ends of the range, everywhere and channel by channel.
        self.x[0], self.x[-1] = high, low
        self.x[passes // 2] = rng.choice([low, high], self.x.shape[1:])
        top = max(1, (1 << max(1, s.weight_bits) - 1) - 1)
        self.w = rng.integers(-top, top + 1, (s.neurons, s.taps))
        if s.weight_bits == 1:
            self.w = rng.choice([-1, 1], self.w.shape)
        self.w[0], self.w[-1] = top, -top
        self.rows = packed(self.w, s) if s.weight_bits else []
        self.silent = np.zeros((passes, s.taps, s.parts), int)

    def word(self, n: int, at: int) -> int:
        """Return word ``at`` of pass n: part ``at % parts`` of tap ``at // parts``."""
        s = self.s
        tap, part = divmod(at, s.pe // s.simd)
        mine = self.x[n, :, tap, part * s.simd : (part + 1) * s.simd]
        return joined(mine.reshape(-1), s.bits)

    def noise(self, bits: int) -> int:
        """Return anything."""
        return int.from_bytes(self.rng.bytes(bits // 8 + 1), "little") & ((1 << bits) - 1)

    def sums(self, n: int) -> np.ndarray:
        """Return what pass n must give, (steps, pe)."""
        s = self.s
        heard = np.repeat(1 - self.silent[n], s.simd, axis=1) * self.x[n]
        if s.kind == MAX:
            return heard.max(axis=1)
        if not s.weight_bits:
            return heard.sum(axis=1)
        tile = n // self.chunks % s.tiles
        w = np.zeros((s.pe, s.taps), int)
        mine = self.w[tile * s.pe : (tile + 1) * s.pe]
        w[: len(mine)] = mine
        return (heard * w.T).sum(axis=1)

    def alive(self, n: int) -> np.ndarray:
        """Return which lanes hold a channel."""
        return n // self.chunks % self.s.tiles * self.s.pe + np.arange(self.s.pe) < self.s.neurons


def run(around: Around, gaps: list[int], early: int = 0, kept: bool = False) -> list[np.ndarray]:
    """Run passes, a gap before each; return the sums of each, asked for when they are there.

    early: cycles by which they are asked for too soon. kept: they are asked for as late as can be.
    """
    s = around.s
    begin, at = [], 0
    for gap in gaps:
        at += gap
        begin.append(at)
        at += max(s.cycles + s.slack, s.groups)
    begin.append(at + 20)
    issues = {b + k: (n, k) for n, b in enumerate(begin[:-1]) for k in range(s.cycles)}
    asked = {}
    for n, (b, after) in enumerate(zip(begin, begin[1:], strict=False)):
        wait = after - b - s.groups if kept else 0
        for g in range(s.groups):
            asked[b + s.cycles - 1 + s.latency - early + wait + g] = n, g
    silences = bool(around.silent.any())

    def bench() -> Bench[list[np.ndarray]]:
        got: dict[tuple[int, int], int] = {}
        x, weights = 0, around.noise(s.rom_bits)
        before = None
        for c in range(max(asked) + 2):
            issued = issues.get(c)
            given = {"issue": int(issued is not None), "x": x}
            if s.weight_bits:
                given["weights"] = weights
            if issued is not None:
                n, k = issued
                given["again"] = int(n % around.chunks != around.chunks - 1)
                x = around.word(n, k)
                if silences:
                    given["silent"] = int(around.silent[n].reshape(-1)[k])
            else:
                given["again"] = int(around.rng.integers(2))
                x = around.noise(s.simd * s.bits * s.steps)
                if silences:
                    given["silent"] = int(around.rng.integers(2))
            given["select"] = asked[c][1] if c in asked else around.noise(1) % s.groups
            seen = yield given
            if before is not None:
                got[before] = seen["raw"]
            before = asked.get(c)
            weights = around.noise(s.rom_bits)
            if s.weight_bits and issued is not None:
                weights = around.rows[seen["row"]]
        out = []
        for n in range(len(gaps)):
            cut = [lanes(got[n, g], s.raw_bits, s.lanes, s.signed) for g in range(s.groups)]
            out.append(np.array(cut).reshape(s.steps, s.pe))
        return out

    return clocked(Lanewise(s, silences), bench())


def check(around: Around, gaps: list[int], **options: bool) -> None:
    """Compare every sum of every pass."""
    for n, found in enumerate(run(around, gaps, **options)):
        alive = around.alive(n)
        assert (found[:, alive] == around.sums(n)[:, alive]).all(), n


@pytest.mark.parametrize("s", SHAPES, ids=named)
@pytest.mark.parametrize("chunks", [1, 2])
def test_each_lane_gives_what_its_channel_holds(s, chunks, rng) -> None:
    passes = 2 * s.tiles * chunks + 3
    around = Around(s, rng, passes, chunks)
    check(around, [0, *rng.choice([0, 0, 1, 7], passes - 1)])
    check(around, [0] * passes)


@pytest.mark.parametrize("s", SHAPES, ids=named)
def test_silent_words_are_zeros_wherever_they_come(s, rng) -> None:
    passes = 2 * s.tiles + 5
    around = Around(s, rng, passes, 1)
    around.silent[:] = rng.integers(0, 2, around.silent.shape)
    around.silent[0], around.silent[-1] = 1, 1
    check(around, [0, *rng.choice([0, 0, 3], passes - 1)])


@pytest.mark.parametrize("s", SHAPES, ids=named)
def test_sums_are_kept_until_the_next_ones_come(s, rng) -> None:
    passes = s.tiles + 3
    check(Around(s, rng, passes, 1), rng.choice([0, 1, 5], passes).tolist(), kept=True)


@pytest.mark.parametrize("s", SHAPES, ids=named)
def test_sums_are_there_when_published_and_not_a_cycle_before(s, rng) -> None:
    s = replace(s, neurons=s.pe)
    around = Around(s, rng, 2, 1)
    around.x[0], around.x[1] = 0, -1 if s.signed_x else (1 << s.bits) - 1
    around.w[:] = 1
    around.rows = packed(around.w, s) if s.weight_bits else []
    wanted = [around.sums(n) for n in range(2)]
    found = run(around, [0, 9])
    assert (found[0] == wanted[0]).all() and (found[1] == wanted[1]).all()
    soon = run(around, [0, 9], early=1)
    assert (soon[1][0, : s.lanes] == wanted[0][0, : s.lanes]).all()  # still of the pass before
    assert (wanted[1][0, : s.lanes] != wanted[0][0, : s.lanes]).all()


@pytest.mark.parametrize("seed", range(60))
def test_drawn_shapes(seed) -> None:
    rng = np.random.default_rng(seed)
    simd, parts = int(rng.integers(1, 5)), int(rng.integers(1, 4))
    pe = simd * parts
    bits = int(rng.choice([1, 1, 1, 2, 3, 8]))
    kind = MAX if rng.random() < 0.4 else SUM
    weights = int(rng.choice([0, 1, 2, 3, 4, 8])) if kind == SUM else 0
    lanes_at_once = int(rng.choice([d for d in range(1, pe + 1) if pe % d == 0]))
    neurons = pe * int(rng.integers(1, 4)) - int(rng.integers(0, pe))
    s = shape(
        kind, int(rng.integers(1, 10)), neurons, bits, pe, simd, int(rng.integers(1, 4)),
        lanes_at_once, int(rng.integers(0, 5)), bool(rng.integers(2)), weights,
        int(rng.integers(0, 5)),
    )  # fmt: skip
    print(seed, s)
    passes = 2 * s.tiles + 3
    around = Around(s, rng, passes, 1)
    if rng.random() < 0.5:
        around.silent[:] = rng.random(around.silent.shape) < 0.3
    check(around, rng.choice([0, 0, 0, 1, 4], passes).tolist())


def places(op, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return what every output sees of a map, (positions, taps, channels), and what is padding."""
    window = op.window
    _, rows, cols = op.out_shape(x.shape)
    seen, beyond = [], []
    for r in range(rows):
        for c in range(cols):
            for kr in range(window.kernel[0]):
                for kc in range(window.kernel[1]):
                    at_r = r * window.stride[0] - window.padding[0] + kr * window.dilation[0]
                    at_c = c * window.stride[1] - window.padding[1] + kc * window.dilation[1]
                    out = not (0 <= at_r < x.shape[1] and 0 <= at_c < x.shape[2])
                    beyond.append(out)
                    seen.append(np.zeros(len(x), int) if out else x[:, at_r, at_c])
    each = window.kernel[0] * window.kernel[1]
    return np.array(seen).reshape(-1, each, len(x)), np.array(beyond).reshape(-1, each)


def ops(rng: np.random.Generator) -> list:
    """Return an op of each kind."""
    bipolar = rng.choice([-1, 1], (4, 1, 3, 2))
    wide = rng.integers(-7, 8, (4, 1, 2, 3))
    return [
        Identity(), Pool((2, 2)), Pool((3, 2), stride=(1, 2), padding=(1, 1), kind="max"),
        Pool((2, 3), stride=1, padding=1), Conv(bipolar, padding=1, groups=4),
        Conv(wide, stride=2, padding=(1, 2), dilation=(2, 1), groups=4, bits=4),
    ]  # fmt: skip


@pytest.mark.parametrize("low, high", [(0, 1), (0, 5), (-3, 6), (-8, -2)])
@pytest.mark.parametrize("which", range(6))
def test_it_is_the_op_within_the_bits_that_are_proved(which, low, high, rng) -> None:
    op = ops(rng)[which]
    x = rng.integers(low, high + 1, (4, 4, 5))
    x[:2] = rng.choice([low, high], x[:2].shape)
    seen, beyond = places(op, x)
    kind, weights = ("sum", op.bits) if op.linear else ("max", 0)
    bits = max(1, max(low, high, -1 - low).bit_length() + (low < 0))
    s = LaneShape(
        kind, seen.shape[1], 4, bits, 4, 2, 1, 2, raw_bits(op, uniform(low, high, 4), x.shape), 1,
        low < 0, weights,
    )  # fmt: skip
    around = Around(s, rng, len(seen), 1)
    around.x = seen[:, None] + around.rng.integers(1, 3) * beyond[:, None, :, None]  # noise there
    around.silent[:] = beyond[..., None]
    if weights:
        around.w = op.weights.reshape(4, -1).astype(int)
        around.rows = packed(around.w, s)
    wanted = op.apply(x[None]).reshape(4, -1).T
    assert (np.array(run(around, [0] * len(seen)))[:, 0] == wanted).all()


def test_bits_are_those_of_sums_with_zeros_and_a_sign_where_there_can_be_one() -> None:
    spikes, three, below = uniform(0, 1, 4), uniform(3, 3, 4), uniform(-5, -3, 4)
    at = (4, 6, 6)
    assert raw_bits(Pool((3, 3)), spikes, at) == 4
    assert raw_bits(Pool((3, 3), kind="max"), spikes, at) == 1
    assert raw_bits(Identity(), three, at) == 2
    assert raw_bits(Identity(), three, at, signed_x=True) == 3
    assert raw_bits(Identity(), below, at, signed_x=True) == raw_bits(Identity(), below, at) == 4
    assert raw_bits(Pool((2, 2)), below, at) == 6
    plus = np.ones((4, 1, 2, 2), int)
    assert raw_bits(Conv(plus, groups=4), spikes, at) == 4  # 0 .. 4, and its sign
    mixed = np.array([1, -1, 1, -1]).reshape(1, 1, 2, 2) * plus
    assert raw_bits(Conv(mixed, groups=4), uniform(3, 5, 4), at) == 5  # -10 .. 10
    assert raw_bits(Conv(7 * plus, groups=4, bits=4), below, at) == 9


def test_a_pass_takes_the_words_of_a_tile_for_every_tap() -> None:
    s = shape(MAX, 9, 16, 1, 8, 4, steps=2, at_once=2)
    assert (s.parts, s.cycles, s.tiles, s.groups) == (2, 18, 2, 8)
    assert (s.rom_bits, s.rows, s.skips, s.signed) == (0, 0, False, False)
    depthwise = shape(SUM, 9, 16, 1, 8, 4, weights=4)
    assert (depthwise.rom_bits, depthwise.rows, depthwise.signed) == (
        16,
        50,
        True,
    )


def test_latency_is_a_cycle_for_each_register_on_the_way() -> None:
    assert shape(SUM, 1, 4, 1, 4, 4, at_once=4).latency == 1  # an identity: what is kept, alone
    assert shape(SUM, 1, 4, 1, 4, 4).latency == 2
    assert shape(MAX, 4, 4, 1, 4, 4, at_once=4).latency == 1
    assert shape(SUM, 4, 4, 1, 4, 4, at_once=4).latency == 2
    assert shape(SUM, 4, 4, 2, 4, 4, at_once=4, weights=2, late=3).latency == 6


@pytest.mark.parametrize("wrong", [{"simd": 3}, {"lanes": 3}, {"kind": "max", "weight_bits": 1}])
def test_what_does_not_divide_is_refused(wrong) -> None:
    with pytest.raises(ValueError, match=r"must divide|has no weights"):
        replace(shape(SUM, 4, 8, 1, 8, 4), **wrong)


def test_tiles_begin_at_a_power_of_two_and_also_where_that_costs_an_address_bit() -> None:
    kinds = {s.rows_of.aligned for s in SHAPES if s.weight_bits and s.tiles > 1}
    assert kinds == {True, False}
