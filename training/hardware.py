"""The hardware's arithmetic in the training loop: what a bounded layer needs to become exact.

Each function changes a trained model in place, so that a few more epochs can make up for what the
change costs; batch norms keep their statistics from then on.

- ``table_gates``: gates are the tables that fold makes of them (a network's gate *is* its table
  then, and folds exactly to it);
- ``constant_gates``: a gate is one number per timestep, its mean over data;
- ``dyadic_joins``: gains and biases lie on a grid where real scales meet: in real-valued streams,
  and beside a gate.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import torch

import mapping
from mapping import INPUT
from mapping.budgets import GATE_BITS

from . import feed
from .export import export
from .gate import Gate, Table
from .graph import Connection, Population, SpikingNetwork
from .norm import Dyadic, Norm
from .weights import Bipolar, Fixed, Real

#: Weights whose scale follows their size.
SCALED = tuple(kind(scale=scale) for kind in (Bipolar, Fixed) for scale in ("channel", "layer"))
#: A gate's factor is a multiple of 1 / FACTORS, below 1.
FACTORS = 1 << GATE_BITS


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
    sums = {c.gate: torch.zeros(model.timesteps, device=device) for _, _, c in gates(model)}

    def watch(gate: Gate, x: torch.Tensor, *given: Any) -> None:
        factor = gate.factor(x, *given)
        sums[gate] += factor.flatten(1).mean(1) * x.shape[1]

    handles = [
        c.gate.register_forward_pre_hook(lambda gate, inputs: watch(gate, *inputs))
        for _, _, c in gates(model)
    ]
    try:
        for x, _, _ in feed.in_order(part, batch):
            model(x.to(device))
    finally:
        for handle in handles:
            handle.remove()
    for _, _, c in gates(model):
        mean = sums[c.gate] / len(part)
        c.gate.constant = (mean * FACTORS).round().clamp(0, FACTORS - 1) / FACTORS
        c.gate.alpha.requires_grad_(False)  # several processes wait for every gradient
    freeze(model)


def table_gates(model: SpikingNetwork) -> None:
    """Let every gate be the table that fold makes of it, from now on.

    The gradient stays the sigmoid's, and the sums' weights stay as they are while batch norms
    learn on: the gate is what it is then, and nothing has to be rounded a second time.
    """
    freeze(model)
    dyadic_input(model)
    trained = export(model.eval())
    network = mapping.fold(trained)
    units = {p.name: float(p.certificate.unit[0]) for p in network.populations if not p.spiking}
    units[INPUT] = model.enter.unit
    for name, k, c in gates(model):
        integers = network[name].connections[k].gate
        assert integers is not None and c.gate is not None
        grid, unit = 1 << integers.shift, units.get(c.source, 1.0)
        before = trained[name].connections[k].op
        flips = before.flips(network[name].connections[k].op)  # fold flips a negative gain
        c.gate.table = Table(
            weights=torch.tensor(integers.weights * flips / (grid * unit)),
            offset=torch.tensor(integers.offset / grid),
            factors=torch.tensor(integers.table / FACTORS),
            grid=1 / grid,
        )
        c.gate.alpha.requires_grad_(False)


def dyadic_joins(model: SpikingNetwork, bits: int = 10) -> None:
    """Put gain and bias of layers on a grid, a power of two, where real scales meet.

    That is in streams, and in joins with a gate. Populations whose numbers are all multiples of
    one unit are exact, whatever meets there. The batch norm of such a layer, as it stands, becomes
    its start. An input's unit becomes a power of two.

    Args:
        bits: significant bits of a layer's largest gain.
    """
    freeze(model)
    dyadic_input(model)
    layers = [
        c
        for p in model.populations
        if not p.neurons.spiking or _gated_join(p)
        for c in p.connections
        if isinstance(c.norm, Norm)
    ]
    with torch.no_grad():
        for c in layers:
            kind = c.op.kind
            if isinstance(kind, Real):
                raise ValueError("full-precision weights cannot lie on a grid: use 8bit ends")
            slopes, offsets = _line(c)
            if isinstance(kind, Fixed):
                c.op.weight.copy_(kind(c.op.weight)[0])  # the whole numbers that they count as
            c.op.kind = Bipolar("none") if isinstance(kind, Bipolar) else Fixed(kind.bits, "none")
            fine = bits - math.ceil(math.log2(np.abs(slopes).max()))
            both = (torch.tensor(x, dtype=torch.float32) for x in (slopes, offsets))
            c.norm = Dyadic(*both, fine)


def _gated_join(p: Population) -> bool:
    return len(p.connections) > 1 and any(c.gate is not None for c in p.connections)


@torch.no_grad()
def dyadic_input(model: SpikingNetwork) -> None:
    """Make the input's unit the power of two below it, and the first weights larger by the rest."""
    unit = 2.0 ** math.floor(math.log2(model.enter.unit))
    readers = [c for _, c in model.connections() if c.source == INPUT]
    scaled = all(getattr(c.op, "kind", None) in SCALED for c in readers)
    if unit == model.enter.unit or not scaled:
        return
    for c in readers:
        c.op.weight.mul_(model.enter.unit / unit)
    model.enter = replace(model.enter, unit=unit)


def _line(c: Connection) -> tuple[np.ndarray, np.ndarray]:
    """Return slope and offset, per channel, of what scale and batch norm make of a layer's sums."""
    _, scale, _ = c.op.exported()  # a layer with a norm has no bias of its own: see style
    norm = c.norm.exported()
    gain = norm.gamma / np.sqrt(norm.var + norm.eps)
    return scale * gain, norm.beta - norm.mean * gain
