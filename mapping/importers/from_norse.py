"""Norse: ``LIFBoxCell``, ``IAFCell`` and ``IAF``.

``v += k * (v_leak - v + x)`` with ``k = dt * tau_mem_inv``, which scales input and leak alike;
reset to ``v_reset``, or by ``reset_subtract``, in the same timestep. LIF cells without "Box" have
a synaptic current, which no TrainedNetwork holds.
"""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np

from ..trained import Neuron
from ..value import Unsupported
from .models import Framework
from .seen import Leaf, number
from .surrogates import compare_of


def leaf(module: Any, path: str) -> Leaf | None:
    """Read a neuron; None of other modules; Unsupported of other neurons and options."""
    import norse.torch as norse
    import torch
    from norse.torch.functional.threshold import threshold as step
    from norse.torch.module import snn

    label = f"module {path!r} ({type(module).__name__})"
    if type(module) is norse.LIFBoxCell:
        k = number(module.dt * module.p.tau_mem_inv)
        if k.size != 1 or not 0 < float(k) <= 1:
            raise Unsupported(f"{label} has dt * tau_mem_inv = {k!r}: one number in 0..1 is held")
        gain, rest = float(k), _scalar(module.p.v_leak, "v_leak", label)
        leak, start, lead = 1 - gain, rest, "N"
        resets = {norse.reset_value: "zero", norse.reset_subtract: "subtract"}
        if module.p.reset_method not in resets:
            raise Unsupported(f"{label} resets by a function of its own")
        reset = resets[module.p.reset_method]
    elif type(module) in (norse.IAFCell, norse.IAF):
        leak, gain, rest, reset = 1.0, 1.0, 0.0, "zero"
        start = _scalar(module.p.v_reset, "v_reset", label)
        lead = "N" if type(module) is norse.IAFCell else "TN"
    elif _keeps_state(module, snn):
        raise Unsupported(f"{label} keeps a state and is no LIFBoxCell, IAFCell or IAF")
    else:
        return None
    p = module.p
    threshold = number(p.v_th)
    neuron = Neuron(
        leak=leak,
        threshold=float(threshold.flat[0]),
        compare=compare_of(lambda x: step(x, p.method, p.alpha), torch.zeros(()), label),
        reset=reset,
        v_reset=_scalar(p.v_reset, "v_reset", label) if reset == "zero" else 0.0,
        v_rest=rest,
        v_init=start,
        input_gain=gain,
    )
    return Leaf(neuron, p.v_th if threshold.size > 1 else None, lead, carries=True)


def _keeps_state(module: Any, snn: Any) -> bool:
    kinds = (snn.SNNCell, snn.SNNRecurrentCell, snn.SNN, snn.SNNRecurrent)
    if isinstance(module, kinds):
        return True
    own = type(module).__module__.startswith("norse.torch.module")
    containers = ("SequentialState", "Lift", "RecurrentSequential")
    return own and type(module).__name__ not in containers and _stateful(module)


def _scalar(value: Any, what: str, label: str) -> float:
    array = np.asarray(number(value), np.float64)
    if array.size != 1:
        raise Unsupported(f"{label} has a {what} for each neuron; one a layer is held")
    return float(array.reshape(()))


def framework() -> Framework:
    """Return how Norse models are read."""
    return Framework("norse", leaf, _call, stateful=_stateful)


def _stateful(model: Any) -> bool:
    return "state" in inspect.signature(type(model).forward).parameters


def _call(model: Any) -> str:
    import norse.torch as norse

    timed = (norse.IAF, norse.Lift)
    return "TN" if any(isinstance(m, timed) for m in model.modules()) else "step"
