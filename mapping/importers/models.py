"""Run a torch model on integer inputs and keep the spikes of its neurons, timestep by timestep.

Every run starts from a copy at rest of the model, which is itself a private one (``copies``).
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..ports import Input
from ..value import Unsupported
from .layers import Layer
from .recorder import Recorder
from .seen import Leaf, Seen, number
from .torch_functions import HANDLERS
from .tracing import trace

#: How a model takes one batch: one call per timestep, one for all of them (by the order of its
#: leading axes), or one with a single tensor that it presents to itself at every timestep.
CALLS = ("step", "TN", "NT", "T*N", "N*T", "once")


@dataclass(frozen=True)
class Framework:
    """What differs between frameworks.

    Attributes
    ----------
        name: as users write it.
        leaf: (module, path) to a Leaf, or None of a module that is no neuron of the framework.
        call: a model to the CALLS that its neurons ask for.
        reset: put a model's neurons to rest.
        prepare: tell a model the number of samples and timesteps, where its modules hold them.
        stateful: whether the whole model takes and returns its state beside the output.
        notes: what may be the reason where a model cannot be read.
    """

    name: str
    leaf: Callable[[Any, str], Leaf | None]
    call: Callable[[Any], str]
    reset: Callable[[Any], None] = lambda model: None
    prepare: Callable[[Any, int, int], None] = lambda model, samples, timesteps: None
    stateful: Callable[[Any], bool] = lambda model: False
    notes: tuple[str, ...] = ()


@dataclass
class Source:
    """A torch model that is ours to copy, and how it is called."""

    model: Any
    framework: Framework
    enter: Input
    timesteps: int
    call: str
    leaves: dict[str, Leaf] = field(default_factory=dict)
    recorder: Recorder = field(init=False, repr=False)  # of the run that read it

    def __post_init__(self) -> None:
        samples = next(n for n in (2, 3) if n != self.timesteps)
        self.recorder = Recorder(samples, self.timesteps, HANDLERS)

    def copy(self, samples: int) -> Any:
        """Return a copy at rest, ready for a batch."""
        model = copy.deepcopy(self.model)
        self.framework.reset(model)
        self.framework.prepare(model, samples, self.timesteps)
        return model

    def tensor(self, inputs: np.ndarray) -> Any:
        """Return inputs (N, T, *shape) as the model's own type, N first."""
        import torch

        kind = next((p.dtype for p in self.model.parameters() if p.is_floating_point()), None)
        return torch.from_numpy(inputs * self.enter.unit).to(kind or torch.get_default_dtype())

    def feed(self, model: Any, inputs: np.ndarray, keep: Callable[..., None]) -> list[Any]:
        """Call the model; ``keep`` is told of every input tensor and the timestep it holds."""
        x = self.tensor(inputs)
        samples, shape = len(inputs), self.enter.shape
        everything = frozenset(range(self.timesteps))
        if self.call == "step":
            outputs, state = [], ()
            for t in range(self.timesteps):
                now = x[:, t].clone()
                keep(now, "N", frozenset({t}))
                out = model(now, *state)
                if self.framework.stateful(model):
                    out, state = out[0], tuple(out[1:])
                outputs.append(out)
            return outputs
        if self.call == "once":
            given, lead = x[:, 0].clone(), "N"
        elif self.call in ("NT", "N*T"):
            given, lead = x.clone(), self.call
        else:
            given, lead = x.transpose(0, 1).contiguous(), self.call
        if "*" in lead:
            given = given.reshape(samples * self.timesteps, *shape)
        keep(given, lead, everything)
        return [model(given)]


def read(source: Source) -> Layer:
    """Find the layers of a model by one traced run; fills its ``leaves`` and ``recorder``.

    Returns
    -------
        The layer of its output.

    Raises
    ------
        Unsupported: a module, option or function that is not known; the module is named.
        ValueError: the model does not run on inputs of this shape.
    """
    recorder, samples = source.recorder, source.recorder.samples
    source.leaves = leaves(source.model, source.framework)
    enter = Layer("input", "Input", "enter")
    shape = (samples, source.timesteps, *source.enter.shape)
    model = guarded(lambda: source.copy(samples), shape)
    zeros = np.zeros(shape, np.int64)

    def feed(keep: Callable[[Any, Seen], None]) -> list[Any]:
        def note(tensor: Any, lead: str, steps: frozenset[int]) -> None:
            keep(tensor, Seen(enter, lead, source.enter.shape, steps))

        return source.feed(model, zeros, note)

    seen = guarded(lambda: trace(model, source.leaves, feed, recorder), shape)
    return _output(seen, source)


