"""What is known of a tensor in a traced run, and of the neurons that it meets there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..ops import Shape
from ..trained import Neuron
from ..value import Unsupported
from .layers import Layer

#: Order of the leading axes of a tensor: N samples, T timesteps, ``*`` where two are one axis,
#: 1 where one timestep has an axis along which it can be repeated.
LEADS = ("N", "TN", "NT", "T*N", "N*T", "1N", "N1")


class OtherSteps(Unsupported):
    """A model that makes another number of timesteps than it was asked for."""

    def __init__(self, sentence: str, steps: int) -> None:
        super().__init__(sentence)
        self.steps = steps


@dataclass(frozen=True)
class Leaf:
    """A neuron module, as its framework's importer reads it.

    Attributes
    ----------
        neuron: what it computes.
        threshold: its thresholds as they broadcast over (C, ...), where they are no scalar.
        lead: leading axes of what it takes: ``"N"`` for one timestep a call, or one of LEADS.
        carries: its state goes out and in with each call, beside the spikes.
        overshoot: a membrane beyond twice the threshold is not reset as ``neuron`` says.
    """

    neuron: Neuron
    threshold: Any = None
    lead: str = "N"
    carries: bool = False
    overshoot: bool = False


@dataclass(frozen=True, eq=False)
class Seen:
    """A tensor that depends on the input.

    Attributes
    ----------
        layer: what made it, at the first timestep.
        lead: its leading axes. shape: those behind them, as the tensor has them.
        steps: the timesteps that it holds.
        what: ``"value"``, ``"state"`` (of a neuron), or ``"sum"`` over its steps.
    """

    layer: Layer
    lead: str
    shape: Shape
    steps: frozenset[int]
    what: str = "value"


def number(tensor: Any) -> np.ndarray:
    """Return a constant tensor as numpy, in its own floating-point type."""
    import torch

    if isinstance(tensor, torch.Tensor):
        tensor = tensor.detach().cpu()
        if tensor.dtype in (torch.bfloat16, torch.float16):
            tensor = tensor.float()
        return tensor.resolve_conj().numpy()
    return np.asarray(tensor)


def axes(lead: str) -> str:
    names = {"N": "samples", "T": "time", "1": "1"}
    return "(" + ", ".join(names.get(c, "*") for c in lead).replace(", *, ", " * ") + ")"
