# amaranth: UnusedElaboratable=no
"""Zero words are found, left out, and add nothing: the list, the passes, the sums, core by core."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from clocked import Bench, clocked, joined, lanes
from test_hdl_cores_matvec import SHAPES, Around, named

from hdl.cores.matvec import MatVec, Shape
from hdl.cores.sequencer import Sequencer
from hdl.cores.skipping import APART, Skipping, Words
from hdl.streams import Blocks

WORDS = {
    "two": Words(2, 1, 1),
    "a power of two": Words(8, 3, 1),
    "seven": Words(7, 4, 1, (2, 3)),
    "of low bits unused": Words(5, 3, 1, (0,)),
    "planes": Words(3, 2, 3),
    "planes, one unused": Words(6, 3, 4, (2,)),
}


@dataclass
class Readers:
    """A sender and a reader of blocks, at random; which words are set is what is said here again.

    A block waits once its last beat came ``Skipping.latency`` cycles before, and no block before
    it was begun in the last cycle.
    """

    words: Words
    banks: int
    tokens: int
    rng: random.Random
    waits: int
    full: list[tuple[int, list[int]]] = field(default_factory=list)

    def block(self, share: float) -> list[int]:
        """Return the beats of a block, of which a share is set; noise where nothing stands."""
        w, beats = self.words, []
        for word in range(w.number):
            data = self.rng.getrandbits(w.simd * w.bits) if self.rng.random() < share else 0
            for j in w.unused if word == w.number - 1 else ():
                field = ((1 << w.bits) - 1) << j * w.bits
                data = data & ~field | self.rng.getrandbits(w.simd * w.bits) & field
            beats.append(data)
        return beats

    def set_words(self, beats: list[int]) -> list[int]:
        """Return the words of a block in which something is set."""
        w, found = self.words, []
        for word, data in enumerate(beats):
            for j in w.unused if word == w.number - 1 else ():
                data &= ~(((1 << w.bits) - 1) << j * w.bits)
            if data:
                found.append(word)
        return found

    def bench(self, blocks: int) -> Bench[int]:
        """Send blocks, give some up, read each in one pass or more; return how many were read."""
        w, rng = self.words, self.rng
        shares = [0, 1, *(rng.choice((0, 0.1, 0.5, 1)) for _ in range(blocks - 2))]
        waiting: list[tuple[int, list[int] | None]] = [(-Skipping.latency, None)] * self.tokens
        used, begun_at, done, cycle = self.tokens, -9, 0, 0
        beats: list[int] = []
        sent = at = 0
        reading: list[int] | None = None
        left: list[tuple[int, int, int]] = []  # word, opens, closes of what is still to be read
        passes = 0
        while done < blocks + self.tokens:
            given = {"data": rng.getrandbits(w.simd * w.bits)}
            if not beats and sent < blocks and used < self.banks and rng.random() < 0.8:
                beats, at = self.block(shares[sent]), 0
                used += 1
            if beats and rng.randrange(100) >= self.waits:
                if at and rng.random() < 0.03:  # what has come of it is given up
                    given["abort"] = 1
                    beats, at = self.block(shares[sent]), 0
                else:
                    given |= {"valid": 1, "data": beats[at]}
                    at += 1
            full = bool(waiting) and cycle > waiting[0][0] + Skipping.latency
            full = full and cycle >= begun_at + APART
            start = full and not left and not passes and rng.randrange(100) >= self.waits
            given["start"] = int(start)
            within = 0 < len(left) < len(self.pass_of(reading))
            issue = within or (bool(left) and rng.randrange(100) >= self.waits)
            given["issue"] = int(issue)
            given["finish"] = int(issue and len(left) == 1)
            seen = yield given
            assert seen["full"] == full, cycle
            if issue:
                word, opens, closes = left.pop(0)
                assert (seen["opens"], seen["closes"]) == (opens, closes), cycle
                if word is None:
                    assert seen["word"] < w.number
                else:
                    assert seen["word"] == word, cycle
                if not left:
                    passes -= 1
                    if passes:
                        left = self.pass_of(reading)
                    else:
                        used, done = used - 1, done + 1
            if start:
                _, reading = waiting.pop(0)
                begun_at = cycle
                if reading is not None:
                    assert seen["turns"] == max(1, len(reading)) * w.bits - 1
                left, passes = self.pass_of(reading), rng.randint(1, 3)
            if beats and at == w.number:
                waiting.append((cycle, self.set_words(beats)))
                beats, sent = [], sent + 1
            cycle += 1
        return done

    def pass_of(self, reading: list[int] | None) -> list:
        """Return the words of a pass; None for any word."""
        listed = reading or [None]
        last = len(listed) - 1
        return [
            (word, int(n == 0), int(n == last))
            for _ in range(self.words.bits)
            for n, word in enumerate(listed)
        ]


@pytest.mark.parametrize("name", WORDS)
@pytest.mark.parametrize(("banks", "tokens"), [(1, 0), (2, 0), (3, 1), (5, 0)])
@pytest.mark.parametrize("waits", [0, 50])
def test_the_words_that_are_not_zero_are_read_and_no_others(
    name, banks, tokens, waits, seed
) -> None:
    around = Readers(WORDS[name], banks, tokens, random.Random(f"{seed} {name}"), waits)
    blocks = 40
    assert clocked(Skipping(WORDS[name], banks, tokens), around.bench(blocks)) == blocks + tokens


def test_a_block_of_one_word_is_no_list() -> None:
    with pytest.raises(ValueError, match="a block of one word is read as it is"):
        Skipping(Words(1, 8, 1), 2)


# The sums.

SKIPS = [
    replace(s, skips=True, raw_bits=s.raw_bits + 1) for s in SHAPES if s.words > 1 and s.steps == 1
]


class Sparse(Around):
    """Inputs of which whole words are zero, and rows of weights with their numbers of -1."""

    def __init__(self, s: Shape, rng: np.random.Generator, passes: int) -> None:
        super().__init__(s, rng, passes, 1)
        for n in range(1, passes):
            keep = rng.random(s.words) < rng.choice([0, 0.3, 1])
            for word in range(s.words):
                for j in range(s.simd):
                    i = self.place(word, j)
                    if i is not None and not keep[word]:
                        self.x[n, :, i] = 0

    def set(self, n: int, word: int) -> bool:
        """Return whether something is set in a word of pass n."""
        places = [self.place(word, j) for j in range(self.s.simd)]
        return any(self.x[n, 0, i] for i in places if i is not None)

    def row(self, row: int) -> int:
        """Return a row: weights, then how many of each output's are -1."""
        s = self.s
        tile, word = divmod(row, s.stride)
        minus = []
        for lane in range(s.pe):
            o = tile * s.pe + lane
            places = [self.place(word, j) for j in range(s.simd)] if word < s.words else []
            mine = [i for i in places if i is not None and o < s.neurons]
            minus.append(sum(self.w[o, i] < 0 for i in mine))
        return super().row(row) | joined(minus, s.simd.bit_length()) << s.pe * s.simd