def leaves(model: Any, framework: Framework) -> dict[str, Leaf]:
    """Find the neurons of a model; raises Unsupported for those that are not known."""
    import torch

    neurons: dict[str, Leaf] = {}
    for path, module in model.named_modules():
        if isinstance(module, torch.jit.ScriptModule):
            raise Unsupported(f"module {path!r} ({type(module).__name__}) is compiled: give the "
                              "model as it was before")  # fmt: skip
        if any(path.startswith(f"{other}.") for other in neurons):
            continue
        leaf = framework.leaf(module, path)
        if leaf is not None:
            neurons[path] = leaf
    return neurons


def guarded(run: Callable[[], Any], shape: tuple[int, ...]) -> Any:
    """Run a model; turn what its own code raises into one sentence."""
    try:
        return run()
    except (Unsupported, MemoryError):
        raise
    except Exception as error:  # any code of the user's may run here
        first = str(error).strip().partition("\n")[0][:200]
        raise ValueError(
            f"the model does not run on inputs of shape {shape} (samples, T, ...): "
            f"{type(error).__name__}: {first}"
        ) from error


def _output(seen: list[Seen], source: Source) -> Layer:
    """Return the layer of the output, which must hold every timestep."""
    first, everything = seen[0], frozenset(range(source.timesteps))
    steps = frozenset().union(*(s.steps for s in seen))
    if first.what == "state":
        neuron = first.layer.data["neuron"]
        if neuron.threshold is not None and neuron.reset != "none" and not neuron.reset_delay:
            raise Unsupported(
                f"the output is the membrane of {first.layer.path!r} after its reset; only one "
                "without reset, or before it, can be read"
            )
    elif steps != everything or any(s.layer.path != first.layer.path for s in seen):
        raise Unsupported("the output does not hold every timestep of one layer: return them all")
    return replace(first.layer, data={**first.layer.data, "output": first.what})


def spikes(source: Source, inputs: np.ndarray) -> tuple[dict[str, np.ndarray], list[np.ndarray]]:
    """Run the model, unwatched but for its neurons.

    Args:
        inputs: (N, T, *shape) integers.

    Returns
    -------
        Spikes of each neuron module, float64 (N, T, *shape), and the outputs of the model.
    """
    import torch

    samples, timesteps = inputs.shape[:2]
    model = source.copy(samples)
    records: dict[str, list[np.ndarray]] = {path: [] for path in source.leaves}

    def keeper(path: str) -> Callable[..., None]:
        def keep(module: Any, args: Any, out: Any) -> None:
            out = out[0] if isinstance(out, tuple) else out
            records[path].append(number(out).astype(np.float64))

        return keep

    for path, module in model.named_modules():
        if path in records:
            module.register_forward_hook(keeper(path))
    with torch.no_grad():
        outputs = guarded(lambda: source.feed(model, inputs, lambda *_: None), inputs.shape)
    by_path = {
        path: ordered(parts, source.leaves[path].lead, samples, timesteps)
        for path, parts in records.items()
        if parts
    }
    plain = [next(iter(_flat(o))) for o in outputs]
    return by_path, [number(o).astype(np.float64) for o in plain]


def _flat(value: Any) -> Any:
    import torch

    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, (tuple, list)):
        for part in value:
            yield from _flat(part)


def ordered(parts: list[np.ndarray], lead: str, samples: int, timesteps: int) -> np.ndarray:
    """Return the results of a neuron's calls as (N, T, *shape)."""
    if lead == "N":
        return np.stack(parts, axis=1)
    (array,) = parts
    rest = array.shape[1:] if "*" in lead else array.shape[2:]
    if lead in ("TN", "T*N"):
        return array.reshape(timesteps, samples, *rest).swapaxes(0, 1)
    return array.reshape(samples, timesteps, *rest)


def drive(source: Source, path: str, currents: np.ndarray) -> np.ndarray:
    """Run one neuron module alone.

    Args:
        path: of a leaf. currents: (N, T, *shape) real numbers.

    Returns
    -------
        (N, T, *shape) float64, its spikes.
    """
    import torch

    samples, timesteps = currents.shape[:2]
    model = source.copy(samples)
    leaf = source.leaves[path]
    module = model.get_submodule(path)
    kind = source.tensor(np.zeros((1, 1))).dtype
    x = torch.from_numpy(currents).to(kind)
    parts, state = [], ()
    with torch.no_grad():
        if leaf.lead == "N":
            for t in range(timesteps):
                out = module(x[:, t], *state)
                if isinstance(out, tuple):
                    state = out[1:] if leaf.carries else ()
                    out = out[0]
                parts.append(number(out).astype(np.float64))
        else:
            given = x if leaf.lead in ("NT", "N*T") else x.transpose(0, 1).contiguous()
            given = given.flatten(0, 1) if "*" in leaf.lead else given
            out = module(given)
            parts.append(number(out[0] if isinstance(out, tuple) else out).astype(np.float64))
    return ordered(parts, leaf.lead, samples, timesteps)


__all__ = ["CALLS", "Framework", "Source", "drive", "read", "spikes"]
