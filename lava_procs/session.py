"""Run connected Lava Processes, and leave nothing behind, whatever happens.

Lava forks one operating-system process for each of its Processes, and waits for each of them
without end. So: every wait here sees when a process has died; on any exception (Ctrl-C too) all
are killed; they ignore Ctrl-C themselves, which a terminal sends to all; and on Linux they die
with the process that started them. One run at a time in a process; others wait.
"""

from __future__ import annotations

import contextlib
import ctypes
import logging
import multiprocessing
import os
import queue
import signal
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from . import shim

#: Tensors that a channel between two Processes can hold. Lava's 64 fill memory for no speed.
SLOTS = 4
#: Seconds between two looks at whether all processes live, and between two at the end of the run;
#: seconds that processes have to end by themselves before they are killed.
WATCH, POLL, LEAVE = 0.1, 0.001, 5.0
#: prctl(PR_SET_PDEATHSIG, ...), from Linux's sys/prctl.h.
PR_SET_PDEATHSIG = 1

_one = threading.Lock()
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None
_binding = False


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
    from lava.magma.core.process.message_interface_enum import ActorType
    from lava.magma.core.run_configs import Loihi2SimCfg
    from lava.magma.runtime.mgmt_token_enums import MGMT_COMMAND, MGMT_RESPONSE, enum_to_np
    from lava.magma.runtime.runtime import Runtime

    with _one, _unwound(), _quiet(), shim.forking():
        config = Loihi2SimCfg(select_tag=select_tag)
        executable = process.compile(config, {"pypy_channel_size": SLOTS})
        runtime = Runtime(executable, ActorType.MultiProcessing, logging.ERROR)
        executable.assign_runtime_to_all_processes(runtime)
        runtime.exception_q = _Reports(runtime)
        others = set(multiprocessing.active_children())
        try:
            with _uninterrupted(binding=True):
                runtime.initialize()
            runtime._is_started = True
            _order(runtime, enum_to_np(timesteps), MGMT_RESPONSE.DONE)
            _order(runtime, MGMT_COMMAND.STOP, MGMT_RESPONSE.TERMINATED)
            _leave(runtime)
        finally:
            with _uninterrupted():
                _end(runtime, others)


class _Reports(list):
    """The queues in which processes say that they are built; Lava waits for each without end."""

    def __init__(self, runtime: Any) -> None:
        super().__init__()
        self.runtime = runtime

    def __iter__(self) -> Iterator[Any]:
        return (_Report(self.runtime, each) for each in super().__iter__())


class _Report:
    """One of them, as a queue whose get sees when the process has died."""

    def __init__(self, runtime: Any, reports: Any) -> None:
        self.runtime, self.reports = runtime, reports

    def get(self) -> None:
        while True:
            try:
                error = self.reports.get(timeout=WATCH)
            except queue.Empty:
                _watch(self.runtime)
                continue
            if error is not None:
                raise LavaFailed(_told(error))
            return


def _order(runtime: Any, command: Any, answer: Any) -> None:
    """Give the runtime's services an order and wait for their answer, or see it can't come."""
    from lava.magma.runtime.mgmt_token_enums import MGMT_RESPONSE, enum_equal

    for port in runtime.runtime_to_service:
        port.send(command)
    looked = time.monotonic()
    while not all(port.probe() for port in runtime.service_to_runtime):
        time.sleep(POLL)
        if time.monotonic() - looked > WATCH:
            looked = time.monotonic()
            _watch(runtime, leaving=answer is MGMT_RESPONSE.TERMINATED)
    if not all(enum_equal(port.recv(), answer) for port in runtime.service_to_runtime):
        time.sleep(WATCH)  # whoever failed reports it just before it ends
        _watch(runtime)
        raise LavaFailed("a Lava process failed and did not say how")


def _watch(runtime: Any, leaving: bool = False) -> None:
    """Raise LavaFailed if a process has ended before its time."""
    actors = runtime._messaging_infrastructure.actors
    ended = [
        a.exitcode for a in actors if a.exitcode is not None and not (leaving and not a.exitcode)
    ]
    if not ended:
        return
    time.sleep(WATCH)
    for actor in actors:
        if actor.exception:
            raise LavaFailed(_told(actor.exception[0]))
    code = min(ended)
    how = f"signal {-code} (out of memory?)" if code < 0 else f"status {code}"
    raise LavaFailed(f"a Lava process ended with {how} during the run")


def _told(error: BaseException) -> str:
    return f"a Lava process failed with {type(error).__name__}: {error}"


def _leave(runtime: Any) -> None:
    """Let every process end by itself, for a while."""
    deadline = time.monotonic() + LEAVE
    actors = runtime._messaging_infrastructure.actors
    while any(a.exitcode is None for a in actors) and time.monotonic() < deadline:
        time.sleep(POLL)


def _end(runtime: Any, others: set[Any]) -> None:
    """Leave no process, thread or shared memory of a run behind; kill who has not left."""
    messages = runtime._messaging_infrastructure
    actors = [] if messages is None else messages.actors
    for actor in actors:
        if actor.exitcode is None:
            actor.kill()
    if messages is not None:
        messages.stop()
    for child in set(multiprocessing.active_children()) - others:
        child.kill()  # one that was interrupted before it was written down
        child.join()
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
def _unwound() -> Iterator[None]:
    """Have Ctrl-C raise within the block, whatever else it does: memory is shared here."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGINT)
    if callable(before):
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        if callable(before):
            signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def _uninterrupted(binding: bool = False) -> Iterator[None]:
    """Let Ctrl-C wait until the end of the block; children forked in it never see one.

    Args:
        binding: children die with this process.
    """
    global _binding
    waiting: list[int] = []
    main = threading.current_thread() is threading.main_thread()
    # a mask alone does not do: another thread would take the signal, and this one the exception
    handler = signal.signal(signal.SIGINT, lambda *_: waiting.append(1)) if main else None
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    _binding = binding
    try:
        yield
    finally:
        _binding = False
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        if main:
            signal.signal(signal.SIGINT, handler)
            if waiting:
                signal.raise_signal(signal.SIGINT)


def _bind() -> None:
    if _binding and _libc is not None:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


os.register_at_fork(after_in_child=_bind)


def collected(path: Path) -> np.ndarray:
    """Return what a Sink wrote.

    Raises
    ------
        LavaFailed: it wrote nothing: the run ended early.
    """
    if not path.exists():
        raise LavaFailed("Lava ended before its last timestep; nothing was collected")
    return np.load(path, allow_pickle=False)
