"""Which comparison a surrogate function makes forward: asked of it, not assumed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..value import Unsupported


def compare_of(step: Callable[[Any], Any], zero: Any, label: str) -> str:
    """Return ``">"`` or ``">="``.

    Args:
        step: of the membrane minus its threshold. zero: a tensor of the type that it takes.
        label: names the module, in an error.

    Raises
    ------
        Unsupported: it is no step of 0 and 1, or gives something else every time.
    """
    import torch

    points = torch.stack([zero - 2, zero - 0.25, zero - 2.0**-20, zero, zero + 2.0**-20,
                          zero + 0.25, zero + 2])  # fmt: skip
    with torch.no_grad():
        runs = [tuple(step(points).tolist()) for _ in range(4)]
    if runs[0] == (0, 0, 0, 0, 1, 1, 1):
        compare = ">"
    elif runs[0] == (0, 0, 0, 1, 1, 1, 1):
        compare = ">="
    else:
        raise Unsupported(f"{label}: its spike function gives {runs[0]} around 0: no step 0 to 1")
    if len(set(runs)) > 1:
        raise Unsupported(f"{label}: its spike function is random")
    return compare
