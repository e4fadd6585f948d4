"""A limit on this process itself, for code that cannot run in a child: a user's model."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator


@contextlib.contextmanager
def memory_limit(most: int) -> Iterator[None]:
    """Let this process hold no more than so many bytes of data within the block.

    What would need more raises MemoryError, or an error of the library that asked for it, where
    the system would else end this process or another. Systems without such a limit set none.
    """
    try:
        import resource
    except ImportError:  # no POSIX system
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    limits = [bytes_ for bytes_ in (most, soft, hard) if bytes_ != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_DATA, (min(limits), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))
