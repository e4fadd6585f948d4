# amaranth: UnusedElaboratable=no
"""The loader: words go to their places, are read back from there, and a wrong load is refused."""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest
from amaranth.hdl import ClockDomain, Module
from amaranth.sim import Simulator

from hdl.cores.loader import Loader
from hdl.cores.rows import Rows, words

#: Bits of a row, and rows, of each memory.
SIZES = [[(32, 1)], [(5, 3), (64, 2), (70, 4)], [(1, 1), (33, 9), (31, 16), (96, 1)], [(256, 5)]]
DRAIN = 6
FIRST, LAST, RESET = 1, 2, 4

Row = tuple[int, int]
#: What becomes of a word of a row on its way into a memory: where it is written, and as what.
Fault = Callable[[int, Row, int], tuple[Row | None, int]]


@dataclass
class Seen:
    """What a run of a loader came to."""

    rows: list[list[int]]
    good: list[int] = field(default_factory=list)  # after each word that was taken
    crc: int = 0
    taken: list[int] = field(default_factory=list)  # cycles
    loading: list[int] = field(default_factory=list)
    hold: list[int] = field(default_factory=list)


def sent(sizes, contents: Sequence[Sequence[int]]) -> list[int]:
    """Return the words of memories; written down here once more."""
    out = []
    for (bits, _), rows in zip(sizes, contents, strict=True):
        for row in rows:
            out += [row >> at & 0xFFFFFFFF for at in range(0, bits, 32)]
    return out


def image(sizes, contents) -> list[int]:
    plain = sent(sizes, contents)
    return [*plain, zlib.crc32(b"".join(w.to_bytes(4, "little") for w in plain))]


def marked(words_: Sequence[int]) -> list[tuple[int, int]]:
    return [(w, (k == 0) | (k == len(words_) - 1) << 1) for k, w in enumerate(words_)]


def drawn(sizes, rng: random.Random) -> list[list[int]]:
    return [[rng.getrandbits(bits) for _ in range(rows)] for bits, rows in sizes]


def resettable(core) -> tuple[Module, object]:
    """Return a module of a core, and its reset."""
    m = Module()
    m.domains.sync = domain = ClockDomain("sync")
    m.submodules.core = core
    return m, domain.rst


