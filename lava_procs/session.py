"""Run connected Lava Processes, and leave nothing behind, whatever happens.

Lava forks one operating-system process for each of its Processes, and waits for all of them
without end. So: the wait watches that they live; on any exception (Ctrl-C too) they are killed;
they ignore Ctrl-C themselves, which a terminal sends to all; and where Linux allows it, they die
with the process that started them.
"""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
import signal
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from . import shim

#: Tensors that a channel between two Processes can hold. Lava's 64 fill memory for no speed.
SLOTS = 4
#: Seconds between two looks at whether all processes live, and between two at the end of the run.
WATCH, POLL = 0.1, 0.001
#: prctl(PR_SET_PDEATHSIG, ...), from Linux's sys/prctl.h.
PR_SET_PDEATHSIG = 1

_tied = False


class LavaFailed(RuntimeError):
    """A Lava process failed or was killed during a run; one sentence."""


def play(process: Any, timesteps: int, select_tag: str | None = None) -> None:
    """Run a network of Processes for some timesteps, then end every process of it.

    Args:
        process: any Process of the network.
        timesteps: Lava's, at least 1.
        select_tag: of the models, such as "fixed_pt" for Lava's own.

    Raises
    ------
        LavaFailed: a process raised, or was killed.
    """
    from lava.magma.core.run_conditions import RunSteps
    from lava.magma.core.run_configs import Loihi2SimCfg

    clean = False
    with _quiet(), shim.forking():
        try:
            with _bound():
                config = Loihi2SimCfg(select_tag=select_tag)
                process.create_runtime(config, compile_config={"pypy_channel_size": SLOTS})
            runtime = process.runtime
            runtime.start(RunSteps(num_steps=timesteps, blocking=False))
            _wait(runtime)
            runtime.stop()
            clean = True
        finally:
            if process.runtime is not None:
                _end(process.runtime, clean)


def _wait(runtime: Any) -> None:
    """Wait for the end of the run, as Lava's own wait does, and see when it can't come."""
    from lava.magma.runtime.mgmt_token_enums import MGMT_RESPONSE, enum_equal

    actors = runtime._messaging_infrastructure.actors
    looked = time.monotonic()
    while not all(port.probe() for port in runtime.service_to_runtime):
        time.sleep(POLL)
        if time.monotonic() - looked > WATCH:
            looked = time.monotonic()
            if any(actor.exitcode is not None for actor in actors):
                raise _failure(actors)
    if not all(enum_equal(p.recv(), MGMT_RESPONSE.DONE) for p in runtime.service_to_runtime):
        raise _failure(actors)
    runtime._is_running = False


def _failure(actors: list[Any]) -> LavaFailed:
    """Say why a run can't end: the exception of the process that failed, or its signal."""
    time.sleep(WATCH)  # it reports its exception just before it ends
    for actor in actors:
        if actor.exception:
            error = actor.exception[0]
            return LavaFailed(f"a Lava process failed with {type(error).__name__}: {error}")
    for actor in actors:
        if actor.exitcode:
            how = f"signal {-actor.exitcode}" if actor.exitcode < 0 else f"status {actor.exitcode}"
            return LavaFailed(f"a Lava process ended with {how} during the run (out of memory?)")
    return LavaFailed("a Lava process ended before the last timestep")


def _end(runtime: Any, clean: bool) -> None:
    """Leave no process, thread or shared memory of a run behind; kill what did not stop."""
    messages = runtime._messaging_infrastructure
    if not clean:
        if messages is not None:
            for actor in messages.actors:
                if not actor._is_done:
                    actor.kill()
            messages.stop()
        runtime.join()
    runtime._is_running = runtime._is_started = False
    for process in runtime._executable.proc_builders:
        process.runtime = None  # else every Process stops the runtime again when it is collected


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep Lava's log to errors, and two warnings to themselves."""
    logging.getLogger("lava").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        # Python 3.12 and later. The children touch nothing of the parent's threads.
        warnings.filterwarnings("ignore", r".*multi-threaded, use of fork", DeprecationWarning)
        warnings.filterwarnings("ignore", "pandas not found", ImportWarning)  # networkx 2.8
        yield


@contextlib.contextmanager
def _bound() -> Iterator[None]:
    """Fork children that ignore Ctrl-C and die with this process; SIGINT waits until the end."""
    global _tied
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    _tied = True
    try:
        yield
    finally:
        _tied = False
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def _tie() -> None:
    if _tied and _libc is not None:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


os.register_at_fork(after_in_child=_tie)


def collected(path: Path) -> np.ndarray:
    """Return what a Sink wrote.

    Raises
    ------
        LavaFailed: it wrote nothing: the run ended early.
    """
    if not path.exists():
        raise LavaFailed("Lava ended before its last timestep; nothing was collected")
    return np.load(path, allow_pickle=False)
