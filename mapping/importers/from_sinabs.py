"""sinabs: ``LIF`` and ``IAF`` with a single-spike function, and their squeezed forms.

``v = alpha * v + gain * x``, ``alpha = exp(-1 / tau_mem)``, gain ``1 - alpha`` with
``norm_input``, else 1. By default neurons fire several spikes a timestep: set
``spike_fn=SingleSpike``. Samples come before time.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..trained import Neuron
from ..value import Unsupported
from .models import Framework
from .seen import Leaf, number
from .surrogates import compare_of

KINDS = ("LIF", "IAF", "LIFSqueeze", "IAFSqueeze")


def leaf(module: Any, path: str) -> Leaf | None:
    """Read a neuron; None of other modules; Unsupported of other neurons and options."""
    import sinabs.activation as activation
    import sinabs.layers as layers
    import torch

    if not isinstance(module, layers.StatefulLayer):
        return None
    kind = type(module).__name__
    label = f"module {path!r} ({kind})"
    if kind not in KINDS or type(module) is not getattr(layers, kind):
        raise Unsupported(f"{label} keeps a state and is no LIF or IAF")
    if module.spike_fn is not activation.SingleSpike:
        name = getattr(module.spike_fn, "__name__", type(module.spike_fn).__name__)
        raise Unsupported(
            f"{label} fires by {name}, which may give several spikes a timestep: binary spikes "
            f"need spike_fn=SingleSpike"
        )
    if module.min_v_mem is not None:
        raise Unsupported(f"{label} clips its membrane at min_v_mem, which is not held")
    if module.alpha_syn_calculated is not None:
        raise Unsupported(f"{label} has a synaptic current (tau_syn), which is not held")
    alpha = number(module.alpha_mem_calculated)
    if alpha.size != 1:
        raise Unsupported(f"{label} has a tau_mem for each neuron; one leak a layer is held")
    threshold = number(module.spike_threshold)
    reset, v_reset = _reset_of(module.reset_fn, threshold, activation, label)
    gain = float(1 - alpha.reshape(())) if module.norm_input else 1.0
    if gain <= 0:
        raise Unsupported(f"{label} scales its input by 1 - alpha = {gain}")
    neuron = Neuron(
        leak=float(alpha.reshape(())),
        threshold=float(threshold.flat[0]),
        compare=compare_of(
            lambda x: module.spike_fn.apply(x, torch.zeros(()), module.surrogate_grad_fn),
            torch.zeros(()),
            label,
        ),
        reset=reset,
        v_reset=v_reset,
        input_gain=gain,
    )
    wide = module.spike_threshold if threshold.size > 1 else None
    return Leaf(neuron, wide, "N*T" if kind.endswith("Squeeze") else "NT")


def _reset_of(reset: Any, threshold: np.ndarray, activation: Any, label: str) -> tuple[str, float]:
    if type(reset) is activation.MembraneSubtract:
        value = reset.subtract_value
        if value is not None and (np.asarray(number(value)) != threshold).any():
            raise Unsupported(f"{label} subtracts {value!r}, not its threshold, at a reset")
        return "subtract", 0.0
    if type(reset) is activation.MembraneReset:
        if reset.reset_value != 0:  # sinabs adds it to the neurons that did not fire as well
            raise Unsupported(
                f"{label} has MembraneReset(reset_value={reset.reset_value}), which sinabs adds "
                "to every membrane, fired or not"
            )
        return "zero", 0.0
    raise Unsupported(f"{label} resets by {type(reset).__name__}, which is not known")


def framework() -> Framework:
    """Return how sinabs models are read."""
    return Framework("sinabs", leaf, _call, _rest, _prepare)


def _call(model: Any) -> str:
    from sinabs.layers.reshape import SqueezeMixin

    return "N*T" if any(isinstance(m, SqueezeMixin) for m in model.modules()) else "NT"


def _rest(model: Any) -> None:
    import torch
    from sinabs.layers import StatefulLayer

    for module in model.modules():
        if isinstance(module, StatefulLayer):
            for name, _ in list(module.named_buffers(recurse=False)):
                module.register_buffer(name, torch.zeros(0))  # sized anew by the next call


def _prepare(model: Any, samples: int, timesteps: int) -> None:
    from sinabs.layers import UnflattenTime
    from sinabs.layers.reshape import SqueezeMixin

    for module in model.modules():
        if isinstance(module, SqueezeMixin):
            module.batch_size, module.num_timesteps = samples, timesteps
        elif isinstance(module, UnflattenTime):
            module.batch_size = samples
