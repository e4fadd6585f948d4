"""What the papers measure of a training, per layer and epoch: flips, gradients, firing rates.

The flip ratio of a binary layer is the share of its weights whose sign at the end of an epoch is
not the one at the end of the epoch before (C. Liang et al., AAAI-25). A gradient's mean and
variance are over the elements of a layer's latent weights, averaged over the epoch's steps. A
firing rate is spikes per neuron and timestep, over the epoch's samples.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from .graph import SpikingNetwork
from .ops import Weighted
from .weights import Bipolar


class Measures:
    """Watches one training; see ``loop.Watcher``.

    Args:
        model: the one that is trained.
    """

    def __init__(self, model: nn.Module) -> None:
        self.layers = weighted(model)
        self.binary = {n: m for n, m in self.layers.items() if isinstance(m.kind, Bipolar)}
        self.spiking = set()
        if isinstance(model, SpikingNetwork):
            self.spiking = {p.name for p in model.spiking()}

    def begin(self) -> None:
        """Remember the signs, and forget what was counted."""
        self.signs = {n: signs(m) for n, m in self.binary.items()}
        self.sums: dict[str, list[torch.Tensor]] = {}
        self.rates: dict[str, list[tuple[torch.Tensor, int]]] = {}

    def output(self, name: str, x: torch.Tensor) -> None:
        """Count spikes."""
        if name in self.spiking:
            mean = x.detach().mean(dtype=torch.float32)
            self.rates.setdefault(name, []).append((mean, x.shape[1]))

    def gradients(self) -> None:
        """Take mean and variance of every layer's gradient."""
        for name, layer in self.layers.items():
            gradient = layer.weight.grad
            if gradient is not None:
                both = torch.stack([gradient.mean(), gradient.var(unbiased=False)])
                self.sums.setdefault(name, []).append(both.double())

    def epoch(self) -> dict[str, Any]:
        """Return ``flips``, ``gradients`` (mean, variance) and ``rates``, each by name."""
        now = {n: signs(m) for n, m in self.binary.items()}
        flips = {n: float((now[n] != self.signs[n]).float().mean()) for n in now}
        gradients = {n: torch.stack(g).mean(0).tolist() for n, g in self.sums.items()}
        rates = {
            n: sum(float(mean) * samples for mean, samples in r) / sum(samples for _, samples in r)
            for n, r in self.rates.items()
        }
        self.begin()
        return {"flips": flips, "gradients": gradients, "rates": rates}


def weighted(model: nn.Module) -> dict[str, Weighted]:
    """Return the layers with weights, named by the population that they drive."""
    if not isinstance(model, SpikingNetwork):
        return {n: m for n, m in model.named_modules() if isinstance(m, Weighted)}
    found: dict[str, Weighted] = {}
    for p, c in model.connections():
        if isinstance(c.op, Weighted):
            name = p.name.removesuffix(".sum")
            found[name if name not in found else f"{name}.{c.op.weight.shape[-1]}x1"] = c.op
    return found


@torch.no_grad()
def signs(layer: Weighted) -> torch.Tensor:
    """Return whether each weight counts as +1."""
    return layer.kind(layer.weight)[0] > 0
