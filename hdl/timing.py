"""Timing: when each block of each population begins, from one execution of the schedule.

Nothing that moves depends on data, and inside a network nothing is refused: a block begins when its
inputs are there and its readers have room, and runs to its end. So the cycle in which block n of a
population begins is a maximum of earlier ones plus constants of the cores:

- it waits for the end of block n - 1;
- for each connection, for the cycle after the last beat of the source's block;
- for each reader with K banks, for the cycle after that reader has read block n - K.

Executed first with banks without end, this says what pace the slowest core, or a circle of
connections, allows; at that pace it says how many banks each connection fills, and these are
built; executed again with them, it gives latency and rate. Such a recurrence becomes periodic:
where the differences between two blocks have come again, they stay, which proves ``settles``. A
network whose blocks wait for each other in a circle stands still here, before it is built.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .cores.delay import Delay
from .cores.entry import Entry
from .cores.gather import Gather
from .cores.leave import Leave
from .cores.skipping import Skipping

#: Values of ``hdl.planned``, which imports this file.
Plan = PlannedConnection = Any

#: Samples after which a schedule that has not become periodic is given up. A population that gains
#: a cycle a sample on a slower one takes as many samples as it may be ahead.
SAMPLES = 4096


@dataclass(frozen=True)
class Timing:
    """What the schedule of a plan says.

    Attributes
    ----------
        cycles: from one sample to the next, at full rate.
        latency: from a sample's first input beat to its last output beat, from idle.
        settles: samples after which each follows the one before by exactly ``cycles``.
        banks: per population and connection, the blocks that its buffer holds.
        output_banks: blocks of output that wait to be taken, at most.
    """

    cycles: int
    latency: int
    settles: int
    banks: tuple[tuple[int, ...], ...]
    output_banks: int


class Standstill(ValueError):
    """Blocks wait for each other in a circle."""


class Uneven(ValueError):
    """Samples follow each other in a rhythm, not evenly; it takes banks fewer than planned."""


def timed(plan: Plan) -> Timing:
    """Execute the schedule of a plan, choosing its banks."""
    samples = 4
    free = Execution(plan, None, 0, 0)
    free.go(samples)
    spans = [b - a for a, b in zip(free.ends, free.ends[1:], strict=False)]
    pace = max(spans)
    paced = Execution(plan, None, 0, pace)
    # A pipe is full when its first sample has left.
    paced.go(samples + -(-free.ends[0] // pace))
    banks, output = paced.filled()
    return schedule(plan, banks, output)


def schedule(plan: Plan, banks: tuple[tuple[int, ...], ...], output: int) -> Timing:
    """Execute the schedule of a plan with given banks.

    Raises
    ------
        Standstill: it comes to a stop. Uneven: samples take cycles by turns.
    """
    run = Execution(plan, banks, output, 0)
    seen: dict[tuple[int, ...], int] = {}
    for sample in range(SAMPLES):
        run.go(1)
        shape = run.shape()
        if shape in seen:
            at = seen[shape]
            cycles, rest = divmod(run.ends[sample] - run.ends[at], sample - at)
            steady = all(
                b - a == cycles for a, b in zip(run.ends[at:], run.ends[at + 1 :], strict=False)
            )
            if rest or not steady:
                raise Uneven(
                    f"{sample - at} samples by turns take {run.ends[sample] - run.ends[at]} "
                    f"cycles, and not each as many: there are banks too few"
                )
            settles = at
            while settles and run.ends[settles] - run.ends[settles - 1] == cycles:
                settles -= 1
            latency = max(end - n * cycles for n, end in enumerate(run.ends))
            return Timing(cycles, latency if plan.skips else run.ends[0], settles, banks, output)
        seen[shape] = sample
    raise Uneven(f"the schedule has not become periodic within {SAMPLES} samples")


class Execution:
    """One execution: the cycle in which every block begins, and in which its last beat leaves."""

    def __init__(
        self, plan: Plan, banks: tuple[tuple[int, ...], ...] | None, output: int, pace: int
    ) -> None:
        self.plan, self.banks, self.output, self.pace = plan, banks, output, pace
        self.starts: list[list[int]] = [[] for _ in plan.populations]
        self.reads: list[list[int]] = [[] for _ in plan.populations]  # last cycle of each block
        self.offered: list[int] = []  # first beat of every block of the input
        self.came: list[int] = []  # its last beat
        self.left: list[int] = []  # last output beat of every block
        self.ends: list[int] = []  # and of every sample

    def go(self, samples: int) -> None:
        """Execute some samples more, block by block, populations in their order."""
        for _ in range(samples):
            for block in range(self.plan.blocks.count):
                if block == 0 or not self.plan.constant:
                    self._enter(block == 0)
                for k in range(len(self.starts)):
                    self._start(k, block == 0)
            self.ends.append(self.left[-1])

    def _enter(self, first: bool) -> None:
        """Let the input's next block come in, a beat a cycle."""
        n = len(self.offered)
        at = self.came[-1] + 1 if n else 0
        # Exactly: a pace of whole cycles a block would make samples slower than the slowest core.
        at = max(at, self.pace * n // (1 if self.plan.constant else self.plan.blocks.count))
        for k, j in self.plan.readers(-1):
            at = max(at, self._room(k, j, n))
        stream = self.plan.enter.blocks
        beats = self.plan.enter.words * (stream.chunks - (stream.skipped if first else 0))
        self.offered.append(at)
        self.came.append(at + beats - 1)

    def _room(self, k: int, j: int, n: int) -> int:
        """Return when there is room for block n of a source, at connection j of population k."""
        if self.banks is None:
            return 0
        c = self.plan.populations[k].connections[j]
        freed = n + c.tokens - self.banks[k][j]
        if c.constant:  # read until the last block of its sample
            freed = (freed + 1) * self.plan.blocks.count - 1
        if freed < 0:
            return 0
        if freed >= len(self.reads[k]):
            raise Standstill(
                f"a block of the source of connection {j} into population "
                f"{self.plan.populations[k].name!r} waits for one that can only come after it: "
                f"{self.banks[k][j]} banks are too few"
            )
        return self.reads[k][freed] + 1

    def _start(self, k: int, first: bool) -> None:
        """Begin the next block of a population."""
        p = self.plan.populations[k]
        n = len(self.starts[k])
        at = self.reads[k][-1] if n else 0
        for c in p.connections:
            at = max(at, self._full(c, n, first))
        for reader in self.plan.readers(k):
            at = max(at, self._room(*reader, n))
        if k == self.plan.output and n >= self.output and self.banks is not None:
            at = max(at, self.left[n - self.output] + 2)
        self.starts[k].append(at)
        self.reads[k].append(at + self.cycles(k, first))
        if k == self.plan.output:
            answer = self.plan.answer
            late = answer.latency(p.order.lanes) if answer else Gather.latency
            self.left.append(self._sent(k, n, late) + Leave.latency)

    def cycles(self, k: int, first: bool) -> int:
        """Return how long the next block of a population is read."""
        return self.plan.populations[k].cycles(first)

    def _full(self, c: PlannedConnection, n: int, first: bool) -> int:
        """Return when block n of a connection is there."""
        late = Delay.latency if c.steps and not c.constant else 0
        late += Skipping.latency if c.shape.skips else 0
        if c.source < 0:
            if c.constant and not first:
                return 0  # it is being read since the first block
            return self.came[-1] + Entry.latency + late + 1
        if n < c.tokens:
            return 0
        return self._sent(c.source, n - c.tokens) + late + 1

    def _sent(self, k: int, n: int, late: int = Gather.latency) -> int:
        """Return the cycle in which the last beat of a population's block is gathered, or read."""
        p = self.plan.populations[k]
        order = p.order
        last = order.neurons - (p.tiles - 1) * order.tile
        beats = order.blocks.parallel * last // order.lanes
        return (
            self.reads[k][n] + p.connections[0].shape.latency + beats - 1
            + p.latency + late
        )  # fmt: skip

    def filled(self) -> tuple[tuple[tuple[int, ...], ...], int]:
        """Return the blocks that every connection, and the output, hold at a time."""
        banks = []
        for k, p in enumerate(self.plan.populations):
            mine = []
            for c in p.connections:
                if c.source < 0:
                    taken = self.offered
                else:
                    taken = self.starts[c.source]
                freed = self.reads[k]
                if c.constant:
                    freed = freed[self.plan.blocks.count - 1 :: self.plan.blocks.count]
                mine.append(max(1, c.tokens, _most(taken, freed, c.tokens)))
            banks.append(tuple(mine))
        output = _most(self.starts[self.plan.output], [t + 1 for t in self.left], 0)
        return tuple(banks), max(1, output)

    def shape(self) -> tuple[int, ...]:
        """Return where everything stands, relative to the last output beat."""
        end, count = self.ends[-1], self.plan.blocks.count
        depth = 2 + max(self.output, *(max(b) for b in self.banks or ((2,),)))
        tails = [t[-depth * count :] for t in (*self.starts, *self.reads, self.left)]
        entering = depth * (1 if self.plan.constant else count)
        tails += [self.offered[-entering:], self.came[-entering:]]
        return tuple(t - end for tail in tails for t in tail)


def _most(taken: list[int], freed: list[int], tokens: int) -> int:
    """Return the most that are taken and not freed; a place is free the cycle after."""
    most, done = tokens, 0
    for n, at in enumerate(taken):
        while done < len(freed) and freed[done] < at:
            done += 1
        most = max(most, tokens + n + 1 - done)
    return most
