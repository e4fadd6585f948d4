"""Follows the values of one run through torch's functions, and says what each of them is."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..ops import Shape
from ..value import Unsupported
from .layers import Layer
from .seen import Leaf, Seen, axes, number

#: Functions whose result depends on the shape of what they are given only.
CONSTANTS = {"zeros_like", "ones_like", "full_like", "empty_like", "new_zeros", "new_ones",
             "new_full", "new_empty", "new_tensor"}  # fmt: skip


@dataclass
class Recorder:
    """What is known of the tensors of one run.

    Attributes
    ----------
        samples, timesteps: of the run.
        handlers: torch function names to what each does to a value (``torch_functions``).
    """

    samples: int
    timesteps: int
    handlers: Mapping[str, Callable[..., Iterator[tuple[Any, Seen]]]]
    seen: dict[int, tuple[Any, Seen]] = field(default_factory=dict)
    stack: list[tuple[str, str]] = field(default_factory=list)
    own: set[str] = field(default_factory=set)  # paths of modules whose class the user wrote
    asleep: int = 0
    called: dict[str, int] = field(default_factory=dict)
    initial: dict[str, float] = field(default_factory=dict)
    count: Iterator[int] = field(default_factory=itertools.count)

    # --- what is known ---------------------------------------------------------------------

    def sizes(self, lead: str) -> tuple[int, ...]:
        """Return the leading sizes of a tensor."""
        n, t = self.samples, self.timesteps
        two = {"TN": (t, n), "NT": (n, t), "1N": (1, n), "N1": (n, 1)}
        return {"N": (n,), **two}.get(lead, (n * t,))

    def keep(self, tensor: Any, seen: Seen) -> None:
        """Remember what a tensor is; the tensor is held, so that its id stays its own."""
        self.seen[id(tensor)] = (tensor, seen)

    def find(self, value: Any) -> Seen | None:
        """Return what is known of a value, or None of a constant."""
        entry = self.seen.get(id(value))
        return None if entry is None else entry[1]

    def here(self) -> tuple[str, str]:
        """Return path and class name of the module that runs."""
        return self.stack[-1] if self.stack else ("", "model")

    def refuse(self, why: str) -> Unsupported:
        """Return the error that names the module that runs."""
        path, kind = self.here()
        return Unsupported(f"module {path!r} ({kind}) {why}")

    def hint(self) -> str:
        """Return what to add where the module that runs may be a neuron of the user's."""
        path, kind = self.here()
        if not path or path not in self.own:
            return ""
        return (
            f"; if {kind} is a neuron, import from 'torch' and say what it computes: "
            f"neurons={{{kind!r}: Neuron(..)}} (--neuron {kind}:leak=..,threshold=..)"
        )

    def layer(self, does: str, sources: tuple[Layer, ...], label: str = "", **data: Any) -> Layer:
        """Return a new layer of the module that runs."""
        path, kind = self.here()
        return Layer(path or label or f"op{next(self.count)}", kind, does, sources, data)

    # --- calls -----------------------------------------------------------------------------

    def call(self, func: Callable, args: tuple, kwargs: dict) -> Any:
        """Run one torch function; note what its result is."""
        import torch

        used = [s for s in (self.find(a) for a in tensors_in((args, kwargs))) if s is not None]
        result = func(*args, **kwargs)
        name = _name(func)
        if not used or name in CONSTANTS:
            return result
        if name == "__iter__":
            parts = args[0].unbind(0)
            for index, part in enumerate(parts):
                self.keep(part, self.select(used[0], 0, index))
            return iter(parts)
        if not any(True for _ in tensors_in(result)):
            return result
        handler = self.handlers.get(name)
        if handler is None or (name == "batch_norm" and func is torch.batch_norm):
            raise self.refuse(
                f"calls torch function {name!r}, which an importer does not know" + self.hint()
            )
        for tensor, made in handler(self, name, args, kwargs, result):
            self.keep(tensor, made)
        return result

    def leaf(self, path: str, kind: str, leaf: Leaf, args: tuple, kwargs: dict, out: Any) -> None:
        """Note one call of a neuron."""
        label = f"module {path!r} ({kind})"
        given = [*args, *kwargs.values()]
        seen = self.find(given[0]) if given else None
        if seen is None or seen.what != "value":
            raise Unsupported(f"{label} gets an input that does not come from the network's input")
        if seen.lead != leaf.lead:
            raise Unsupported(
                f"{label} takes axes {axes(leaf.lead)}, but gets {axes(seen.lead)} here: call= "
                "says how the model takes its input"
            )
        for tensor in tensors_in(given[1:]):
            state = self.find(tensor)
            if state is None:
                self.initial[path] = _uniform(tensor, label)
            elif state.what != "state" or state.layer.path != path:
                raise Unsupported(f"{label} is given the state of {state.layer.path!r}")
        call = self.called[path] = self.called.get(path, 0) + 1
        if leaf.lead == "N" and self.static(seen):
            seen = replace(seen, steps=frozenset({call - 1}))
        if (seen.steps != {call - 1}) if leaf.lead == "N" else (call > 1):
            raise Unsupported(f"{label} is not called once a timestep, in order: it has one state")
        neuron = leaf.neuron
        if leaf.threshold is not None:
            neuron = replace(neuron, threshold=self.channels(leaf.threshold, seen))
        if path in self.initial:
            neuron = replace(neuron, v_init=self.initial[path])
        layer = Layer(path, kind, "fire", (seen.layer,), {"neuron": neuron})
        tensors = list(tensors_in(out))
        self.keep(tensors[0], replace(seen, layer=layer))
        for tensor in tensors[1:]:
            self.keep(tensor, replace(seen, layer=layer, what="state"))

    def static(self, seen: Seen) -> bool:
        """Whether a value is computed once and used at every timestep."""
        return seen.lead == "N" and seen.what == "value" and len(seen.steps) == self.timesteps

    # --- axes ------------------------------------------------------------------------------

    def select(self, seen: Seen, axis: int, index: int) -> Seen:
        """Return what one timestep of a sequence is."""
        place = seen.lead.find("T") if "*" not in seen.lead else -1
        if axis != place:
            raise self.refuse("indexes an axis that is not time")
        step = index % self.timesteps
        return replace(seen, lead="N", steps=frozenset({step}))

    def reshaped(self, seen: Seen, shape: Shape) -> Seen:
        """Return what a tensor is under a new shape: merged axes, or flattened features."""
        pairs = ({"TN", "T*N"}, {"NT", "N*T"}, {"N", "1N", "N1"})
        leads = next((p for p in pairs if seen.lead in p), {seen.lead})
        for lead in sorted(leads, key=lambda other: other != seen.lead):
            sizes = self.sizes(lead)
            rest = shape[len(sizes) :]
            if shape[: len(sizes)] != sizes:
                continue
            if rest == seen.shape:
                return replace(seen, lead=lead)
            if rest == (math.prod(seen.shape),):
                layer = self.layer("flatten", (seen.layer,))
                return replace(seen, lead=lead, shape=rest, layer=layer)
        raise self.refuse(f"reshapes {axes(seen.lead)} + {seen.shape} to {tuple(shape)}")

    def channels(self, constant: Any, seen: Seen) -> np.ndarray:
        """Return a constant as a scalar or (C,), if that is how it acts on a tensor."""
        if isinstance(constant, (int, float)) and not isinstance(constant, bool):
            return np.float64(constant)
        array = number(constant)
        if array.ndim == 0 or array.size == 1:
            return np.float64(array.reshape(()))
        try:
            full = np.broadcast_to(array, (*self.sizes(seen.lead), *seen.shape))
        except ValueError:
            raise self.refuse(f"combines shapes {array.shape} and {seen.shape}") from None
        wide = full.reshape(-1, *seen.shape)
        each = wide[0].reshape(seen.shape[0], -1)[:, 0]
        if (wide != each.reshape(-1, *(1 for _ in seen.shape[1:]))).any():
            raise self.refuse("combines a value with a constant that is not one per channel")
        return each.astype(np.float64)


def tensors_in(value: Any) -> Iterator[Any]:
    """Yield the tensors in nested arguments."""
    import torch

    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, dict):
        yield from tensors_in(list(value.values()))
    elif isinstance(value, (tuple, list)):
        for part in value:
            yield from tensors_in(part)


def _name(func: Any) -> str:
    name = getattr(func, "__name__", str(func))
    if name == "__get__":  # an attribute: x.shape, x.data
        name = getattr(getattr(func, "__self__", None), "__name__", name)
    return name


def _uniform(tensor: Any, label: str) -> float:
    """Return the initial membrane that a state tensor gives to every neuron."""
    if tensor.numel() == 0:
        return 0.0
    array = number(tensor)
    if (array != array.flat[0]).any():
        raise Unsupported(f"{label} starts from a membrane that differs between neurons")
    return float(array.flat[0])
