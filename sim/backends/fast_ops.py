"""What the fast backend makes of each kind of op: a function, and its line in KERNELS.

A function says a connection as windows (``sim.engines.fast.windows``), which the engine runs; a
kind of which ``plain`` is told is run by its own arithmetic, one timestep after the other, and
with it the whole network. Nothing here needs numba.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mapping.capabilities import Takes

from ..engines.fast.windows import Shape, Windowed, conv, dense, pool, same


def plain(op: Any, shape: Shape) -> Windowed:
    """Stand for a kind that is run by its own arithmetic; it is never called.

    Raises
    ------
        NotImplementedError: it was.
    """
    raise NotImplementedError(f"{op.name} connections have no windows")


#: Name of an op to its function: all that a new kind needs here.
KERNELS: dict[str, Callable[[Any, Shape], Windowed]] = {
    "Dense": dense,
    "Conv": conv,
    "Pool": pool,
    "Identity": same,
}

TAKES = Takes("fast", ops=KERNELS.keys())
