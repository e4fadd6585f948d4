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

from .execution import Execution

#: A value of ``hdl.planned``, which imports this file.
Plan = Any

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


class Uneven(ValueError):
    """Samples follow each other in a rhythm, not evenly; it takes banks fewer than planned."""


def timed(plan: Plan) -> Timing:
    """Execute the schedule of a plan, choosing its banks."""
    samples = 4
    free = Execution(plan, None, 0, 0)
    free.go(samples)
    spans = [b - a for a, b in zip(free.ends, free.ends[1:], strict=False)]
    # The first span is not of the pace yet: the first sample finds a pipe that is empty.
    pace = max(spans[1:])
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
