"""Leaky integrate-and-fire neurons, trained through a surrogate gradient.

    u = leak * u + current;  spike = u >= threshold;  u = 0 where it spiked

Source: E. Neftci, H. Mostafa, F. Zenke, Surrogate gradient learning, IEEE SPM 2019; the triangle is
that of G. Bellec et al., NeurIPS 2018.
"""

from __future__ import annotations

from typing import Any

import torch


class Spike(torch.autograd.Function):
    """1 where x >= 0, else 0; the gradient is the triangle max(0, 1 - abs(x))."""

    @staticmethod
    def forward(context: Any, x: torch.Tensor) -> torch.Tensor:
        """Return the spikes."""
        context.save_for_backward(x)
        return (x >= 0).to(x.dtype)

    @staticmethod
    def backward(context: Any, gradient: torch.Tensor) -> torch.Tensor:
        """Return the surrogate gradient."""
        (x,) = context.saved_tensors
        return gradient * (1 - x.abs()).clamp(min=0)


def lif(currents: list[torch.Tensor], leak: float, threshold: float) -> list[torch.Tensor]:
    """Run one population from rest over all timesteps.

    Args:
        currents: one (samples, neurons) tensor for each timestep.
        leak: factor of the membrane in each step. threshold: fires at >=, then resets to 0.

    Returns
    -------
        Spikes 0.0 or 1.0, one tensor for each timestep. The reset carries no gradient.
    """
    u = torch.zeros_like(currents[0])
    out = []
    for current in currents:
        u = leak * u + current
        spike = Spike.apply(u - threshold)
        out.append(spike)
        u = u * (1 - spike.detach())
    return out
