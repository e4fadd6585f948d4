# amaranth: UnusedElaboratable=no
"""The buffer: blocks come in as a stream orders them and are read word by word, at every rate."""

from __future__ import annotations

import random
from collections.abc import Generator
from dataclasses import dataclass

import pytest
from blocks import order
from clocked import Bench, clocked, played
from hypothesis import given, settings
from hypothesis import strategies as st

from hdl.cores.buffer import BlockBuffer
from hdl.cores.placing import Placing
from hdl.streams import Blocks

#: Whole words and columns, tiles that columns do and do not divide, chunks of several timesteps,
#: timesteps side by side, first blocks that are shorter, one word, one chunk.
PLACINGS = {
    "one word": Placing(1, 1, 1, Blocks(1), 1),
    "words": Placing(13, 4, 3, Blocks(5), 4),
    "columns": Placing(12, 6, 1, Blocks(3), 2, 12),
    "columns, the last word short": Placing(10, 6, 1, Blocks(3), 2, 4),
    "chunks": Placing(7, 4, 2, Blocks(3, 3), 4),
    "chunks, first block short": Placing(9, 3, 2, Blocks(10, 4), 3),
    "side by side": Placing(5, 2, 2, Blocks(8, 4, 2), 2),
    "side by side, first block short": Placing(7, 3, 1, Blocks(10, 4, 2), 3),
    "tiles": Placing(12, 4, 1, Blocks(6, 3), 2, 4),
    "tiles of half a word": Placing(12, 8, 1, Blocks(6, 3), 4, 4),
    "tiles of more than a word": Placing(14, 3, 2, Blocks(4, 4), 3, 6),
    "tiles, all short": Placing(11, 6, 1, Blocks(7, 3), 2, 4),
    "tiles in parallel": Placing(12, 4, 1, Blocks(4, 4, 2), 2, 4),
    "tiles in parallel, all short": Placing(13, 6, 2, Blocks(10, 4, 2), 3, 6),
    "one tile": Placing(6, 2, 1, Blocks(6, 6, 3), 1, 6),
}


@dataclass
class Block:
    """A block: its beats in their order, and its flags."""

    beats: list[tuple[int, int, int]]  # granule, timestep, data
    first: bool
    last: bool

    def word(self, p: Placing, word: int, chunk: int) -> tuple[int, int]:
        """Return what stands at an address, and in which of its bits."""
        at = {(g, t): data for g, t, data in self.beats}
        columns = p.simd // p.granule
        steps = range(p.blocks.parallel) if p.tile is not None else range(1)
        data = mask = place = 0
        for step in steps:
            for column in range(columns):
                here = (word * columns + column, chunk * p.blocks.parallel + step)
                if here in at:
                    data |= at[here] << place
                    mask |= ((1 << p.beat_bits) - 1) << place
                place += p.beat_bits
        return data, mask


