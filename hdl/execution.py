"""Execution of a plan's schedule: when every line begins, and ends; see ``timing``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .cores.delay import Delay
from .cores.entry import Entry
from .cores.gather import Gather
from .cores.leave import Leave
from .cores.skipping import Skipping

#: Values of ``hdl.planned``, which imports ``timing``.
Plan = PlannedConnection = PlannedPopulation = Any


#: Why a population waits whose sources have not come yet.
CIRCLE = "blocks wait for each other in a circle"


class Standstill(ValueError):
    """Blocks wait for each other in a circle."""


@dataclass(frozen=True)
class _Link:
    """A connection in numbers that are asked for line by line; see ``PlannedConnection``.

    ``late`` are the cycles from a source's last beat to when it is there, of an input and of a
    population; ``zeros`` the lines of zeros that its buffer holds at first.
    """

    source: int
    constant: bool
    lines: int
    tokens: int
    zeros: int
    late: int
    needs: tuple[int, ...]
    freed_by: tuple[int, ...]


def _link(c: PlannedConnection, rounds: int) -> _Link:
    late = Delay.latency if c.steps and not c.constant else 0
    late += Skipping.latency if c.shape.skips else 0
    late += Entry.latency if c.source < 0 else Gather.latency
    needs = c.needs if c.sweep else (1,) * rounds
    return _Link(
        c.source, c.constant, c.lines, c.tokens, c.tokens * c.lines, late + 1, needs, c.freed_by
    )


class Execution:
    """One execution: the cycle in which every line begins, and in which its last beat leaves.

    Lines are counted through: those of a block, one block after the other.
    """

    def __init__(
        self, plan: Plan, banks: tuple[tuple[int, ...], ...] | None, output: int, pace: int
    ) -> None:
        self.plan, self.banks, self.output, self.pace = plan, banks, output, pace
        self.starts: list[list[int]] = [[] for _ in plan.populations]
        self.reads: list[list[int]] = [[] for _ in plan.populations]  # last cycle of each line
        self.offered: list[int] = []  # first beat of every line of the input
        self.came: list[int] = []  # its last beat
        self.left: list[int] = []  # last output beat of every block
        self.ends: list[int] = []  # and of every sample
        self.samples = 0  # that are executed
        self.readers = [plan.readers(k) for k in range(-1, len(plan.populations))]
        self.lines = [p.lines for p in plan.populations]
        self.rounds = [p.rounds for p in plan.populations]
        self.links = [[_link(c, p.rounds) for c in p.connections] for p in plan.populations]
        self.after = [_after(p) for p in plan.populations]
        self.spans = [[p.line_cycles(first) for first in (False, True)] for p in plan.populations]
        self.count = plan.blocks.count

    def go(self, samples: int) -> None:
        """Execute some samples more: every core goes on line by line, as far as others let it.

        Raises
        ------
            Standstill: none can go on.
        """
        self.samples += samples
        count = self.count
        waits: str | None = ""
        while waits is not None:
            waits, moved = None, False
            for k in range(-1, len(self.starts)):
                why = self._advance(k)
                while why is None:
                    moved, why = True, self._advance(k)
                if why and (why != CIRCLE or not waits):  # else somebody else says more
                    waits = why
            if waits is not None and not moved:
                raise Standstill(waits)
        self.ends = [self.left[n * count + count - 1] for n in range(self.samples)]

    def _advance(self, k: int) -> str | None:
        """Let a population, or the input, begin its next line; return what it waits for.

        The empty string: for nothing, as it has run all its samples.
        """
        source = k < 0
        lines = self.plan.rows if source else self.rounds[k]
        blocks = 1 if source and self.plan.constant else self.count
        n = len(self.offered if source else self.starts[k])
        if n == self.samples * blocks * lines:
            return ""
        found = self._enter(n, lines, blocks) if source else self._start(k, n, lines)
        return found

    def _enter(self, n: int, lines: int, blocks: int) -> str | None:
        """Let the input's next line come in, a beat a cycle."""
        at = self.came[-1] + 1 if n else 0
        # Exactly: a pace of whole cycles a block would make samples slower than the slowest core.
        at = max(at, self.pace * n // (blocks * lines))
        for reader in self.readers[0]:
            free = self._room(*reader, n)
            if isinstance(free, str):
                return free
            at = max(at, free)
        stream = self.plan.enter.blocks
        first = n // lines % blocks == 0
        beats = self.plan.enter.words * (stream.chunks - (stream.skipped if first else 0))
        self.offered.append(at)
        self.came.append(at + beats - 1)
        return None

    def _room(self, k: int, j: int, n: int) -> int | str:
        """Return when there is room for line n of a source, at connection j of population k."""
        if self.banks is None:
            return 0
        freed = n + self.links[k][j].zeros - self.banks[k][j]
        if freed < 0:
            return 0
        by = self._freed_by(k, j, freed)
        if by >= len(self.reads[k]):
            return (
                f"a block of the source of connection {j} into population "
                f"{self.plan.populations[k].name!r} waits for one that can only come after it: "
                f"{self.banks[k][j]} banks are too few"
            )
        return self.reads[k][by] + 1

    def _freed_by(self, k: int, j: int, line: int) -> int:
        """Return the line of a population that is the last to need a line of its source."""
        c, rounds = self.links[k][j], self.rounds[k]
        block, row = divmod(line, c.lines)
        if c.constant:  # read until the last block of its sample
            return (block + 1) * self.count * rounds - 1
        return block * rounds + c.freed_by[row]

    def _start(self, k: int, n: int, rounds: int) -> str | None:
        """Begin the next line of a population."""
        block, row = divmod(n, rounds)
        first = block % self.count == 0
        at = self.reads[k][-1] if n else 0
        for c in self.links[k]:
            there = self._full(c, block, row, first)
            if there is None:
                return CIRCLE
            at = max(at, there)
        sent = row - (rounds - self.lines[k])  # of its block, the line of the map that is sent
        for reader in self.readers[k + 1] if sent >= 0 else ():
            free = self._room(*reader, block * self.lines[k] + sent)
            if isinstance(free, str):
                return free
            at = max(at, free)
        output = k == self.plan.output
        if output and sent == 0 and block >= self.output and self.banks is not None:
            at = max(at, self.left[block - self.output] + 2)
        self.starts[k].append(at)
        self.reads[k].append(at + self.cycles(k, first))
        if output and row == rounds - 1:
            answer = self.plan.answer
            lanes = self.plan.populations[k].order.lanes
            late = answer.latency(lanes) if answer else Gather.latency
            self.left.append(self.reads[k][n] + self.after[k] + late + Leave.latency)
        return None

    def cycles(self, k: int, first: bool) -> int:
        """Return how long the next line of a population is read."""
        return self.spans[k][first]

    def _full(self, c: _Link, block: int, row: int, first: bool) -> int | None:
        """Return when all is there that a line needs of a connection; None: not yet known."""
        if c.constant:
            if not first:
                return 0  # it is being read since the first block
            block //= self.count
        last = (block - c.tokens) * c.lines + c.needs[row] - 1
        if last < 0:
            return 0
        if c.source < 0:
            return self.came[last] + c.late if last < len(self.came) else None
        # Of the lines that the source reads, that of which this one is made.
        lines, rounds = self.lines[c.source], self.rounds[c.source]
        if lines != rounds:
            block, row = divmod(last, lines)
            last = (block + 1) * rounds - lines + row
        reads = self.reads[c.source]
        return reads[last] + self.after[c.source] + c.late if last < len(reads) else None

    def filled(self) -> tuple[tuple[tuple[int, ...], ...], int]:
        """Return the lines that every connection, and the blocks that the output, hold at a time.

        Where nothing is swept, a block is a line.
        """
        banks = []
        for k, p in enumerate(self.plan.populations):
            mine = []
            for j, c in enumerate(p.connections):
                taken = self.offered if c.source < 0 else self._sending(c.source)
                zeros = self.links[k][j].zeros
                by = [self._freed_by(k, j, line) for line in range(len(taken) + zeros)]
                freed = [self.reads[k][n] for n in by if n < len(self.reads[k])]
                mine.append(max(c.least, zeros, _most(taken, freed, zeros)))
            banks.append(tuple(mine))
        begun = self._sending(self.plan.output)[:: self.lines[self.plan.output]]
        output = _most(begun, [t + 1 for t in self.left], 0)
        return tuple(banks), max(1, output)

    def _sending(self, k: int) -> list[int]:
        """Return when the lines of a population's map begin that it sends."""
        lines, rounds, starts = self.lines[k], self.rounds[k], self.starts[k]
        if lines == rounds:
            return starts
        return [at for n, at in enumerate(starts) if n % rounds >= rounds - lines]

    def shape(self) -> tuple[int, ...]:
        """Return where everything stands, relative to the last output beat."""
        end, count = self.ends[-1], self.plan.blocks.count
        depth = 2 + max(self.output, *(max(b) for b in self.banks or ((2,),)))
        rows = max(self.plan.rows, *(p.rounds for p in self.plan.populations))
        depth = -(-depth // rows) + 1 if rows > 1 else depth
        tails = [t[-depth * count * rows :] for t in (*self.starts, *self.reads, self.left)]
        entering = depth * rows * (1 if self.plan.constant else count)
        tails += [self.offered[-entering:], self.came[-entering:]]
        return tuple(t - end for tail in tails for t in tail)


def _after(p: PlannedPopulation) -> int:
    """Return the cycles from when a line has been read until its last beat is in the gather."""
    order = p.order
    last = order.neurons - (p.tiles - 1) * order.tile
    beats = order.blocks.parallel * last // order.lanes
    return p.connections[0].shape.latency + beats - 1 + p.latency


def _most(taken: list[int], freed: list[int], tokens: int) -> int:
    """Return the most that are taken and not freed; a place is free the cycle after."""
    most, done = tokens, 0
    for n, at in enumerate(taken):
        while done < len(freed) and freed[done] < at:
            done += 1
        most = max(most, tokens + n + 1 - done)
    return most
