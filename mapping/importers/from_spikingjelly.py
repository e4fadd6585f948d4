"""SpikingJelly: IF, LIF and parametric LIF nodes, in step mode "s" or "m".

``v += (x - (v - v_reset)) / tau`` with ``decay_input``, else ``v += x - (v - v_reset) / tau``;
hard reset to ``v_reset``, or soft where that is None, in the same timestep. A membrane starts at
``v_reset``.
"""

from __future__ import annotations

from typing import Any

from ..trained import Neuron
from ..value import Unsupported
from .models import Framework
from .seen import Leaf
from .surrogates import compare_of

IF = ("IFNode", "SimpleIFNode", "HalfThresholdIFNode")
LIF = ("LIFNode", "SimpleLIFNode")


def leaf(module: Any, path: str) -> Leaf | None:
    """Read a neuron; None of other modules; Unsupported of other neurons and options."""
    import torch
    from spikingjelly.activation_based import base, layer, neuron

    if not isinstance(module, base.MemoryModule):
        return None
    if isinstance(module, (layer.Dropout, layer.Dropout2d)):
        return None  # the mask is their memory; in evaluation mode they pass values on
    kind = type(module).__name__
    label = f"module {path!r} ({kind})"
    if type(module) is not getattr(neuron, kind, None) or kind not in (
        *IF,
        *LIF,
        "ParametricLIFNode",
    ):
        raise Unsupported(f"{label} keeps a state and is no IF, LIF or parametric LIF node")
    if getattr(module, "_neuron_precision", None) is not None:
        raise Unsupported(f"{label} computes in another precision than its input")
    rest = module.v_reset
    start = module.get_reset_value("v")
    if not isinstance(start, (int, float)):
        raise Unsupported(f"{label} starts from a membrane for each neuron")
    if kind in IF:
        leak, gain = 1.0, 1.0
    else:
        part = 1 / module.tau if kind in LIF else float(module.w.detach().sigmoid())
        leak, gain = 1 - part, part if module.decay_input else 1.0
    read = Neuron(
        leak=leak,
        threshold=float(module.v_threshold),
        compare=compare_of(module.surrogate_function, torch.zeros(()), label),
        reset="subtract" if rest is None else "zero",
        v_reset=0.0 if rest is None else float(rest),
        v_rest=0.0 if rest is None or kind in IF else float(rest),
        v_init=float(start),
        input_gain=gain,
    )
    return Leaf(read, lead="TN" if module.step_mode == "m" else "N")


def framework() -> Framework:
    """Return how SpikingJelly models are read."""
    return Framework("spikingjelly", leaf, _call, _reset)


def _call(model: Any) -> str:
    from spikingjelly.activation_based import neuron

    nodes = [m for m in model.modules() if isinstance(m, (neuron.BaseNode, neuron.SimpleBaseNode))]
    return "TN" if any(m.step_mode == "m" for m in nodes) else "step"


def _reset(model: Any) -> None:
    from spikingjelly.activation_based import functional

    functional.reset_net(model)