def blocks_of(p: Placing, samples: int, rng: random.Random) -> list[Block]:
    """Draw the blocks of some samples."""
    found = []
    for _ in range(samples):
        count = rng.randint(1, -(-p.blocks.timesteps // p.blocks.block))
        for n in range(count):
            beats = [(g, t, rng.getrandbits(p.beat_bits)) for g, t in order(p, n == 0)]
            found.append(Block(beats, n == 0, n == count - 1))
    return found


@dataclass
class Asked:
    """What a reader does in a cycle: the word that must come, the block that begins."""

    given: dict[str, int]
    word: tuple[int, int] = (0, 0)  # and which of its bits matter
    begins: Block | None = None


class Around:
    """A sender and a reader, each at its own rate; the sender gives up and begins again."""

    def __init__(self, p: Placing, banks: int, tokens: int, seed: int, rates) -> None:
        self.p, self.banks, self.tokens = p, banks, tokens
        self.rng = random.Random(seed)
        self.blocks = blocks_of(p, 4, self.rng)
        self.slow_in, self.slow_out, self.aborts = rates
        self.read = 0  # words compared

    def sender(self) -> Generator[dict[str, int], bool, None]:
        """Yield what is sent in a cycle; get whether there is room in the next."""
        rng = self.rng
        room = yield {}
        for block in self.blocks:
            while not room or rng.randrange(100) < self.slow_in:
                room = yield {}
            room = yield {"reserve": 1}
            while rng.randrange(100) < self.aborts:
                for _ in block.beats[: rng.randrange(len(block.beats))]:
                    yield self.beat(block, rng.getrandbits(self.p.beat_bits))
                yield {"abort": 1}
            for _, _, data in block.beats:
                while rng.randrange(100) < self.slow_in:
                    yield {"i_data": rng.getrandbits(self.p.beat_bits), "i_first": 1}
                room = yield self.beat(block, data)
        while True:
            yield {}

    def beat(self, block: Block, data: int) -> dict[str, int]:
        return {"i_valid": 1, "i_data": data, "i_first": block.first, "i_last": block.last}

    def reader(self) -> Generator[Asked, bool, None]:
        """Yield what is asked in a cycle; get whether a block waits in the next."""
        p, rng = self.p, self.rng
        waits = [None] * self.tokens + self.blocks
        full = yield Asked({})
        begun = False  # in the cycle that ended the block before
        for k, block in enumerate(waits):
            if not begun:
                while not full or rng.randrange(100) < self.slow_out:
                    full = yield Asked({})
                full = yield Asked({"start": 1}, begins=block)
            begun = False
            addresses = [(w, c) for c in range(p.blocks.chunks) for w in range(p.words)]
            rng.shuffle(addresses)
            for n, (word, chunk) in enumerate(addresses):
                asked = Asked({"word": word, "chunk": chunk})
                asked.word = (0, -1) if block is None else block.word(p, word, chunk)
                if n == len(addresses) - 1:
                    asked.given["release"] = 1
                    if full and k + 1 < len(waits) and rng.randrange(2):
                        begun, asked.given["start"], asked.begins = True, 1, waits[k + 1]
                full = yield asked
        yield Asked({})

    def bench(self) -> Bench[int]:
        """Let both go until everything is read; return how many words were compared."""
        sender, reader = self.sender(), self.reader()
        sent, asked = next(sender), next(reader)
        used = waiting = self.tokens
        lengths = [len(b.beats) for b in self.blocks]
        coming, left, compared, due = 0, lengths[0], 0, (0, 0)
        while True:
            seen = yield {**sent, **asked.given}
            assert seen["room"] == (used < self.banks)
            assert seen["full"] == (waiting > 0)
            if asked.begins is not None:
                assert (seen["first"], seen["last"]) == (asked.begins.first, asked.begins.last)
            assert seen["data"] & due[1] == due[0]
            compared += due[1] != 0
            due = asked.word
            used += sent.get("reserve", 0) - asked.given.get("release", 0)
            left = lengths[coming] if "abort" in sent else left - sent.get("i_valid", 0)
            if left == 0:
                waiting, coming = waiting + 1, coming + 1
                left = lengths[coming] if coming < len(lengths) else -1
            waiting -= asked.given.get("start", 0)
            sent = sender.send(used < self.banks)
            try:
                asked = reader.send(waiting > 0)
            except StopIteration:
                assert coming == len(self.blocks)
                return compared


#: Per cent of cycles in which the sender, the reader waits, and in which a block begins anew.
RATES = [(0, 0, 0), (0, 80, 0), (70, 0, 0), (40, 40, 40), (0, 0, 50)]


@pytest.mark.parametrize("name", PLACINGS)
def test_every_word_is_what_was_sent(name, seed) -> None:
    for k, rates in enumerate(RATES):
        banks, tokens = [(2, 0), (1, 0), (3, 1), (4, 2), (2, 2)][k]
        around = Around(PLACINGS[name], banks, tokens, seed + k, rates)
        assert clocked(BlockBuffer(PLACINGS[name], banks, tokens), around.bench()) > 0


@st.composite
def placings(draw: st.DrawFn) -> Placing:
    """Draw any placing that its own rules allow."""
    parallel = draw(st.integers(1, 3))
    block = parallel * draw(st.integers(1, 3))
    first = parallel * draw(st.integers(1, block // parallel))
    blocks = Blocks(first + block * draw(st.integers(int(first < block), 2)), block, parallel)
    granule, bits = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    elements = draw(st.integers(1, 14))
    if draw(st.booleans()):
        return Placing(elements, granule, bits, blocks, granule)
    simd, tile = granule * draw(st.integers(1, 3)), granule * draw(st.integers(1, 3))
    return Placing(elements, simd, bits, blocks, granule, tile)


@settings(max_examples=25)
@given(placings(), st.integers(1, 4), st.integers(0, 2), st.integers(0, 99), st.sampled_from(RATES))
def test_any_placing_keeps_every_word(p, banks, tokens, seed, rates) -> None:
    around = Around(p, banks, min(tokens, banks), seed, rates)
    assert clocked(BlockBuffer(p, banks, min(tokens, banks)), around.bench()) > 0


@pytest.mark.parametrize("name", PLACINGS)
def test_beats_of_a_block_are_as_many_as_come(name) -> None:
    p = PLACINGS[name]
    assert (p.beats, p.beats_first) == (len(order(p, False)), len(order(p, True)))


def test_a_block_can_be_started_the_cycle_after_its_last_beat_and_read_in_the_next() -> None:
    p = Placing(2, 1, 4, Blocks(1), 1)
    beats = [{"i_valid": 1, "i_data": d, "i_first": 1, "i_last": 1} for d in (5, 9)]
    rows = [{"reserve": 1}, *beats, {"start": 1}, {"word": 1}, {"word": 0}, {}]
    seen = played(BlockBuffer(p, 2), rows)
    assert [s["full"] for s in seen] == [0, 0, 0, 1, 0, 0, 0]
    assert [s["data"] for s in seen[5:]] == [9, 5]


def test_banks_are_refused_by_number() -> None:
    for banks, tokens in ((0, 0), (1, 2)):
        words = f"a buffer has at least one bank, and {tokens} first, not {banks}"
        with pytest.raises(ValueError, match=words):
            BlockBuffer(PLACINGS["words"], banks, tokens)