def sums(s: Shape, rng: np.random.Generator, passes: int, silent: list[int]) -> None:
    """Run passes that leave zero words out, but for some; compare every sum."""
    around = Sparse(s, rng, passes)
    groups = s.pe // s.lanes
    plans, at, asked = {}, 0, {}
    for n in range(passes):
        at += int(rng.choice([0, 0, 1, 7]))
        some = [w for w in range(s.words) if around.set(n, w) or silent[n] or rng.random() < 0.2]
        some = [int(w) for w in rng.permutation(some or [rng.integers(s.words)])]
        turns = [(w, int(k == 0), int(k == len(some) - 1))
                 for _ in range(s.bits) for k, w in enumerate(some)]  # fmt: skip
        # The sums of the pass before are used up when those of this one come.
        at += max(0, groups - len(turns))
        for turn in turns:
            plans[at] = (n, *turn)
            at += 1
        asked |= {at - 1 + s.latency + g: (n, g) for g in range(groups)}

    def bench() -> Bench[dict[tuple[int, int], int]]:
        got: dict[tuple[int, int], int] = {}
        x = weights = 0
        before = None
        for c in range(max(asked) + 2):
            given = {"x": x, "weights": weights, "listed": int(rng.integers(s.words)),
                     "opens": int(rng.integers(2)), "closes": 0}  # fmt: skip
            if any(silent):
                given["silent"] = int(rng.integers(2))
            if c in plans:
                n, given["listed"], given["opens"], given["closes"] = plans[c]
                given["issue"] = 1
                if any(silent):
                    given["silent"] = silent[n]
            if c in asked:
                given["select"] = asked[c][1]
            seen = yield given
            if before is not None:
                got[before] = seen["raw"]
            before = asked.get(c)
            if c in plans:
                assert seen["word"] == plans[c][1]
            x = around.word(plans[c][0] if c in plans else 0, seen["word"])
            weights = around.row(seen["row"])
        return got

    got = clocked(MatVec(s, any(silent)), bench())
    for n in range(passes):
        cut = [v for g in range(groups) for v in lanes(got[n, g], s.raw_bits, s.lanes, True)]
        for lane, value in enumerate(cut):
            o = around.tile(n) * s.pe + lane
            if o < s.neurons:
                assert value == (0 if silent[n] else int(around.x[n, 0] @ around.w[o])), (n, o)


