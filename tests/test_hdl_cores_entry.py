# amaranth: UnusedElaboratable=no
"""Entry: good, cut, short, long, stray, doubled and dropped beats, and resets at any moment.

Whatever comes, what goes on is whole blocks, the next whole sample is exact, and the error bits
are those of what happened, and no others.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest
from clocked import Bench, clocked
from hypothesis import given, settings
from hypothesis import strategies as st

from hdl.cores.entry import ERRORS, Entry

#: Beats of a block, of a sample's first one, blocks of a whole sample.
SHAPES = [(1, 1, 1), (1, 1, 4), (3, 3, 1), (4, 2, 3), (2, 1, 2), (5, 5, 2)]
Beat = tuple[int, int, int]  # data, first, last
Block = tuple[list[int], int, int]  # data, first, whether its last beat ends the sample


@dataclass
class Law:
    """What the protocol says of the beats that were taken since the last reset."""

    shape: tuple[int, int, int]
    blocks: list[Block] = field(default_factory=list)
    errors: set[str] = field(default_factory=set)
    sample: list[int] | None = None  # the beats of the sample at hand
    deaf: bool = False  # after a sample that was too long
    dropped: bool = False  # the block at hand is not wanted

    def ends(self) -> list[int]:
        """Return after how many beats of a sample a block ends."""
        beats, first, blocks = self.shape
        return [first + n * beats for n in range(blocks)]

    def take(self, beat: Beat, drop: bool = False) -> str:
        """Take one beat; return whether it is "inside" a sample, makes it "short", or neither."""
        data, first, last = beat
        if first:
            if self.sample is not None:
                self.errors.add("cut")
            self.sample, self.deaf, self.dropped = [], False, False
        elif self.sample is None:
            if not self.deaf:
                self.errors.add("stray")
            return "dropped"
        ends = self.ends()
        if len(self.sample) in ends:  # this beat begins a block
            self.dropped = drop
        self.sample.append(data)
        size = len(self.sample)
        short = last and size not in ends
        if size in ends:
            n = ends.index(size)
            complete = n == len(ends) - 1
            begin = ends[n - 1] if n else 0
            if not self.dropped:
                self.blocks.append((self.sample[begin:], int(n == 0), int(complete or last)))
            if complete and not last:
                self.errors.add("long")
                self.deaf = True
            last = last or complete
        elif short:
            self.errors.add("short")
        if last:
            self.sample = None
        if self.dropped:
            return "dropped"
        return "short" if short else "inside"


def good(shape, rng: random.Random, count: int | None = None) -> list[Beat]:
    """Return a sample of some blocks, or of all."""
    beats, first, blocks = shape
    size = first + ((count or rng.randint(1, blocks)) - 1) * beats
    return [(rng.getrandbits(5), int(k == 0), int(k == size - 1)) for k in range(size)]


def faulty(shape, rng: random.Random) -> list[Beat]:
    """Return beats with one thing wrong, or nothing: what a bad link, or a bad host, sends."""
    sample = good(shape, rng)
    at = rng.randrange(len(sample))
    kind = rng.choice(
        [
            "good",
            "cut",
            "early",
            "missing",
            "longer",
            "stray",
            "doubled",
            "dropped",
            "noise",
            "none",
        ]
    )
    if kind == "cut":
        return sample[:at]
    if kind == "early":
        return [*sample[:at], (sample[at][0], sample[at][1], 1)]
    if kind == "missing":
        return [(d, f, 0) for d, f, _ in sample]
    if kind == "longer":
        full = good(shape, rng, shape[2])
        more = [(rng.getrandbits(5), 0, rng.randrange(2)) for _ in range(rng.randint(1, 6))]
        return [(d, f, 0) for d, f, _ in full] + more
    if kind == "stray":
        return [*sample, *((rng.getrandbits(5), 0, rng.randrange(2)) for _ in range(3))]
    if kind == "doubled":
        return [*sample[: at + 1], *sample[at:]]
    if kind == "dropped":
        return [*sample[:at], *sample[at + 1 :]]
    if kind == "noise":
        return [(rng.getrandbits(5), rng.randrange(2), rng.randrange(2)) for _ in range(6)]
    return sample if kind == "good" else []


def follow(shape, beats: list[Beat], rng: random.Random, *, idle=0, full=0, resets=0, drops=0):
    """Send beats; compare blocks, errors and credits in every cycle.

    idle, full, resets, drops: per mille of cycles without a beat, without room, with a reset; in
    which a sample turns out not to be wanted. Returns the laws from reset to reset.
    """

    def bench() -> Bench[list[Law]]:
        laws = [law := Law(shape)]
        blocks: list[Block] = []  # that have come out
        part: list[Beat] = []  # of the block at hand
        reserved, drop, goes_on = 0, False, False
        errors: set[str] = set()  # of the beats before this cycle
        for beat in [*beats, None]:  # and a cycle to see what the last one did
            taken = False
            while not taken:
                offered = beat is not None and rng.randrange(1000) >= idle
                room, reset = rng.randrange(1000) >= full, rng.randrange(1000) < resets
                data, first, last = beat if offered else [rng.getrandbits(b) for b in (5, 1, 1)]
                seen = yield {
                    "i_valid": int(offered), "i_data": data, "i_first": first, "i_last": last,
                    "room": int(room), "reset": int(reset), "drop": int(drop),
                }  # fmt: skip
                held = reserved > len(law.blocks)
                assert seen["i_ready"] == (not reset and (held or room))
                assert seen["error"] == sum(1 << ERRORS.index(e) for e in errors)
                assert seen["o_valid"] == goes_on
                taken = bool(offered and seen["i_ready"])
                assert seen["began"] == (taken and first)
                came = 1 if first else 1 + len(law.sample or ()) * (law.sample is not None)
                open_now = taken and not reset and (first or law.sample is not None)
                assert seen["entered"] == (open_now and came == shape[1])
                if reset:
                    laws.append(law := Law(shape))
                    blocks, part, reserved, drop, goes_on, errors = [], [], 0, False, False, set()
                    continue
                if goes_on:
                    part.append((seen["o_data"], seen["o_first"], seen["o_last"]))
                    begins = part[0][1]
                    if len(part) == (shape[1] if begins else shape[0]):
                        assert {f for _, f, _ in part} == {begins}
                        assert not any(end for *_, end in part[:-1])
                        blocks.append(([d for d, *_ in part], begins, part[-1][2]))
                        part = []
                assert blocks == law.blocks
                if seen["abort"]:
                    assert part, "a block is given up of which nothing had gone on"
                    part = []
                kind = law.take((data, first, last), drop) if taken else "nothing"
                goes_on, wanted = kind == "inside", kind in ("inside", "short")
                assert seen["reserve"] == (wanted and not held)
                reserved += seen["reserve"]
                errors = set(law.errors)
                if beat is None:
                    break
                if taken:
                    drop = (drop and not first) or rng.randrange(1000) < drops
        return laws

    return clocked(
        Entry(5, beats=shape[0], beats_first=shape[1], blocks=shape[2], drops=True), bench()
    )


def drawn(shape, rng: random.Random, count: int) -> list[Beat]:
    """Return faulty stretches, now and then followed by a good sample."""
    return [b for _ in range(count) for b in (*faulty(shape, rng), *good(shape, rng))]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_faults_of_every_kind_are_told_and_the_next_sample_is_whole(shape, seed) -> None:
    rng = random.Random(seed)
    for rates in ({}, {"idle": 300, "full": 300}, {"resets": 40, "idle": 100}, {"drops": 100}):
        laws = follow(shape, drawn(shape, rng, 60), rng, **rates)
        assert sum(len(law.blocks) for law in laws) > 20


def pieces(shape, sample: list[Beat]) -> list[Block]:
    """Cut a good sample into its blocks."""
    data = [d for d, *_ in sample]
    cuts = [0, *range(shape[1], len(data) + 1, shape[0])]
    pairs = zip(cuts, cuts[1:], strict=False)
    return [(data[a:b], int(a == 0), int(b == len(data))) for a, b in pairs]


def test_each_fault_sets_its_own_bit_and_the_sample_after_it_is_exact(seed) -> None:
    rng, shape = random.Random(seed), (4, 2, 3)
    whole = good(shape, rng, 3)  # 2 + 4 + 4 beats
    data = [(d, f, 0) for d, f, _ in whole]
    for faults, beats in [
        ([], good(shape, rng, 1)), ([], good(shape, rng, 2)), ([], whole),
        (["cut"], whole[:1]), (["cut"], whole[:2]), (["cut"], whole[:5]), (["cut"], whole[:9]),
        (["short"], [*data[:4], (0, 0, 1)]), (["short"], [(0, 1, 1)]),
        (["short"], [*data[:9][:-1], (0, 0, 1)]), (["short"], [*whole[:7], *whole[8:]]),
        (["long"], data), (["long"], [*data, (1, 0, 0)] * 1), (["long"], [*data, (1, 0, 1)]),
        (["long"], [*data[:3], *whole[2:]]),
        (["stray"], [(3, 0, 0)]), (["stray"], [(3, 0, 1)]), (["stray"], [*whole, (3, 0, 1)]),
        (["stray"], whole[1:]), (["cut"], [whole[0], *whole]),
        (["cut", "stray"], [(1, 0, 0), *data[:3]]),
        (["short", "stray"], [*data[:3], (1, 0, 1), (1, 0, 0)]),
    ]:  # fmt: skip
        after = good(shape, rng)
        law = follow(shape, [*whole, *beats, *after, *whole], rng, idle=200, full=200)[-1]
        wanted = [*pieces(shape, after), *pieces(shape, whole)]
        assert law.blocks[-len(wanted) :] == wanted
        assert sorted(law.errors) == faults, beats


@settings(max_examples=60)
@given(st.data(), st.sampled_from(SHAPES), st.integers(0, 2**20), st.booleans())
def test_whatever_comes_the_law_holds_and_the_next_sample_is_whole(data, shape, seed, slow):
    beat = st.tuples(st.integers(0, 31), st.integers(0, 1), st.integers(0, 1))
    beats, rng = data.draw(st.lists(beat, max_size=30)), random.Random(seed)
    after, more = good(shape, rng), good(shape, rng)
    law = follow(shape, [*beats, *after, *more], rng, idle=200 * slow, full=200 * slow)[-1]
    wanted = [*pieces(shape, after), *pieces(shape, more)]
    assert law.blocks[-len(wanted) :] == wanted


def test_nothing_is_taken_during_reset_and_errors_go() -> None:
    def bench() -> Bench[None]:
        offer = {"i_valid": 1, "i_first": 0, "i_last": 1, "room": 1}
        assert (yield {**offer, "reset": 1})["i_ready"] == 0
        assert (yield offer)["i_ready"] == 1
        assert (yield {})["error"] == 1 << ERRORS.index("stray")
        seen = yield {**offer, "i_first": 1, "reset": 1}
        assert (seen["i_ready"], seen["began"], seen["reserve"]) == (0, 0, 0)
        seen = yield {}
        assert (seen["error"], seen["o_valid"]) == (0, 0)

    clocked(Entry(5, beats=2, beats_first=2, blocks=1), bench())


def test_a_beat_goes_on_a_cycle_later_and_every_cycle() -> None:
    def bench() -> Bench[None]:
        for k in range(8):
            offer = {"i_valid": 1, "i_data": k, "i_first": k % 4 == 0, "i_last": k % 4 == 3}
            seen = yield {**offer, "room": 1}
            assert seen["i_ready"] == 1
            assert (seen["o_valid"], seen["o_data"]) == ((1, k - Entry.latency) if k else (0, 0))

    clocked(Entry(5, beats=2, beats_first=2, blocks=2), bench())
