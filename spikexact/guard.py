"""Ctrl-C at any moment: one sentence, nothing half-written, no process left behind.

A KeyboardInterrupt that rises wherever it may (in an import, in a finaliser, in a library that
takes it for a failure of its own) leaves tracebacks and torn ends. So nothing is raised here: the
handler itself removes what must not stay, says its sentence, and ends the process by the signal,
as a shell expects of it (status 130 after Ctrl-C). Only Lava's runs, which share memory between
processes, are unwound (lava_procs.signals). Imports nothing but what Python has loaded anyway.
"""

from __future__ import annotations

import os
import signal
import sys

TYPE_CHECKING = False  # typing and collections.abc take time to import
if TYPE_CHECKING:
    from collections.abc import Callable

#: Return what is told after "stopped; ": a command that can be gone on with says how.
_hints: list[Callable[[], str]] = [lambda: "nothing half-written was left"]
_raised: list[str] = []
#: Status of a command that was stopped by Ctrl-C, and of one whose reader went away.
INTERRUPTED, PIPE = 128 + signal.SIGINT, 128 + signal.SIGPIPE

_STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_own = 0


def install() -> None:
    """Stand ready for signals; one that the caller wants ignored stays so (nohup)."""
    global _own
    _own = os.getpid()
    for stop in _STOPS:
        if signal.getsignal(stop) is not signal.SIG_IGN:
            signal.signal(stop, _stop)
    os.register_at_fork(after_in_child=_forget)
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by the caller: else the next file opened were it
            setattr(sys, name, open(os.devnull, "r" if name == "stdin" else "w"))  # noqa: PTH123
    for stream in (sys.stdout, sys.stderr):  # names of files need not be text
        stream.reconfigure(errors="backslashreplace")


class hinting:
    """Have a command that is stopped within the block say how to go on with it."""

    def __init__(self, hint: Callable[[], str]) -> None:
        self.hint = hint

    def __enter__(self) -> None:
        _hints.append(self.hint)

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        _hints.remove(self.hint)
        if isinstance(error, KeyboardInterrupt):  # where it is raised: it is told further out
            _raised.append(self.hint())


def sentence() -> str:
    """Return what a command that is stopped says."""
    return f"stopped; {_raised.pop() if _raised else _hints[-1]()}"


def finish(status: int) -> None:
    """Flush and exit; a command that has come to its end is not stopped any more."""
    for stop in _STOPS:
        signal.signal(stop, signal.SIG_IGN)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        status = PIPE
    except OSError as error:
        print(f"error: the output cannot be written: {error.strerror}", file=sys.stderr)
        status = 2
    if status in (2, PIPE):  # what could not be written must not be tried again at exit
        _silence()
    if status == INTERRUPTED:
        _die(signal.SIGINT)
    sys.exit(status)


def _silence() -> None:
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _stop(number: int, _: object) -> None:
    for stop in _STOPS:
        signal.signal(stop, signal.SIG_IGN)
    try:
        leave = getattr(sys.modules.get("mapping.temporary"), "leave", None)
        if leave is not None:
            leave()
        for child in getattr(sys.modules.get("multiprocessing"), "active_children", list)():
            child.kill()  # those that load batches
    except Exception:
        pass
    finally:
        clear = "\r\x1b[K\x1b[?25h" if os.isatty(2) else ""  # a bar hides the cursor
        try:
            if os.environ.get("RANK", "0") == "0":  # of several processes the first one speaks
                os.write(2, f"{clear}error: {sentence()}\n".encode())
        finally:
            _die(number)


def _die(number: int) -> None:
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    os._exit(128 + number)  # the first process of a container is not ended by its own signals


def _forget() -> None:
    for stop in _STOPS:
        if signal.getsignal(stop) is _stop:
            signal.signal(stop, signal.SIG_DFL)
