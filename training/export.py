"""From a trained model to a TrainedNetwork: its float32 parameters, taken as exact numbers."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from mapping import INPUT, Dense, Input, Readout, TrainedNetwork, bipolar
from mapping.trained import Connection, Neuron, Norm, Population

from .binary import BinaryLinear
from .networks import Mlp


def export(model: Mlp, enter: Input) -> TrainedNetwork:
    """Return what a model computes in eval mode, as a value that names every semantic.

    Args:
        model: trained; its batch norm's running statistics are what counts.
        enter: how samples enter; ``enter.unit`` is the scale of the pixels it was trained on.

    Raises
    ------
        ValueError: a weight or parameter is not finite (the training diverged).
    """
    populations = []
    for i, (linear, norm) in enumerate(zip(model.linears, model.norms, strict=True), start=1):
        name = "hidden" if len(model.linears) == 1 else f"hidden{i}"
        source = populations[-1].name if populations else INPUT
        neuron = Neuron(leak=model.leak, threshold=model.threshold, compare=">=", reset="zero")
        populations.append(Population(name, (_connection(source, linear, norm),), neuron))
    source = populations[-1].name if populations else INPUT
    out = Population("out", (_connection(source, model.out, None),), Neuron(leak=1.0))
    return TrainedNetwork(enter, (*populations, out), Readout("out", "membrane"), model.timesteps)


def _connection(source: str, linear: BinaryLinear, norm: nn.Module | None) -> Connection:
    signs, scale = bipolar(_array(linear.effective()), f"weights into {source!r}'s reader")
    return Connection(
        source,
        Dense(signs),
        scale=scale,
        bias=0.0 if linear.bias is None else _array(linear.bias),
        norm=None
        if not isinstance(norm, nn.BatchNorm1d)
        else Norm(
            gamma=_array(norm.weight),
            beta=_array(norm.bias),
            mean=_array(norm.running_mean),
            var=_array(norm.running_var),
            eps=norm.eps,
        ),
    )


def _array(parameter: torch.Tensor) -> np.ndarray:
    return parameter.detach().numpy().astype(np.float64)
