"""Ctrl-C while Lava's processes start, run and end; and processes that die with their parent.

A terminal sends Ctrl-C to every process of a run. Here the children ignore it, the parent raises
KeyboardInterrupt where it can clean up, and on Linux children die with the thread that forked them.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import threading
from collections.abc import Iterator

#: prctl(PR_SET_PDEATHSIG, ...), from Linux's sys/prctl.h.
PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None) if sys.platform == "linux" else None
_binding = False


@contextlib.contextmanager
def unwound() -> Iterator[None]:
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
def uninterrupted(binding: bool = False) -> Iterator[None]:
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