def run(
    sizes, items: Sequence[tuple[int, int]], seed: int = 0, stall: int = 0,
    fault: Fault | None = None, stuck: tuple[int, int, int] | None = None,
    rest: Callable[[int], int] = lambda cycle: 1, limit: int = 20_000,
) -> Seen:  # fmt: skip
    """Send words to a loader beside memories that this function keeps itself.

    Args:
        items: words and flags; RESET: a reset of one cycle comes in the midst of that word.
        fault: of the way into the memories. stuck: memory, row and bit that always reads 0.
    """
    loader = Loader(sizes, DRAIN)
    module, reset = resettable(loader)
    seen = Seen([[0] * rows for _, rows in sizes])
    rng = random.Random(seed)

    async def bench(ctx) -> None:
        at, offered, address = 0, False, 0
        after = -1
        for cycle in range(limit):
            if after == 0:
                return
            cut = at < len(items) and bool(items[at][1] & RESET)
            offered = offered or (at < len(items) and rng.randrange(100) >= stall)
            ctx.set(reset, cut)
            ctx.set(loader.rest, rest(cycle))
            ctx.set(loader.w.valid, offered)
            ctx.set(loader.w.p.data, items[at][0] if offered else rng.getrandbits(32))
            mark = items[at][1] if offered else rng.getrandbits(2)
            ctx.set(loader.w.p.first, mark & 1)
            ctx.set(loader.w.p.last, mark >> 1 & 1)
            for k, (_, rows) in enumerate(sizes):
                value = seen.rows[k][address] if address < rows else rng.getrandbits(8)
                if stuck is not None and stuck[:2] == (k, address):
                    value &= ~(1 << stuck[2])
                ctx.set(getattr(loader, f"rows_{k}"), value)
            ports = [loader.w.ready, loader.place, loader.word, loader.loading, loader.hold]
            ports += [getattr(loader, f"write_{k}") for k in range(len(sizes))]
            _, _, ready, place, word, loading, hold, *writes = await ctx.tick().sample(*ports)
            if offered and ready:
                at, offered = at + 1, False
                seen.taken.append(cycle)
                seen.good.append(ctx.get(loader.good))
            assert not (ready and cut), "nothing is taken during reset"
            if cut:
                items[at] = (items[at][0], items[at][1] & ~RESET)
            assert bin(sum(w << 64 * k for k, w in enumerate(writes))).count("1") <= 1
            for k, enabled in enumerate(writes):
                for n, size in enumerate(words(sizes[k][0])):
                    if not enabled >> n & 1:
                        continue
                    assert loading == 1 << k and hold
                    where, value = (place, n), word & ((1 << size) - 1)
                    if fault is not None:
                        where, value = fault(k, where, value)
                    if where is not None:
                        row, n_ = where
                        old = seen.rows[k][row]
                        mask = ((1 << size) - 1) << 32 * n_
                        seen.rows[k][row] = old & ~mask | value << 32 * n_
            address = place
            seen.loading.append(loading)
            seen.hold.append(hold)
            after = after - 1 if after > 0 else (4 if at == len(items) else -1)
        seen.good.append(-1)  # the loader takes no more

    simulator = Simulator(module)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    last = []

    async def watch(ctx) -> None:
        async for _, _, crc in ctx.tick().sample(loader.crc):
            last[:] = [crc]

    simulator.add_process(watch)
    simulator.run()
    seen.crc = last[0]
    return seen


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("stall", [0, 50])
def test_rows_stand_in_their_places_and_are_read_back(sizes, stall: int, seed: int) -> None:
    rng = random.Random(seed)
    one, two = drawn(sizes, rng), drawn(sizes, rng)
    both = marked(image(sizes, one)) + marked(image(sizes, two))
    seen = run(sizes, both, seed, stall)
    size = len(both) // 2
    assert seen.rows == two
    assert seen.good == [0] * (size - 1) + [1] + [0] * (size - 1) + [1]
    assert (
        seen.crc
        == both[-1][0]
        == zlib.crc32(b"".join(w.to_bytes(4, "little") for w, _ in both[size:-1]))
    )
    if not stall:
        gaps = [b - a for a, b in zip(seen.taken[: size - 1], seen.taken[1:], strict=False)]
        assert gaps == [1] * (size - 2) + [8 * (size - 1) + 4], "four bits a cycle, and four"
    assert run(sizes, both[:size], seed, stall).rows == one


@pytest.mark.parametrize("sizes", SIZES)
def test_a_corrupted_load_is_refused_and_the_next_one_taken(sizes, seed: int) -> None:
    rng = random.Random(seed)
    contents = drawn(sizes, rng)
    right = image(sizes, contents)
    size = len(right)
    for kind in ("bit", "drop", "double", "both", "swap", "crc", "last", "more"):
        wrong = list(right)
        at, other = rng.randrange(size - 1), rng.randrange(size - 1)
        if kind == "bit":
            wrong[at] ^= 1 << rng.randrange(32)
        elif kind == "drop":
            del wrong[at]
        elif kind == "double":
            wrong.insert(at, wrong[at])
        elif kind == "both":
            lost = wrong.pop(at)
            wrong.insert(other, wrong[other])
            if wrong == right or lost == right[other]:
                continue
        elif kind == "swap":
            wrong[at], wrong[other] = wrong[other], wrong[at]
            if wrong == right:
                continue
        elif kind == "crc":
            wrong[-1] ^= 1 << rng.randrange(32)
        flags = marked(wrong)
        if kind == "last":
            flags[-1] = (flags[-1][0], flags[-1][1] & ~LAST)
        elif kind == "more":
            flags.insert(size - 1, (rng.getrandbits(32), 0))
        seen = run(sizes, flags + marked(right), rng.getrandbits(30), rng.choice((0, 40)))
        assert seen.good[: len(flags)] == [0] * len(flags), kind
        assert seen.good[-1] == 1 and seen.rows == contents, kind


