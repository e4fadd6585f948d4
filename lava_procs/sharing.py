"""Arrays that a parent and the processes it forks have in common."""

from __future__ import annotations

import mmap

import numpy as np


def shared(shape: tuple[int, ...], dtype: type) -> np.ndarray:
    """Return zeros that children forked later share; anonymous memory, gone with the last one."""
    count = int(np.prod(shape))
    buffer = mmap.mmap(-1, max(1, count * np.dtype(dtype).itemsize))
    return np.frombuffer(buffer, dtype, count).reshape(shape)
