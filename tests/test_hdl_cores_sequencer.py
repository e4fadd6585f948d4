# amaranth: UnusedElaboratable=no
"""The sequencer: a block begins the first cycle it may, and from there every signal is fixed."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest
from clocked import Bench, clocked

from hdl.cores.sequencer import Sequencer
from hdl.streams import Blocks


@dataclass(frozen=True)
class Case:
    """A population: its blocks, tiles, period, and its connections."""

    blocks: Blocks
    tiles: int
    period: int
    cycles: list[int]
    constant: list[bool] = field(default_factory=lambda: [False])
    late: list[int] = field(default_factory=lambda: [0])
    back: list[bool] = field(default_factory=lambda: [False])
    leader: int | None = 0
    latency: int = 3

    def core(self) -> Sequencer:
        """Return the sequencer."""
        return Sequencer(
            self.blocks, tiles=self.tiles, period=self.period, cycles=self.cycles,
            constant=self.constant, late=self.late, back=self.back, leader=self.leader,
            latency=self.latency,
        )  # fmt: skip


TWO = {"constant": [False] * 2, "late": [0] * 2, "back": [False] * 2}
CASES = {
    "one cycle": Case(Blocks(3), 1, 1, [1]),
    "a pass": Case(Blocks(3), 1, 5, [5]),
    "tiles": Case(Blocks(3), 3, 4, [4], latency=0),
    "a shorter pass": Case(Blocks(3), 2, 5, [2], latency=1),
    "two in step": Case(Blocks(3), 2, 4, [1, 4], **TWO, leader=1),
    "blocks": Case(Blocks(6, 3), 2, 4, [3]),
    "blocks, first short": Case(Blocks(10, 4), 2, 4, [3]),
    "whole": Case(Blocks(5, 5), 3, 4, [4]),
    "parallel, first short": Case(Blocks(10, 4, 2), 2, 3, [2]),
    "a connection back": Case(
        Blocks(6, 2), 2, 4, [4, 2], [False] * 2, [0] * 2, [False, True], latency=4
    ),
    "constant": Case(Blocks(4), 2, 3, [3], [True], leader=None),
    "constant, in blocks": Case(Blocks(10, 4), 2, 4, [3], [True], leader=None),
    "constant, one block": Case(Blocks(5, 5), 2, 4, [3], [True], leader=None),
    "constant, late": Case(Blocks(6), 2, 3, [3], [True], [4], leader=None),
    "constant, late, in blocks": Case(Blocks(10, 4), 2, 4, [4], [True], [3], leader=None),
    "constant, late, one block": Case(Blocks(5, 5), 2, 4, [4], [True], [3], leader=None),
    "constant and another": Case(
        Blocks(10, 4), 1, 6, [4, 6], [True, False], [5, 0], [False] * 2, leader=1
    ),
}


@dataclass(frozen=True)
class Begun:
    """A block that begins: in which cycle, and of which flags; timesteps of its sample before."""

    at: int
    first: bool
    last: bool
    age: int


def schedule(case: Case, begun: list[Begun], cycle: int) -> dict[str, int]:
    """Return every output of a cycle, from the blocks that have begun before it."""
    out = dict.fromkeys(("issue", "release", "running", "ending"), 0)
    blocks, chunks = case.blocks, case.blocks.block // case.blocks.parallel
    if begun:
        b = begun[-1]
        skipped = (blocks.block - blocks.first) // blocks.parallel if b.first else 0
        passes = case.tiles * (chunks - skipped)
        n, place = divmod(cycle - b.at - 1, case.period)
        if n < passes:
            chunk = n % (chunks - skipped) + skipped
            out["running"], out["chunk"] = 1, chunk
            out["ending"] = int(n == passes - 1 and place == case.period - 1)
            out["again"] = int(chunk != chunks - 1)
            for k, cycles in enumerate(case.cycles):
                constant = case.constant[k]
                once = constant and not case.late[k]  # the sums of its first chunk stay
                inside = place >= case.period - cycles and not (once and chunk != skipped)
                out["issue"] |= int(inside) << k
                out["release"] |= int(out["ending"] and (b.last or not constant)) << k
                if inside:
                    t = b.age + (chunk - skipped) * blocks.parallel
                    silent = (case.back[k] and b.first) or (constant and t < case.late[k])
                    out.setdefault("silent", 0)
                    out["silent"] |= int(silent) << k
    return out


def run(case: Case, wait: int, seed: int) -> list[Begun]:
    """Let blocks wait at random; compare every output of every cycle; return what began."""
    rng = random.Random(seed)
    count = case.blocks.count
    samples = [count, 1, *(rng.randint(1, count) for _ in range(5)), count]
    if case.leader is None:  # it is counted: every sample is whole
        samples = [count] * 6
    blocks = [(n == 0, n == length - 1) for length in samples for n in range(length)]

    def bench() -> Bench[list[Begun]]:
        begun: list[Begun] = []
        ends: dict[int, tuple[bool, bool]] = {}
        age = cycle = 0
        full = 0
        while len(begun) < len(blocks) or cycle < begun[-1].at + 400:
            if len(begun) == len(blocks):
                full = 0
            for k in range(len(case.cycles)):
                if rng.randrange(100) >= wait and len(begun) < len(blocks):
                    full |= 1 << k
            room = int(rng.randrange(100) >= wait)
            first, last = blocks[min(len(begun), len(blocks) - 1)]
            given = {"full": full, "room": room, "first": 0, "last": 0}
            for k in range(len(case.cycles)):
                leads = k == case.leader
                given["first"] |= (first if leads else rng.randrange(2)) << k
                given["last"] |= (last if leads else rng.randrange(2)) << k
            seen = yield given
            want = schedule(case, begun, cycle)
            needed = sum(
                1 << k for k, constant in enumerate(case.constant) if first or not constant
            )
            free = not want["running"] or want["ending"]
            more = len(begun) < len(blocks)
            starts = bool(free and room and full & needed == needed and more)
            if more or not all(case.constant):
                assert seen["start"] == starts
            assert seen["take"] == (needed if starts else 0) or not more
            assert (seen["issue"], seen["release"]) == (want["issue"], want["release"])
            if want["running"]:
                assert seen["again"] == want["again"]
                assert seen["chunk"] == want["chunk"]
            for k in range(len(case.cycles)):
                if want["issue"] >> k & 1:
                    assert seen["silent"] >> k & 1 == want["silent"] >> k & 1
            if want["running"] and (cycle - begun[-1].at) % case.period == 0:
                ends[cycle + case.latency] = (begun[-1].first, begun[-1].last)
            assert seen["loaded"] == (cycle in ends)
            if cycle in ends:
                assert (seen["begins"], seen["ends"]) == ends.pop(cycle)
            if starts:
                if first:
                    age = 0
                begun.append(Begun(cycle, first, last, age))
                age += case.blocks.first if first else case.blocks.block
                full = 0
            if not more and not want["running"] and not ends:
                return begun
            cycle += 1
        raise AssertionError("a block does not end")

    return clocked(case.core(), bench())


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("wait", [0, 40, 90])
def test_every_signal_follows_from_when_a_block_begins(name, wait, seed) -> None:
    run(CASES[name], wait, seed)


@pytest.mark.parametrize("name", CASES)
def test_blocks_follow_each_other_without_a_gap(name, seed) -> None:
    case = CASES[name]
    begun = run(case, 0, seed)
    b = case.blocks
    for one, two in zip(begun, begun[1:], strict=False):
        timesteps = b.first if one.first else b.block
        assert two.at - one.at == case.tiles * case.period * timesteps // b.parallel


def test_a_pass_that_does_not_fit_its_period_is_refused() -> None:
    with pytest.raises(ValueError, match="a pass of 5 cycles does not fit a period of 4"):
        Case(Blocks(1), 1, 4, [5]).core()
