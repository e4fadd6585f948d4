"""Taken: the cycles that given data take where zero words are skipped.

The same recurrence as the plan's (``timing``), with passes as long as the words of the data say: at
full rate, from idle, it is the hardware cycle by cycle, as a test shows. So the mean over a data
set costs one run of any backend, and no build.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .execution import Execution
from .planned import Plan, PlannedConnection


def sample_ends(plan: Plan, inputs: np.ndarray, spikes: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return when the last output beat of each sample leaves, counted from its first input beat.

    Args:
        plan: with blocks of one timestep. inputs: (n, T, elements) as they enter, every timestep.
        spikes: by population, (n, T, neurons), of a run of the same samples.
    """
    run = _Taken(plan, inputs, spikes)
    run.go(len(inputs))
    return np.array(run.ends)


class _Taken(Execution):
    """One execution, with the passes of one set of data."""

    def __init__(self, plan: Plan, inputs: np.ndarray, spikes: Mapping[str, np.ndarray]) -> None:
        super().__init__(plan, plan.timing.banks, plan.output_banks, 0)
        sources = [spikes.get(p.name) for p in plan.populations] + [inputs]
        self.taken = []
        for p in plan.populations:
            turns = [_turns(c, sources[c.source]).ravel() for c in p.connections]
            self.taken.append(np.maximum(p.least, np.max(turns, axis=0)))

    def cycles(self, k: int, first: bool) -> int:
        """Return how long the next block of a population is read."""
        span = self.taken[k][len(self.starts[k]) - 1]
        return self.plan.populations[k].tiles * int(span)


def _turns(c: PlannedConnection, source: np.ndarray) -> np.ndarray:
    """Return the cycles of a pass of a connection, (n, T)."""
    samples, steps = source.shape[:2]
    if not c.shape.skips:
        return np.full((samples, steps), c.shape.cycles)
    simd = c.shape.simd
    flat = source.reshape(samples, steps, -1)
    padded = np.pad(flat, ((0, 0), (0, 0), (0, -flat.shape[2] % simd)))
    words = padded.reshape(samples, steps, -1, simd).any(axis=-1).sum(axis=-1)
    # A direct-coded input is listed as it came, whether it is heard yet or not.
    late = 0 if c.constant else c.steps + c.tokens
    words = np.concatenate([np.zeros_like(words[:, :late]), words], axis=1)[:, :steps]
    return np.maximum(1, words) * c.shape.bits
