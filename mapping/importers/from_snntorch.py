"""snnTorch: ``Leaky`` neurons.

``u = beta * u + current``; the reset of a spike comes with the next step's update, in which the
membrane is compared again (``reset_delay=True``). With ``reset_delay=False`` and "subtract" a
membrane that is still above the threshold after its reset is reset once more and the threshold
added back: only networks in which no membrane can get that far are read.
"""

from __future__ import annotations

from typing import Any

from ..trained import Neuron
from ..value import Unsupported
from .models import Framework
from .seen import Leaf, number
from .surrogates import compare_of


def leaf(module: Any, path: str) -> Leaf | None:
    """Read a neuron; None of other modules; Unsupported of other neurons and options."""
    import snntorch
    import torch

    if not isinstance(module, (snntorch.SpikingNeuron, snntorch.SLSTM, snntorch.SConv2dLSTM)):
        return None
    label = f"module {path!r} ({type(module).__name__})"
    if type(module) is not snntorch.Leaky:
        raise Unsupported(f"{label} is not a Leaky neuron, the only one of snnTorch that is read")
    for option, plain in (("inhibition", False), ("state_quant", False)):
        if bool(getattr(module, option)) != plain:
            raise Unsupported(f"{label} has {option}, which no TrainedNetwork holds")
    if (number(module.graded_spikes_factor) != 1).any():
        raise Unsupported(f"{label} has graded_spikes_factor other than 1: no spikes of 0 and 1")
    leak = number(module.beta.clamp(0, 1))
    if (leak != leak.flat[0]).any():
        raise Unsupported(f"{label} has a beta for each neuron; one leak a layer is held")
    threshold = number(module.threshold)
    if (threshold < 0).any():
        raise Unsupported(f"{label} has a negative threshold: it resets before its first spike")
    compare = compare_of(module.spike_grad, torch.zeros(()), label)
    reset, delay = module.reset_mechanism, bool(getattr(module, "reset_delay", True))
    if int(module.reset_mechanism_val) != {"subtract": 0, "zero": 1, "none": 2}[reset]:
        raise Unsupported(f"{label} was loaded with another reset_mechanism than it was made with")
    neuron = Neuron(
        leak=float(leak.flat[0]),
        threshold=float(threshold.flat[0]),
        compare=compare,
        reset=reset,
        reset_delay=int(delay and reset == "subtract"),
    )
    wide = module.threshold if threshold.size > 1 else None
    return Leaf(neuron, wide, carries=not module.init_hidden, overshoot=not delay)


def framework() -> Framework:
    """Return how snnTorch models are read."""
    return Framework("snntorch", leaf, _call, _reset)


def _call(model: Any) -> str:
    import snntorch

    neurons = [m for m in model.modules() if isinstance(m, snntorch.SpikingNeuron)]
    return "step" if neurons and all(n.init_hidden for n in neurons) else "TN"


def _reset(model: Any) -> None:
    for module in model.modules():
        method = getattr(module, "reset_mem", None)
        if callable(method):
            method()
