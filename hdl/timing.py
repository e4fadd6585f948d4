"""Timing: when each block of each population begins, from one execution of the schedule.

Nothing that moves depends on data, and inside a network nothing is refused: a block begins when its
inputs are there and its readers have room, and runs to its end. So the cycle in which block n of a
population begins is a maximum of earlier ones plus constants of the cores:

- it waits for the end of block n - 1;
- for each connection, for the cycle after the last beat of the source's block;
- for each reader with K banks, for the cycle after that reader has read block n - K.

Of maps the same holds line by line: a line of outputs waits for the last line of the source that
its window sees (``sweeps``), and a bank is a line.

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
Plan = PlannedConnection = PlannedPopulation = Any

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

    def go(self, samples: int) -> None:
        """Execute some samples more: every core goes on line by line, as far as others let it.

        Raises
        ------
            Standstill: none can go on.
        """
        self.samples += samples
        count = self.plan.blocks.count
        waits: str | None = ""
        while waits is not None:
            waits, moved = None, False
            for k in range(-1, len(self.starts)):
                why = self._advance(k)
                while why is None:
                    moved, why = True, self._advance(k)
                waits = waits or why or None
            if waits is not None and not moved:
                raise Standstill(waits)
        self.ends = [self.left[n * count + count - 1] for n in range(self.samples)]

    def _advance(self, k: int) -> str | None:
        """Let a population, or the input, begin its next line; return what it waits for.

        The empty string: for nothing, as it has run all its samples.
        """
        source = k < 0
        lines = self.plan.rows if source else self.plan.populations[k].rounds
        blocks = 1 if source and self.plan.constant else self.plan.blocks.count
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
        p = self.plan.populations[k]
        c = p.connections[j]
        freed = n + c.tokens * c.lines - self.banks[k][j]
        if freed < 0:
            return 0
        by = self._freed_by(p, c, freed)
        if by >= len(self.reads[k]):
            return (
                f"a block of the source of connection {j} into population {p.name!r} waits for one "
                f"that can only come after it: {self.banks[k][j]} banks are too few"
            )
        return self.reads[k][by] + 1

    def _freed_by(self, p: PlannedPopulation, c: PlannedConnection, line: int) -> int:
        """Return the line of a population that is the last to need a line of its source."""
        block, row = divmod(line, c.lines)
        if c.constant:  # read until the last block of its sample
            return (block + 1) * self.plan.blocks.count * p.rounds - 1
        return block * p.rounds + c.freed_by[row]

    def _start(self, k: int, n: int, lines: int) -> str | None:
        """Begin the next line of a population."""
        p = self.plan.populations[k]
        block, row = divmod(n, lines)
        first = block % self.plan.blocks.count == 0
        at = self.reads[k][-1] if n else 0
        for c in p.connections:
            there = self._full(c, block, row, first)
            if there is None:
                return f"population {p.name!r} waits for a block that can only come after it"
            at = max(at, there)
        sent = row - (p.rounds - p.lines)  # of its block, the line of the map that is sent
        for reader in self.readers[k + 1] if sent >= 0 else ():
            free = self._room(*reader, block * p.lines + sent)
            if isinstance(free, str):
                return free
            at = max(at, free)
        output = k == self.plan.output
        if output and sent == 0 and block >= self.output and self.banks is not None:
            at = max(at, self.left[block - self.output] + 2)
        self.starts[k].append(at)
        self.reads[k].append(at + self.cycles(k, first))
        if output and row == lines - 1:
            answer = self.plan.answer
            late = answer.latency(p.order.lanes) if answer else Gather.latency
            self.left.append(self._sent(k, n, late) + Leave.latency)
        return None

    def cycles(self, k: int, first: bool) -> int:
        """Return how long the next line of a population is read."""
        return self.plan.populations[k].line_cycles(first)

    def _full(self, c: PlannedConnection, block: int, row: int, first: bool) -> int | None:
        """Return when all is there that a line needs of a connection; None: not yet known."""
        late = Delay.latency if c.steps and not c.constant else 0
        late += Skipping.latency if c.shape.skips else 0
        if c.constant:
            if not first:
                return 0  # it is being read since the first block
            block //= self.plan.blocks.count
        last = (block - c.tokens) * c.lines + c.needs[row] - 1
        if last < 0:
            return 0
        if c.source < 0:
            there = self.came
            return there[last] + Entry.latency + late + 1 if last < len(there) else None
        last = self._round(c.source, last)
        if last >= len(self.reads[c.source]):
            return None
        return self._sent(c.source, last) + late + 1

    def _round(self, k: int, line: int) -> int:
        """Return which of the lines that a population reads is a line of its map, sent."""
        p = self.plan.populations[k]
        block, row = divmod(line, p.lines)
        return (block + 1) * p.rounds - p.lines + row

    def _sent(self, k: int, n: int, late: int = Gather.latency) -> int:
        """Return the cycle in which the last beat of a line that it read is gathered, or read."""
        p = self.plan.populations[k]
        order = p.order
        last = order.neurons - (p.tiles - 1) * order.tile
        beats = order.blocks.parallel * last // order.lanes
        return (
            self.reads[k][n] + p.connections[0].shape.latency + beats - 1
            + p.latency + late
        )  # fmt: skip

    def filled(self) -> tuple[tuple[tuple[int, ...], ...], int]:
        """Return the lines that every connection, and the blocks that the output, hold at a time.

        Where nothing is swept, a block is a line.
        """
        banks = []
        for k, p in enumerate(self.plan.populations):
            mine = []
            for c in p.connections:
                taken = self.offered if c.source < 0 else self._sending(c.source)
                zeros = c.tokens * c.lines
                lines = range(len(taken) + zeros)
                by = [self._freed_by(p, c, line) for line in lines]
                freed = [self.reads[k][n] for n in by if n < len(self.reads[k])]
                mine.append(max(c.least, zeros, _most(taken, freed, zeros)))
            banks.append(tuple(mine))
        lines = self.plan.populations[self.plan.output].lines
        begun = self._sending(self.plan.output)[::lines]
        output = _most(begun, [t + 1 for t in self.left], 0)
        return tuple(banks), max(1, output)

    def _sending(self, k: int) -> list[int]:
        """Return when the lines of a population's map begin that it sends."""
        p, starts = self.plan.populations[k], self.starts[k]
        return [at for n, at in enumerate(starts) if n % p.rounds >= p.rounds - p.lines]

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


def _most(taken: list[int], freed: list[int], tokens: int) -> int:
    """Return the most that are taken and not freed; a place is free the cycle after."""
    most, done = tokens, 0
    for n, at in enumerate(taken):
        while done < len(freed) and freed[done] < at:
            done += 1
        most = max(most, tokens + n + 1 - done)
    return most
