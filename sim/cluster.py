"""Work on other processes and machines: a Dask cluster, reached by address, or made here.

``local:4`` makes four processes on this machine for the time of the work; ``tcp://host:8786`` is a
scheduler that runs somewhere (``dask scheduler``, with workers of ``dask worker`` that have
spikexact installed). Tasks are pure functions of what is sent, so one that is lost with its worker
is simply run again, up to RETRIES times, and results do not depend on who computed them.
"""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from .tools import ClusterLost, Package

#: What it needs.
NEED = Package("distributed", "cluster")
#: Times that a task may be lost with its worker, or fail for want of one.
RETRIES = 10
#: Tasks that are sent ahead for each worker: what bounds the memory of scheduler and sender.
AHEAD = 4
#: Seconds to wait for a scheduler, and for a first worker.
PATIENCE = 10.0


class Cluster:
    """A cluster that is open; see ``opened``."""

    def __init__(self, client: Any, address: str) -> None:
        self._client, self.address = client, address

    def in_order(self, work: Callable[..., Any], tasks: Iterable[tuple[Any, ...]]) -> Iterator[Any]:
        """Yield ``work(*task)`` for every task, in their order, some of them ahead.

        Raises
        ------
            ClusterLost: the scheduler went away, or workers died again and again at one task.
            What ``work`` itself raises is raised here.
        """
        workers = max(1, len(self._client.scheduler_info(n_workers=-1)["workers"]))
        waiting: list[Any] = []
        source, done = iter(tasks), False
        while True:
            while not done and len(waiting) < AHEAD * workers:
                task = next(source, None)
                if task is None:
                    done = True
                    break
                waiting.append(self._sent(work, task))
            if not waiting:
                return
            yield self._result(waiting.pop(0))

    def _sent(self, work: Callable[..., Any], task: tuple[Any, ...]) -> Any:
        try:
            return self._client.submit(work, *task, pure=False)
        except OSError:  # a connection that is closed is one
            raise self._lost() from None

    def _result(self, future: Any) -> Any:
        """Wait for a result; look again and again whether the scheduler is still there."""
        from distributed import KilledWorker

        while True:
            try:
                return future.result(timeout=2.0)
            except KilledWorker as error:
                raise ClusterLost(
                    f"the cluster {self.address} lost {RETRIES + 1} workers at the same task "
                    f"({error.last_worker.address}): give workers more memory"
                ) from None
            except Exception as error:
                if future.status == "error":  # what the task itself raised
                    raise
                waits = isinstance(error, TimeoutError) or type(error).__name__ == "TimeoutError"
                if not (waits and future.status == "pending" and self._alive()):
                    raise self._lost() from None

    def _alive(self) -> bool:
        return self._client.status == "running"

    def _lost(self) -> ClusterLost:
        return ClusterLost(
            f"the scheduler of {self.address} went away: what was done before is kept where a "
            "journal was named, and the same command goes on from there"
        )


@contextlib.contextmanager
def opened(address: str) -> Iterator[Cluster]:
    """Open a cluster within.

    Args:
        address: ``local:N`` for N processes here, or a scheduler's, ``tcp://host:port``.

    Raises
    ------
        ValueError: another form of address. MissingTool: Dask is not installed.
        ClusterLost: no scheduler answers, or it has no worker.
    """
    local = re.fullmatch(r"local:(\d+)", address)
    if local is None and not re.fullmatch(r"(tcp|tls|ucx|inproc)://\S+", address):
        raise ValueError(
            f"--cluster must be local:N (processes here) or tcp://host:port, not {address!r}"
        )
    if local is not None and not 1 <= int(local[1]) <= 1024:
        raise ValueError(f"--cluster local:N takes 1 to 1024 processes, not {local[1]}")
    NEED.require("--cluster")
    import dask
    from distributed import Client, LocalCluster

    quiet = {
        "distributed.scheduler.allowed-failures": RETRIES,
        "distributed.comm.timeouts.connect": f"{PATIENCE:.0f}s",
        "distributed.client.security-loader": None,
        "distributed.admin.large-graph-warning-threshold": "1GB",
    }
    with contextlib.ExitStack() as stack:
        stack.enter_context(dask.config.set(quiet))
        stack.enter_context(_hushed())
        if local is not None:
            cluster = stack.enter_context(
                LocalCluster(
                    n_workers=int(local[1]), threads_per_worker=1, processes=True,
                    dashboard_address=None, silence_logs=logging.CRITICAL,
                )
            )  # fmt: skip
            client = stack.enter_context(Client(cluster))
        else:
            try:
                client = stack.enter_context(Client(address, timeout=PATIENCE))
                client.wait_for_workers(1, timeout=PATIENCE)
            except (OSError, TimeoutError) as error:
                told = " ".join(str(error).split())[:200]
                raise ClusterLost(f"no cluster answers at {address}: {told}") from None
        yield Cluster(client, address)


@contextlib.contextmanager
def _hushed() -> Iterator[None]:
    """Keep Dask's own log off stderr: what goes wrong is told in one sentence."""
    mine = re.compile(r"(distributed|tornado|asyncio)(\.|$)")  # each of them has a level of its own
    logs = [logging.getLogger(name) for name in logging.root.manager.loggerDict if mine.match(name)]
    before = [log.level for log in logs]
    for log in logs:
        log.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for log, level in zip(logs, before, strict=True):
            log.setLevel(level)
