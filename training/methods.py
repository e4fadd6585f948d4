"""The methods by name: what each makes of a network.

``ste``: one-bit weights through the straight-through estimator; ``agmm``: the same with adaptive
gates; ``fp``: full precision, the ceiling, which is not mapped; ``latency``: one spike a neuron,
its time learnt.
"""

from __future__ import annotations

from dataclasses import replace

from .networks.mlp import MLP
from .style import Style


def style_of(method: str, net: str, **changes: object) -> Style:
    """Return the style of a method's layers, with changes by field name.

    Raises
    ------
        ValueError: a field that does not exist, or a word that is none of its choices.
    """
    base = MLP if net == "mlp" else Style()
    if method == "agmm":
        base = replace(base, gates=True)
    if method == "fp":
        base = replace(base, weights="float", first="float", last="float", downsample="float")
    for name in changes:
        if name not in vars(base):
            raise ValueError(f"a style has no {name!r}; it has {', '.join(vars(base))}")
    return replace(base, **changes)
