"""Plain torch models: any mix of layers, with neurons that the caller describes.

torch has no spiking neuron, so a model's own neuron modules are named by the caller, who says
what they compute; the probe drives each alone and then runs the whole, and refuses a description
that does not hold. Neurons of the known frameworks inside the model are read without being named.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..trained import Neuron
from .models import Framework
from .seen import Leaf

#: Methods that put a module to rest, in the order in which they are looked for.
RESETS = ("reset", "reset_state", "reset_states", "reset_mem")


def framework(neurons: Mapping[str, Neuron | Callable[[Any], Neuron]], model: Any) -> Framework:
    """Return how a plain torch model is read.

    Args:
        neurons: module path or class name to a trained Neuron, or to a function of the module
            that returns one. The module takes (N, *shape) once a timestep.
        model: what they are modules of.
    """
    modules = dict(model.named_modules()) if hasattr(model, "named_modules") else {}
    known = {*modules, *(type(m).__name__ for m in modules.values())}
    notes: list[str] = []
    for key, value in neurons.items():
        if not isinstance(value, Neuron) and not callable(value):
            raise TypeError(f"neurons[{key!r}] must be a trained Neuron or give one, not {value!r}")
        if key not in known:
            notes.append(
                f"neurons[{key!r}] is neither a path nor a class of the model's modules; its "
                f"classes are {', '.join(sorted({type(m).__name__ for m in modules.values()}))}"
            )

    for path, module in modules.items():
        named = path in neurons or type(module).__name__ in neurons
        if named and not any(callable(getattr(module, name, None)) for name in RESETS):
            notes.append(
                f"module {path!r} ({type(module).__name__}) has no reset(), so that it starts "
                "where it was left: give it one, or a model that was not run"
            )

    def leaf(module: Any, path: str) -> Leaf | None:
        given = neurons.get(path, neurons.get(type(module).__name__))
        if given is None or (not path and path not in neurons):
            return None
        neuron = given if isinstance(given, Neuron) else given(module)
        if not isinstance(neuron, Neuron):
            raise TypeError(f"neurons must give a trained Neuron for {path!r}, not {neuron!r}")
        return Leaf(neuron, carries=True)

    return Framework("torch", leaf, lambda model: "step", reset, notes=tuple(notes))


def reset(model: Any) -> None:
    """Call the reset method of every module that has one."""
    for module in model.modules():
        for name in RESETS:
            method = getattr(module, name, None)
            if callable(method):
                method()
                break
