"""Which step of a sample Lava's timestep is, and how far a Process has come."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Timing:
    """Of one Process.

    Attributes
    ----------
        steps: of a sample, or None if it never ends. offset: timesteps before its first step.
        progress: (2,) int64 that the session sees as well, timesteps begun and ended; or None.
    """

    steps: int | None
    offset: int = 0
    progress: np.ndarray | None = None

    @contextlib.contextmanager
    def step(self, time_step: int) -> Iterator[int]:
        """Give the step of the sample, from 0, for the duration of Lava's timestep (from 1)."""
        step = time_step - 1 - self.offset
        if self.progress is not None:
            self.progress[0] = time_step
        yield step if self.steps is None else step % self.steps
        if self.progress is not None:
            self.progress[1] = time_step
