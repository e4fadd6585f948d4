"""Memory that a parent and the processes it forks have in common."""

from __future__ import annotations

import contextlib
import mmap
from multiprocessing.shared_memory import SharedMemory

import numpy as np


def shared(shape: tuple[int, ...], dtype: type) -> np.ndarray:
    """Return zeros that children forked later share; anonymous memory, gone with the last one."""
    count = int(np.prod(shape))
    buffer = mmap.mmap(-1, max(1, count * np.dtype(dtype).itemsize))
    return np.frombuffer(buffer, dtype, count).reshape(shape)


class Segments:
    """Shared memory of the channels, in place of Lava's manager, which is one process more.

    Its names are gone as soon as all processes have forked, so that none outlives them.
    """

    def __init__(self) -> None:
        self.handles: list[SharedMemory] = []

    def create_shared_memory(self, size: int) -> SharedMemory:
        """Return a new segment."""
        self.handles.append(SharedMemory(create=True, size=size))
        return self.handles[-1]

    def unlink(self) -> None:
        """Remove the names."""
        for handle in self.handles:
            with contextlib.suppress(FileNotFoundError):
                handle.unlink()

    def shutdown(self) -> None:
        """Give the memory back."""
        self.unlink()
        for handle in self.handles:
            with contextlib.suppress(BufferError):  # a port's arrays: it goes with them
                handle.close()
        self.handles.clear()
