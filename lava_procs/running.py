"""Run connected Lava Processes, and leave nothing behind, whatever happens.

Lava forks one operating-system process for each of its Processes, and waits for each of them
without end. So: every wait here sees when a process has died or hangs (``watching``); on any
exception (Ctrl-C too) all are killed; and no segment of shared memory keeps its name.
"""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import threading
import time
import warnings
import weakref
from collections.abc import Iterator, Mapping
from multiprocessing import resource_tracker
from typing import Any

import numpy as np

from . import discovery, shim
from .sharing import Segments
from .signals import uninterrupted, unwound
from .watching import WATCH, LavaFailed, Reports, Watch

#: Tensors that a channel between two Processes can hold. Lava's 64 fill memory for no speed.
SLOTS = 4
#: Seconds between two looks at whether a run has come to its end: short ones first.
POLL = (0.0001, 0.002)
#: Seconds that processes have to end by themselves before they are killed.
LEAVE = 5.0

_starting = threading.Lock()


def play(process: Any, timesteps: int, select_tag: str | None = None) -> None:
    """Run a network of Processes for some timesteps, then end every process of it.

    Args:
        process: any Process of the network.
        timesteps: Lava's, at least 1.
        select_tag: of the models, such as "fixed_pt" for Lava's own.

    Raises
    ------
        LavaFailed: a process raised, hung, or was killed.
    """
    with Running(process, select_tag) as running:
        running.steps(timesteps)


