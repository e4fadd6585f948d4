"""The adaptive gate: ``x'[t] = sigmoid(alpha[t] * mean(x[t])) * x[t]``.

Source: C. Liang et al., Towards Accurate Binary Spiking Neural Networks: Learning with Adaptive
Gradient Modulation Mechanism, AAAI-25 (arXiv 2502.14344). The mean runs over channels and map of
one sample and timestep, never over the batch.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from mapping import trained

from .ops import array

#: A trained gate starts at sigmoid(mean): alpha = 1.
ALPHA = 1.0


@dataclass(frozen=True)
class Table:
    """A gate as hardware computes it: bins of the mean, and a factor for each.

    Attributes
    ----------
        least: the mean at which bin 0 begins.
        width: of a bin.
        factors: (T, bins), multiples of 2**-8.
    """

    least: float
    width: float
    factors: torch.Tensor


class Gate(nn.Module):
    """The gate of one connection.

    Args:
        steps: T; one alpha each.
        axes: ``"all"``: the mean runs over channels and map; ``"map"``: per channel.

    Attributes
    ----------
        constant: (T,) factors that stand in the sigmoid's place, or None.
        table: or the bins of the hardware; the gradient is the sigmoid's.
    """

    def __init__(self, steps: int, axes: str = "all") -> None:
        super().__init__()
        if axes not in ("all", "map"):
            raise ValueError(f"axes of a gate must be 'all' or 'map', not {axes!r}")
        self.alpha = nn.Parameter(torch.full((steps,), ALPHA))
        self.axes = axes
        self.table: Table | None = None
        self.register_buffer("constant", None)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (T, samples, channels, ...) of x (T or 1, samples, channels, ...)."""
        return x * self.factor(x)

    def factor(self, x: torch.Tensor) -> torch.Tensor:
        """Return what x is multiplied with, (T, samples, channels or 1, 1 ...)."""
        ones = (1,) * (x.ndim - 1)
        if self.constant is not None:
            return self.constant.reshape(-1, *ones)
        axes = tuple(range(2 if self.axes == "all" else 3, x.ndim))
        mean = x.mean(axes, keepdim=True) if axes else x
        soft = torch.sigmoid(self.alpha.reshape(-1, *ones) * mean)
        if self.table is None:
            return soft
        return self._looked_up(mean) + (soft - soft.detach())  # exactly the table's value

    def _looked_up(self, mean: torch.Tensor) -> torch.Tensor:
        table = self.table
        assert table is not None
        bins = ((mean - table.least) / table.width).floor().long()
        bins = bins.clamp(0, table.factors.shape[1] - 1).expand(len(self.alpha), *mean.shape[1:])
        factors = table.factors.to(mean)
        return torch.stack([row[b] for row, b in zip(factors, bins, strict=True)])

    def exported(self) -> trained.Gate:
        """Return what ``mapping`` calls it."""
        constant = None if self.constant is None else array(self.constant)
        return trained.Gate(array(self.alpha), self.axes == "map", constant)
