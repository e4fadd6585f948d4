"""What a model under training computes for one sample, and what that costs: SOPs, MACs, energy.

``mapping.cost`` says what counts as what; here the spikes come from the torch model itself, so that
one with real weights, which has no integers, is counted alike.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch

from mapping import INPUT
from mapping.cost.work import Work, keeps_spikes, operations, work

from .graph import Connection, SpikingNetwork
from .size import size

#: Spikes or values of every source at each timestep, (T or 1, *shape), means over the samples.
Flows = dict[str, np.ndarray]


@torch.no_grad()
def flows(model: SpikingNetwork, batches: Iterable[torch.Tensor]) -> Flows:
    """Run a model in eval mode and return the mean output of every population, and the input's.

    Args:
        batches: inputs as ``forward`` takes them.
    """
    before, device = model.training, next(model.parameters()).device
    sums: Flows = {}
    samples = 0

    def watch(name: str, x: torch.Tensor) -> None:
        total = x.detach().sum(1, dtype=torch.float64).cpu().numpy()
        sums[name] = sums[name] + total if name in sums else total

    model.eval()
    try:
        for x in batches:
            x = x.to(device)
            samples += len(x)
            watch(INPUT, x[None] if model.enter.coding == "direct" else x.transpose(0, 1))
            model(x, watch)
    finally:
        model.train(before)
    if not samples:
        raise ValueError("cost needs at least one sample")
    return {name: total / samples for name, total in sums.items()}


def count(model: SpikingNetwork, means: Flows) -> list[Work]:
    """Count what every connection does, from the flows of a model."""
    spikes = _spike_sources(model, means)
    rows = []
    for p, c in model.connections():
        op = c.op.geometry()
        row = work(
            p.name, c.source, op, means[c.source], model.timesteps,
            spikes=c.source in spikes,
            averages=not op.bits and c.op.exported()[1] != 1,
            gated=c.gate is not None,
            normed=c.norm is not None,
            weight_bits=c.op.kind.bits if op.bits else None,
        )  # fmt: skip
        rows.append(row)
    return rows


def _spike_sources(model: SpikingNetwork, means: Flows) -> set[str]:
    """Return the sources whose values are 0 or 1."""
    names = {INPUT} if model.enter.bits == 1 else set()
    for p in model.populations:
        only: Connection = p.connections[0]
        bare = len(p.connections) == 1 and only.gate is None and only.norm is None
        passes = (
            bare
            and only.source in names
            and model.enter.unit == 1
            and keeps_spikes(only.op.geometry(), means[only.source].shape[1:])
        )
        if p.neurons.spiking or passes:
            names.add(p.name)
    return names


def cost(model: SpikingNetwork, batches: Iterable[torch.Tensor]) -> dict[str, Any]:
    """Return size, operations and energy of a model for one sample, as JSON."""
    means = flows(model, batches)
    bits = size(model)
    return {
        "timesteps": model.timesteps,
        "size_bytes": bits.total_bytes,
        "size_bits": vars(bits),
        **operations(count(model, means)),
        "firing_rates": [
            {"name": p.name, "rate": float(means[p.name].mean())} for p in model.spiking()
        ],
    }