@pytest.mark.parametrize("s", SKIPS, ids=named)
def test_sums_without_zero_words_are_those_of_all_words(s, rng) -> None:
    passes = 4 * s.tiles + 1
    sums(s, rng, passes, [0] * passes)


@pytest.mark.parametrize("s", [s for s in SKIPS if s.bits > 1 or s.coded], ids=named)
def test_a_silent_pass_adds_nothing_whatever_its_list(s, rng) -> None:
    passes = 4 * s.tiles + 1
    sums(s, rng, passes, [1, *rng.integers(0, 2, passes - 1).tolist()])


# The passes.


@dataclass(frozen=True)
class Case:
    """A population whose connections say how long its passes are; None: one that does not."""

    tiles: int
    least: int
    cycles: list[int]
    skips: list[bool]
    constant: list[bool]
    back: list[bool]
    late: list[int]
    leader: int | None = 0

    def core(self) -> Sequencer:
        """Return the sequencer."""
        return Sequencer(
            Blocks(4), tiles=self.tiles, period=max(self.least, *self.cycles), cycles=self.cycles,
            constant=self.constant, late=self.late, back=self.back, leader=self.leader, latency=3,
            skips=self.skips, least=self.least,
        )  # fmt: skip


ONE = {"constant": [False], "back": [False], "late": [0]}
TWO = {"constant": [False] * 2, "back": [False] * 2, "late": [0] * 2}
CASES = {
    "one": Case(3, 1, [9], [True], **ONE),
    "one, of few neurons a cycle": Case(2, 4, [9], [True], **ONE),
    "two": Case(2, 1, [9, 4], [True, True], **TWO, leader=1),
    "two, of which one is read whole": Case(2, 2, [9, 1], [True, False], **TWO),
    "two, with the neurons slow": Case(1, 5, [4, 9], [True, True], **TWO),
    "a connection back": Case(2, 1, [3, 8], [True, True], [False] * 2, [False, True], [0, 0]),
    "constant": Case(2, 1, [6], [True], [True], [False], [0], leader=None),
    "constant and another, late": Case(
        2, 2, [6, 5], [True, True], [True, False], [False] * 2, [2, 0], leader=1
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("wait", [0, 60])
def test_all_passes_of_a_block_last_as_long_as_its_longest_connection_says(
    name, wait, seed
) -> None:
    case, rng = CASES[name], random.Random(f"{seed} {name}")
    count = len(case.cycles)

    def bench() -> Bench[int]:
        begun, at, span, kept, loads = 0, None, 0, [0] * count, set()
        for cycle in range(1500):
            turns = [rng.choice((0, rng.randrange(most), most - 1)) for most in case.cycles]
            first = begun % 4 == 0
            full = (1 << count) - 1 if rng.randrange(100) >= wait else 0
            flags = ((1 << count) - 1) * first
            given = {"full": full, "first": flags, "room": 1, "last": 0}
            given |= {f"turns_{k}": turns[k] for k in range(count) if case.skips[k]}
            seen = yield given
            place = None if at is None else cycle - at - 1
            running = place is not None and place < case.tiles * (span + 1)
            left = span - place % (span + 1) if running else None
            ending = running and place == case.tiles * (span + 1) - 1
            for k in range(count):
                issue = running and left <= kept[k]
                assert seen["issue"] >> k & 1 == issue, (cycle, k)
            assert seen["finish"] == int(running and left == 0)
            if seen["finish"]:
                loads.add(cycle + 3)
            assert seen["loaded"] == (cycle in loads)
            ready = bool(full) or (all(case.constant) and not first)
            assert seen["start"] == int((not running or ending) and ready)
            if seen["start"]:
                for k in range(count):
                    if not case.skips[k]:
                        kept[k] = case.cycles[k] - 1
                    elif case.back[k] and first:
                        kept[k] = 0
                    elif first or not case.constant[k]:
                        kept[k] = turns[k]
                at, span, begun = cycle, max(case.least - 1, *kept), begun + 1
        return begun

    assert clocked(case.core(), bench()) > 40
