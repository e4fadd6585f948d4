"""What the papers measure of a training, per layer and epoch: flips, gradients, firing rates.

The flip ratio of a binary layer is the share of its weights whose sign at the end of an epoch is
not the one at the end of the epoch before (C. Liang et al., AAAI-25). A gradient's mean and
variance are over the elements of a layer's latent weights, averaged over the epoch's steps. A
firing rate is spikes per neuron and timestep, over the epoch's samples.
"""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import nn


class Measured(Protocol):
    """What is asked of a model."""

    def latent(self) -> dict[str, nn.Parameter]:
        """Return the weights of every layer, named by the population that they drive."""

    def signs(self) -> dict[str, torch.Tensor]:
        """Return whether each weight counts as +1, of layers of one-bit weights."""

    def firing(self) -> set[str]:
        """Return the names of the populations that spike."""


class Measures:
    """Watches one training; see ``loop.Watcher``.

    Args:
        model: the one that is trained.
    """

    def __init__(self, model: Measured) -> None:
        self.model = model
        self.spiking = model.firing()

    def begin(self) -> None:
        """Remember the signs, and forget what was counted."""
        self.signs = self.model.signs()
        self.sums: dict[str, list[torch.Tensor]] = {}
        self.rates: dict[str, list[tuple[torch.Tensor, int]]] = {}

    def output(self, name: str, x: torch.Tensor) -> None:
        """Count spikes."""
        if name in self.spiking:
            mean = x.detach().mean(dtype=torch.float32)
            self.rates.setdefault(name, []).append((mean, x.shape[1]))

    def gradients(self) -> None:
        """Take mean and variance of every layer's gradient."""
        for name, weight in self.model.latent().items():
            gradient = weight.grad
            if gradient is not None:
                both = torch.stack([gradient.mean(), gradient.var(unbiased=False)])
                self.sums.setdefault(name, []).append(both.double())

    def epoch(self) -> dict[str, Any]:
        """Return ``flips``, ``gradients`` (mean, variance) and ``rates``, each by name."""
        now = self.model.signs()
        flips = {n: float((now[n] != self.signs[n]).float().mean()) for n in now}
        gradients = {n: torch.stack(g).mean(0).tolist() for n, g in self.sums.items()}
        rates = {
            n: sum(float(mean) * samples for mean, samples in r) / sum(samples for _, samples in r)
            for n, r in self.rates.items()
        }
        self.begin()
        return {"flips": flips, "gradients": gradients, "rates": rates}
