"""Who of a run's processes has died, or hangs: one sentence that names it.

A process hangs with its run when for HANG seconds no timestep ended anywhere and none of the
processes took time of a processor, or could have (Linux's /proc says so; elsewhere hangs are not
seen).
"""

from __future__ import annotations

import queue
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

#: Seconds between two looks at whether all processes live, and until nothing moving is a hang.
WATCH, HANG = 0.1, 5.0
#: Processor time, in ticks of /proc, that is none: of all processes, in HANG seconds.
TICKS = 2


class LavaFailed(RuntimeError):
    """A Lava process failed, hung or was killed during a run; one sentence."""


class Watch:
    """The processes of one run.

    Args:
        names: what each process is, in the order of actors. actors: Lava's process handles.
        progress: by name, (2,) timesteps begun and ended, of those that count them.
    """

    def __init__(
        self, names: Sequence[str], actors: Sequence[Any], progress: Mapping[str, np.ndarray]
    ) -> None:
        self.names, self.actors, self.progress = names, actors, progress
        self.rest()

    def rest(self) -> None:
        """Begin to look for a hang anew."""
        self.looks, self.seen = 0, (-1, -1)

    def look(self, leaving: bool = False) -> None:
        """Raise LavaFailed if a process has ended before its time, or none moves.

        Args:
            leaving: they may end.
        """
        ended = [
            (a.exitcode, name)
            for a, name in zip(self.actors, self.names, strict=False)
            if a.exitcode is not None and not (leaving and not a.exitcode)
        ]
        if ended:
            self._ended(*min(ended))
        self._hangs()

    def _ended(self, code: int, name: str) -> None:
        time.sleep(WATCH)  # whoever failed reports it just before it ends
        self.failures()
        if code >= 0:
            raise LavaFailed(f"the Lava process of {name} ended with status {code} during the run")
        why = {signal.SIGKILL: "out of memory?", signal.SIGBUS: "no shared memory left?"}
        end = f" ({why[-code]})" if -code in why else ""
        raise LavaFailed(f"the Lava process of {name} ended with signal {-code}{end}")

    def failures(self) -> None:
        """Raise LavaFailed of the first process that has reported an exception."""
        for actor, name in zip(self.actors, self.names, strict=False):
            if actor.exception:
                raise LavaFailed(told(name, actor.exception[0]))

    def _hangs(self) -> None:
        moved = int(sum(p[1] for p in self.progress.values()))
        stats = [_stat(a.pid) for a in self.actors]
        if any(s is None for s in stats):
            return
        ticks = sum(s[1] for s in stats)
        able = any(s[0] in "RD" for s in stats)  # it waits for a processor, or a disk
        if moved != self.seen[0] or ticks > self.seen[1] + TICKS or able:
            self.looks, self.seen = 0, (moved, ticks)
            return
        # looks are counted, not seconds: whoever stops all of us stops the looks as well
        self.looks += 1
        if self.looks * WATCH < HANG:
            return
        for s, name in zip(stats, self.names, strict=False):
            if s[0] in "Tt":
                raise LavaFailed(f"the Lava process of {name} has been stopped, and the run hangs")
        for name, (begun, ended) in self.progress.items():
            if begun > ended:
                raise LavaFailed(
                    f"the Lava process of {name} hangs in timestep {begun}: nothing has moved for "
                    f"{HANG:g} seconds"
                )
        raise LavaFailed(f"a Lava process hangs: nothing has moved for {HANG:g} seconds")


class Reports(list):
    """The queues in which processes say that they are built; Lava waits for each without end."""

    def __init__(self, watch: Watch) -> None:
        super().__init__()
        self.watch = watch

    def __iter__(self) -> Iterator[Any]:
        return (_Report(self.watch, k, each) for k, each in enumerate(super().__iter__()))


class _Report:
    """One of them, as a queue whose get sees when the process has died."""

    def __init__(self, watch: Watch, index: int, reports: Any) -> None:
        self.watch, self.index, self.reports = watch, index, reports

    def get(self) -> None:
        self.watch.rest()
        while True:
            try:
                error = self.reports.get(timeout=WATCH)
            except queue.Empty:
                self.watch.look()
                continue
            if error is not None:
                raise LavaFailed(told(self.watch.names[self.index], error))
            return


def told(name: str, error: BaseException) -> str:
    """Return the sentence of an exception in a process."""
    said = " ".join(str(error).split())
    return f"the Lava process of {name} failed with {type(error).__name__}" + (
        f": {said}" if said else ""
    )


def _stat(pid: int) -> tuple[str, int] | None:
    """Return a process's state and its ticks of processor time, or None if nobody says."""
    # By its plain name and unbuffered: a Path interns its parts, and Python's table of interned
    # strings, full of what is gone, is built anew and larger every few ten thousand of them.
    try:
        with open(f"/proc/{pid}/stat", "rb", buffering=0) as file:  # noqa: PTH123
            fields = file.read(1024).rpartition(b")")[2].split()
    except OSError:
        return None
    return fields[0].decode(), int(fields[11]) + int(fields[12])
