"""Linear layers with one-bit weights, trained through a straight-through estimator.

Source: I. Hubara et al., Binarized Neural Networks, NeurIPS 2016 (the estimator); M. Rastegari et
al., XNOR-Net, ECCV 2016 (the scale, the mean magnitude of the latent weights).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn


class Sign(torch.autograd.Function):
    """+1 where w >= 0, else -1 (never 0); the gradient passes where abs(w) <= 1."""

    @staticmethod
    def forward(context: Any, w: torch.Tensor) -> torch.Tensor:
        """Return the signs."""
        context.save_for_backward(w)
        return torch.where(w >= 0, 1.0, -1.0)

    @staticmethod
    def backward(context: Any, gradient: torch.Tensor) -> torch.Tensor:
        """Pass the gradient straight through within the clip."""
        (w,) = context.saved_tensors
        return gradient * (w.abs() <= 1)


class BinaryLinear(nn.Module):
    """``x @ (alpha * sign(w)).T + bias``.

    Args:
        inputs, outputs: sizes.
        scale: alpha is the mean of abs(w), ``"channel"``: of each output, ``"layer"``: of all.
        bias: whether each output has one.
    """

    def __init__(
        self, inputs: int, outputs: int, scale: str = "channel", bias: bool = False
    ) -> None:
        super().__init__()
        if scale not in ("channel", "layer"):
            raise ValueError(f"scale must be 'channel' or 'layer', not {scale!r}")
        self.scale = scale
        self.weight = nn.Parameter(torch.empty(outputs, inputs).uniform_(-1, 1) / inputs**0.5)
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None

    def effective(self) -> torch.Tensor:
        """Return the weights that count, (outputs, inputs), two-valued."""
        size = self.weight.abs()
        alpha = size.mean(1, keepdim=True) if self.scale == "channel" else size.mean()
        return alpha.detach() * Sign.apply(self.weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (..., outputs)."""
        return nn.functional.linear(x, self.effective(), self.bias)
