"""Dense layers."""

from __future__ import annotations

from dataclasses import replace

from mapping import INPUT, Input

from ..graph import SpikingNetwork
from ..style import Builder, Style

#: A dense network this small is one bit from end to end.
MLP = replace(Style(), first="binary", last="binary")


def mlp(
    enter: Input,
    classes: int,
    timesteps: int = 4,
    style: Style = MLP,
    hidden: tuple[int, ...] = (128,),
) -> SpikingNetwork:
    """Return hidden LIF populations, then an integrator that never fires.

    Args:
        hidden: sizes. A gate stands after every hidden layer, the first one included.
    """
    b = Builder(enter, timesteps, style)
    source = INPUT
    for i, size in enumerate(hidden, start=1):
        kind = style.first if i == 1 else style.weights
        name = "hidden" if len(hidden) == 1 else f"hidden{i}"
        source = b.lif(name, b.dense(source, size, kind, gate=True))
    return b.finish(source, classes)