class Running:
    """A compiled network of Processes whose operating-system processes live until it is closed.

    A context manager. On Linux the processes die with the thread that made it.

    Args:
        process, select_tag: as of ``play``.
        progress: by name of a Process, timesteps begun and ended; see ``watching``.

    Raises
    ------
        LavaFailed: a process could not be built.
    """

    def __init__(
        self,
        process: Any,
        select_tag: str | None = None,
        progress: Mapping[str, np.ndarray] | None = None,
    ) -> None:
        from lava.magma.core.process.message_interface_enum import ActorType
        from lava.magma.core.run_configs import Loihi2SimCfg
        from lava.magma.runtime.message_infrastructure.multiprocessing import MultiProcessing
        from lava.magma.runtime.runtime import Runtime

        with _starting, unwound(), _quiet(), _alone(), shim.forking(), discovery.remembered():
            config = Loihi2SimCfg(select_tag=select_tag)
            executable = process.compile(config, {"pypy_channel_size": SLOTS})
            runtime = self.runtime = Runtime(executable, ActorType.MultiProcessing, logging.ERROR)
            executable.assign_runtime_to_all_processes(runtime)
            builders = executable.proc_builders
            names = [f"{p.name} ({type(p).__name__})" for p in builders]
            self.watch = Watch(
                [*names, *("Lava's runtime service" for _ in executable.runtime_service_builders)],
                [],
                {f"{p.name} ({type(p).__name__})": progress[p.name] for p in builders
                 if progress and p.name in progress},
            )  # fmt: skip
            runtime.exception_q = Reports(self.watch)
            resource_tracker.ensure_running()  # before the children: all of them use this one
            others = set(multiprocessing.active_children())
            try:
                with uninterrupted(binding=True):
                    try:
                        runtime._build_watchdog_manager()
                        messages = MultiProcessing()
                        runtime._messaging_infrastructure, messages._smm = messages, Segments()
                        self.watch.actors = messages.actors
                        runtime._build_channels()
                        runtime._build_sync_channels()
                        runtime._build_processes()
                        runtime._build_runtime_services()
                        runtime._start_ports()
                        messages.smm.unlink()
                    finally:
                        children = set(multiprocessing.active_children()) - others
                        # closed by nobody, it ends when it is collected, or with the program
                        self.end = weakref.finalize(self, _end, runtime, children, os.getpid())
                for report in runtime.exception_q:
                    report.get()
                del runtime.exception_q
                runtime._is_initialized = runtime._is_started = True
            except BaseException as error:
                self.kill()
                if isinstance(error, (OSError, EOFError)):  # no processes or shared memory left
                    raise LavaFailed(f"Lava's processes can not be started: {error}") from None
                raise

    def steps(self, timesteps: int) -> None:
        """Run some timesteps more, and wait for their end.

        Raises
        ------
            LavaFailed: a process raised, hung, or was killed; nothing of the run is left then.
        """
        from lava.magma.runtime.mgmt_token_enums import MGMT_RESPONSE, enum_to_np

        self._order(enum_to_np(timesteps), MGMT_RESPONSE.DONE)

    def close(self) -> None:
        """End every process: by itself where it can, else killed."""
        from lava.magma.runtime.mgmt_token_enums import MGMT_COMMAND, MGMT_RESPONSE

        if self.runtime is not None:
            self._order(MGMT_COMMAND.STOP, MGMT_RESPONSE.TERMINATED)
            try:
                deadline = time.monotonic() + LEAVE
                while any(a.exitcode is None for a in self.watch.actors):
                    if time.monotonic() > deadline:
                        break
                    time.sleep(POLL[1] / 2)
            finally:
                self.kill()

    def kill(self) -> None:
        """Leave no process, thread or shared memory behind; kill who has not left."""
        self.runtime = None
        with uninterrupted():
            self.end()

    def __enter__(self) -> Running:
        return self

    def __exit__(self, kind: type | None, *_: object) -> None:
        self.close() if kind is None else self.kill()

    def _order(self, command: Any, answer: Any) -> None:
        """Give the runtime's services an order and wait for their answer, or see it can't come."""
        from lava.magma.runtime.mgmt_token_enums import MGMT_RESPONSE, enum_equal

        runtime = self.runtime
        if runtime is None:
            raise LavaFailed("this run of Lava has ended")
        try:
            with unwound():
                for port in runtime.runtime_to_service:
                    port.send(command)
                self.watch.rest()
                looked, pause = time.monotonic(), POLL[0]
                while not all(port.probe() for port in runtime.service_to_runtime):
                    time.sleep(pause)
                    pause = min(2 * pause, POLL[1])
                    if time.monotonic() - looked > WATCH:
                        looked = time.monotonic()
                        self.watch.look(leaving=answer is MGMT_RESPONSE.TERMINATED)
                answers = [port.recv() for port in runtime.service_to_runtime]
                if not all(enum_equal(each, answer) for each in answers):
                    deadline = time.monotonic() + 2
                    while time.monotonic() < deadline:  # whoever failed is about to report it
                        time.sleep(WATCH / 2)
                        self.watch.failures()
                    self.watch.look()
                    raise LavaFailed("a Lava process failed and did not say how")
        except BaseException:
            self.kill()
            raise


def _end(runtime: Any, children: set[Any], owner: int) -> None:
    if os.getpid() != owner:  # a child that was forked for another run
        return
    messages = runtime._messaging_infrastructure
    for child in children:
        child.kill()
    if messages is not None:
        for actor in messages.actors:
            actor.join()
    for child in children:
        with contextlib.suppress(ValueError):  # closed when it was joined
            child.join()
    runtime.join()
    if messages is not None:
        messages.smm.shutdown()
    runtime._is_running = runtime._is_started = False
    for process in runtime._executable.proc_builders:
        process.runtime = None  # else every Process stops the runtime again when it is collected


def _alone() -> contextlib.AbstractContextManager[Any]:
    """Have children forked in the block compute with one thread each.

    Theirs would wait for work by spinning, on the processors that the next Process needs: with
    two it takes ten times as long.
    """
    from threadpoolctl import threadpool_limits

    return threadpool_limits(1, user_api="blas")


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep Lava's log to errors, and warnings of its own doings to themselves."""
    logging.getLogger("lava").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        # Python 3.12 and later. The children touch nothing of the parent's threads.
        warnings.filterwarnings("ignore", r".*multi-threaded, use of fork", DeprecationWarning)
        warnings.filterwarnings("ignore", "pandas not found", ImportWarning)  # networkx 2.8
        warnings.filterwarnings("ignore", "Changing the sparsity structure")  # DelaySparse
        yield
