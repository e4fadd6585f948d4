"""What must not outlive the process: temporary files and folders, and the tools that it runs.

Each is written down before it exists. Blocks remove what they made; ``leave`` removes what blocks
could not, where a program is stopped from outside between any two of its instructions.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_paths: set[Path] = set()
_tools: set[subprocess.Popen[Any]] = set()
#: Signals by which a program is told to stop.
STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class TooSlow(RuntimeError):
    """A tool took longer than it may."""

    def __init__(self, said: str) -> None:
        super().__init__("a tool took too long")
        self.said = said


def name(path: Path) -> Path:
    """Return a name beside ``path`` that nothing has yet: ``.NAME.`` and 8 characters."""
    return path.absolute().with_name(f".{path.name}.{secrets.token_hex(4)}")


@contextlib.contextmanager
def passing(path: Path) -> Iterator[Path]:
    """Remove a file or folder, which is made within, at the end of the block."""
    _paths.add(path)
    try:
        yield path
    finally:
        _remove(path)
        _paths.discard(path)


@contextlib.contextmanager
def folder(prefix: str, parent: Path | None = None) -> Iterator[Path]:
    """Make a folder, and remove it at the end of the block.

    Args:
        parent: where; the system's folder of temporary files if None.
    """
    inside = Path(tempfile.gettempdir()) if parent is None else parent.absolute()
    with passing(inside / f"{prefix}{secrets.token_hex(8)}") as made:
        try:
            made.mkdir(mode=0o700)
            yield made
        except OSError as error:  # a full disk says nothing of where
            if error.filename is not None or error.strerror is None:
                raise
            raise type(error)(error.errno, error.strerror, str(made.parent)) from None


@dataclass(frozen=True)
class Done:
    """How a tool ended: its status, and what it said on both streams."""

    status: int
    out: str
    err: str


@contextlib.contextmanager
def running(command: Sequence[str], **options: Any) -> Iterator[subprocess.Popen[Any]]:
    """Start a tool; it and its children never outlive the block.

    Args:
        options: of subprocess.Popen.
    """
    with uninterrupted():
        process = subprocess.Popen(
            command,
            start_new_session=True,  # so that its children can be ended with it
            **options,
        )
        _tools.add(process)
    try:
        with process:
            try:
                yield process
            finally:
                if process.poll() is None:
                    _kill(process)
    finally:
        _tools.discard(process)


def call(
    command: Sequence[str], timeout: float, cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> Done:  # fmt: skip
    """Run a tool to its end; it and its children never outlive the call.

    Raises
    ------
        TooSlow: it took more than ``timeout`` seconds and was ended.
    """
    pipe = subprocess.PIPE
    streams = {"stdin": subprocess.DEVNULL, "stdout": pipe, "stderr": pipe}
    with running(command, cwd=cwd, env=env, text=True, errors="replace", **streams) as process:
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            _kill(process)
            raise TooSlow("".join(process.communicate())) from None
    return Done(process.returncode, out, err)


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Let signals that stop a program wait until the end of the block."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    waiting: list[int] = []
    before = {number: signal.getsignal(number) for number in STOPS}
    try:
        for number in STOPS:
            signal.signal(number, lambda number, _: waiting.append(number))
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        if waiting:
            signal.raise_signal(waiting[0])


def leave() -> None:
    """End every tool that still runs, and remove every file and folder that is still there."""
    for process in list(_tools):
        _kill(process)
    for path in list(_paths):
        _remove(path)


def _kill(process: subprocess.Popen[Any]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _remove(path: Path) -> None:
    for _ in range(20):  # a tool that dies may write a last file into a folder
        with contextlib.suppress(OSError):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
        if not os.path.lexists(path):
            return
        time.sleep(0.02)
