"""The hardware's arithmetic in the training loop: what a bounded layer needs to become exact.

Each function changes a trained model in place, so that a few more epochs can make up for what the
change costs; batch norms keep their statistics from then on.

- ``table_gates``: gates are the tables that fold makes of them (a network's gate *is* its table
  then, and folds exactly to it);
- ``constant_gates``: a gate is one number per timestep, its mean over data;
- ``dyadic_streams``: gains and biases of what enters a real-valued stream lie on a grid.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import torch

import mapping
from mapping import INPUT

from . import feed
from .export import export
from .gate import Gate, Table
from .graph import Connection, SpikingNetwork
from .norm import Dyadic, Norm
from .weights import Bipolar, Fixed, Real

#: A gate's factor is a multiple of 1 / FACTORS, below 1.
FACTORS = 256


def freeze(model: SpikingNetwork) -> None:
    """Keep the statistics of every batch norm as they are."""
    for module in model.modules():
        if isinstance(module, Norm):
            module.frozen = True


def gates(model: SpikingNetwork) -> list[tuple[str, int, Connection]]:
    """Return population, connection's index and connection of every gate."""
    return [
        (p.name, k, c)
        for p in model.populations
        for k, c in enumerate(p.connections)
        if c.gate is not None
    ]


@torch.no_grad()
def constant_gates(model: SpikingNetwork, part: Any, batch: int = 256) -> None:
    """Replace every gate by its mean factor per timestep over data, a multiple of 1/256.

    Args:
        part: samples to calibrate on; never those that are tested.
    """
    model.eval()
    device = next(model.parameters()).device
    found = {c.gate: torch.zeros(model.timesteps, device=device) for _, _, c in gates(model)}

    def watch(gate: Gate, x: torch.Tensor) -> None:
        factor = gate.factor(x)
        found[gate] += factor.flatten(1).mean(1) * x.shape[1]

    handles = [
        c.gate.register_forward_pre_hook(lambda gate, inputs: watch(gate, inputs[0]))
        for _, _, c in gates(model)
    ]
    try:
        for x, _, _ in feed.in_order(part, batch):
            model(x.to(device))
    finally:
        for handle in handles:
            handle.remove()
    for _, _, c in gates(model):
        mean = found[c.gate] / len(part)
        c.gate.constant = (mean * FACTORS).round().clamp(0, FACTORS - 1) / FACTORS
        c.gate.alpha.requires_grad_(False)  # several processes wait for every gradient
    freeze(model)


def table_gates(model: SpikingNetwork) -> None:
    """Let every gate look its factor up where fold's integers do.

    The gradient stays the sigmoid's. Call it again when parameters have moved: bins follow from
    the reach of a layer's sums.
    """
    freeze(model)
    trained = export(model.eval())
    network = mapping.fold(trained)
    for name, k, c in gates(model):
        integers = network[name].connections[k].gate
        assert integers is not None and c.gate is not None
        slopes, offsets = _line(c, model.enter.unit)
        share = math.prod(network.shapes[name][1:])
        if not integers.per_channel:
            share, offsets = share * len(slopes), offsets.mean(keepdims=True)
        # Folded weights are slopes / share in units of a power of two, the largest in 16 bits.
        largest = int(np.abs(slopes).argmax())
        ratio = np.ravel(integers.weights)[largest] / (np.abs(slopes[largest]) / share)
        grid = 2.0 ** round(math.log2(ratio))
        c.gate.table = Table(
            least=float((offsets - integers.offset / grid).mean()),
            width=float((1 << integers.shift) / grid),
            factors=torch.tensor(integers.table / FACTORS, dtype=torch.float32),
        )


def dyadic_streams(model: SpikingNetwork, bits: int = 10) -> None:
    """Put gain and bias of every layer that enters a stream on a grid, a power of two.

    Streams whose numbers are all multiples of one unit are exact integers. The batch norm of such
    a layer, as it stands, becomes its start. An input's unit becomes a power of two.

    Args:
        bits: significant bits of a layer's largest gain.
    """
    freeze(model)
    streams = {p.name for p in model.populations if not p.neurons.spiking}
    found = [(p, c) for p, c in model.connections() if p.name in streams and c.norm is not None]
    unit = model.enter.unit
    if any(c.source == INPUT for _, c in found):
        unit = 2.0 ** math.floor(math.log2(unit))
    with torch.no_grad():
        for _, c in found:
            kind = c.op.kind
            if isinstance(kind, Real):
                raise ValueError("full-precision weights cannot lie on a grid: use 8bit ends")
            slopes, offsets = _line(c, model.enter.unit)
            if isinstance(kind, Fixed):
                c.op.weight.copy_(kind(c.op.weight)[0])  # the whole numbers that they count as
            c.op.kind = Bipolar("none") if isinstance(kind, Bipolar) else Fixed(kind.bits, "none")
            if c.source == INPUT:
                slopes = slopes / unit
            fine = bits - math.ceil(math.log2(np.abs(slopes).max()))
            both = (torch.tensor(x, dtype=torch.float32) for x in (slopes, offsets))
            c.norm = Dyadic(*both, fine)
    model.enter = replace(model.enter, unit=unit)


def _line(c: Connection, unit: float) -> tuple[np.ndarray, np.ndarray]:
    """Return slope and offset, per channel, of what a gate or stream gets from integer sums."""
    _, scale, bias = c.op.exported()
    size = c.op.weight.shape[0]
    slope = np.broadcast_to(scale * (unit if c.source == INPUT else 1.0), (size,))
    offset = np.broadcast_to(bias, (size,))
    if isinstance(c.norm, Norm):
        norm = c.norm.exported()
        gain = norm.gamma / np.sqrt(norm.var + norm.eps)
        slope, offset = slope * gain, (offset - norm.mean) * gain + norm.beta
    return slope, offset
