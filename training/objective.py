"""What a spiking network with an integrating read-out is trained for."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from .losses import LOSSES
from .recipe import Recipe


@dataclass(frozen=True)
class Classify:
    """Cross-entropy of the read-out's drive; the highest sum over time is the class."""

    recipe: Recipe

    def losses(self, outputs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Return (samples,) of drives (T, samples, classes)."""
        return LOSSES[self.recipe.loss](outputs.float(), labels, self.recipe.smoothing)

    def scores(self, outputs: torch.Tensor) -> torch.Tensor:
        """Return (samples, classes)."""
        return outputs.sum(0)