def test_what_went_wrong_within_the_device_is_seen(seed: int) -> None:
    """All words came in right: only reading back tells."""
    rng = random.Random(seed)
    sizes = [(70, 4), (33, 9), (12, 1)]
    for _ in range(12):
        contents = drawn(sizes, rng)
        items = marked(image(sizes, contents))
        k = rng.randrange(3)
        row, bit = rng.randrange(sizes[k][1]), rng.randrange(sizes[k][0])
        contents[k][row] |= 1 << bit
        assert run(sizes, marked(image(sizes, contents)), stuck=(k, row, bit)).good[-1] == 0

        def lost(at: int, where: Row, value: int, k=k, place=(row, bit // 32)):
            return (None if (at, where) == (k, place) and value else where), value

        def aliased(at: int, where: Row, value: int, k=k):
            return ((where[0] & ~1, where[1]) if at == k else where), value

        seen = run(sizes, items, fault=lost)
        assert seen.good[-1] == int(seen.rows == contents)
        if k < 2:
            seen = run(sizes, items, fault=aliased)
            assert seen.good[-1] == 0 and seen.rows != contents


def test_it_waits_until_all_has_been_at_rest_for_long_enough() -> None:
    sizes = SIZES[1]
    items = marked(image(sizes, drawn(sizes, random.Random(1))))
    moments = {5, 9, 9 + DRAIN}  # the last one lies one cycle too early
    seen = run(sizes, items, rest=lambda cycle: int(cycle > 3 and cycle not in moments))
    assert seen.taken[0] == 9 + DRAIN + 1 + DRAIN + 1
    assert seen.hold[: seen.taken[0]] == [0] + [1] * (seen.taken[0] - 1)
    assert not any(seen.loading[: seen.taken[0]])
    assert run(sizes, items).taken[0] == 2 + DRAIN


def test_first_begins_anew_and_words_outside_a_load_are_dropped(seed: int) -> None:
    rng = random.Random(seed)
    sizes = SIZES[2]
    contents = drawn(sizes, rng)
    items = marked(image(sizes, contents))
    stray = [(rng.getrandbits(32), rng.choice((0, LAST))) for _ in range(3)]
    whole = [(w, f & ~LAST) for w, f in items[:-1]]
    for before in (stray, items[:5], items[:1], whole, stray + items[: len(items) // 2] + items):
        seen = run(sizes, before + items, rng.getrandbits(30), 20)
        assert seen.good[-1] == 1 and seen.rows == contents
        assert len(seen.taken) == len(before) + len(items)
    assert run(sizes, stray).good == [1, 1, 1], "what was never written is as it was"


def test_a_reset_cuts_a_load_off(seed: int) -> None:
    rng = random.Random(seed)
    sizes = [(70, 3), (9, 2)]
    contents = drawn(sizes, rng)
    items = marked(image(sizes, contents))
    for at in (0, 1, 5, len(items) - 2, len(items) - 1):
        cut = list(items)
        cut[at] = (cut[at][0], cut[at][1] | RESET)
        seen = run(sizes, list(cut))
        # What comes after the reset is no load any more: no first, and all of it is dropped.
        assert seen.good == ([0] * (len(items) - 1) + [1] if at == 0 else [0] * len(items))
        seen = run(sizes, [*cut, *items])
        assert seen.good[-1] == 1 and seen.rows == contents


@pytest.mark.parametrize(("bits", "depth"), [(5, 1), (70, 1), (32, 4), (70, 6)])
def test_rows_are_written_word_by_word_and_outlive_a_reset(bits, depth, rng) -> None:
    first = [int(rng.integers(1 << min(bits, 62))) for _ in range(depth)]
    core = Rows("m", bits, first, {})
    module, reset = resettable(core)
    kept = list(first)
    checked = 0

    async def bench(ctx) -> None:
        nonlocal checked
        for _ in range(60):
            place, row, loading = (int(rng.integers(n)) for n in (depth, depth, 2))
            write, word = int(rng.integers(1 << len(words(bits)))), int(rng.integers(1 << 32))
            ctx.set(core.place, place)
            ctx.set(core.row, row)
            ctx.set(core.loading, loading)
            ctx.set(core.write, write if loading else 0)
            ctx.set(core.word, word)
            ctx.set(reset, int(rng.random() < 0.1))
            await ctx.tick()
            at = place if loading else row
            if loading:
                for n, size in enumerate(words(bits)):
                    if write >> n & 1:
                        mask = ((1 << size) - 1) << 32 * n
                        kept[place] = kept[place] & ~mask | word << 32 * n & mask
            if not (loading and write and depth > 1):  # what is read while it is written is unused
                assert ctx.get(core.data) == kept[at]
                checked += 1

    simulator = Simulator(module)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert checked > 20
