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
    """A gate as hardware computes it; see ``mapping.trained.Table``.

    Attributes
    ----------
        weights: (C,) float64; offset: float64, () or (C,).
        factors: (T, bins), multiples of 2**-8.
        grid: what every total is a multiple of; half of it is added before a total is rounded
            down, as float32 sums are not quite whole where a convolution takes a short cut.
    """

    weights: torch.Tensor
    offset: torch.Tensor
    factors: torch.Tensor
    grid: float = 0.0


class Gate(nn.Module):
    """The gate of one connection.

    Args:
        steps: T; one alpha each.
        axes: ``"all"``: the mean runs over channels and map; ``"map"``: per channel.

    Attributes
    ----------
        constant: (T,) factors that stand in the sigmoid's place, or None.
        table: or what the hardware looks up; the gradient is the sigmoid's.
    """

    def __init__(self, steps: int, axes: str = "all") -> None:
        super().__init__()
        if axes not in ("all", "map"):
            raise ValueError(f"axes of a gate must be 'all' or 'map', not {axes!r}")
        self.alpha = nn.Parameter(torch.full((steps,), ALPHA))
        self.axes = axes
        self.table: Table | None = None
        self.register_buffer("constant", None)

    def forward(self, x: torch.Tensor, acc: torch.Tensor, unit: float = 1.0) -> torch.Tensor:
        """Return (T, samples, channels, ...), gated.

        Args:
            x: (T or 1, samples, channels, ...), what is gated.
            acc: the sums of products that x was made of. unit: worth of the integer 1 in them.
        """
        return x * self.factor(x, acc, unit)

    def factor(self, x: torch.Tensor, acc: torch.Tensor, unit: float = 1.0) -> torch.Tensor:
        """Return what x is multiplied with, (T, samples, channels or 1, 1 ...)."""
        ones = (1,) * (x.ndim - 1)
        if self.constant is not None:
            return self.constant.reshape(-1, *ones)
        axes = tuple(range(2 if self.axes == "all" else 3, x.ndim))
        mean = x.mean(axes, keepdim=True) if axes else x
        soft = torch.sigmoid(self.alpha.reshape(-1, *ones) * mean)
        if self.table is None:
            return soft
        factors = self._looked_up(self.table, acc.detach(), unit, axes).to(soft)
        return factors + (soft - soft.detach())  # exactly the table's value

    def _looked_up(
        self, table: Table, acc: torch.Tensor, unit: float, axes: tuple[int, ...]
    ) -> torch.Tensor:
        def per_channel(x: torch.Tensor) -> torch.Tensor:
            return x.to(acc.device).reshape(-1, *(1 for _ in acc.shape[3:])) if x.ndim else x

        total = acc.double() * unit * per_channel(table.weights)
        total = total.sum(axes, keepdim=True) if axes else total
        bins = (total + per_channel(table.offset) + table.grid / 2).floor().long()
        bins = bins.clamp(0, table.factors.shape[1] - 1).expand(len(self.alpha), *bins.shape[1:])
        factors = table.factors.to(acc.device)
        return torch.stack([row[b] for row, b in zip(factors, bins, strict=True)])

    def exported(self) -> trained.Gate:
        """Return what ``mapping`` calls it."""
        constant = None if self.constant is None else array(self.constant)
        table = None
        if self.table is not None:
            given = self.table
            table = trained.Table(*(array(x) for x in (given.weights, given.offset, given.factors)))
        return trained.Gate(array(self.alpha), self.axes == "map", constant, table)
