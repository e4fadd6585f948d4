"""Neurons over a time axis: LIF with a surrogate gradient, and populations without a threshold.

    u = leak * v + current;  spike = u > threshold (or >=);  v = 0 where it spiked, else u

Sources: Y. Wu et al., STBP, Frontiers in Neuroscience 2018 (gradients through time and layers);
E. Neftci, H. Mostafa, F. Zenke, Surrogate gradient learning, IEEE SPM 2019; the triangle
``max(0, a - abs(u - threshold)) / a^2``: C. Liang et al., AAAI-25 (arXiv 2502.14344), a = 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from mapping import trained


@dataclass(frozen=True)
class Dynamics:
    """Constants of a LIF population.

    Attributes
    ----------
        leak: factor of the membrane in each step; 1 is IF.
        threshold: of all neurons.
        compare: ``">"`` or ``">="``.
        reset: ``"zero"`` or ``"subtract"`` (the threshold).
        surrogate_width: a of the triangle.
        detach_reset: the reset carries no gradient.
    """

    leak: float = 0.5
    threshold: float = 1.0
    compare: str = ">"
    reset: str = "zero"
    surrogate_width: float = 1.0
    detach_reset: bool = True

    def __post_init__(self) -> None:
        if self.compare not in (">", ">="):
            raise ValueError(f"compare must be '>' or '>=', not {self.compare!r}")
        if self.reset not in ("zero", "subtract"):
            raise ValueError(f"reset must be 'zero' or 'subtract', not {self.reset!r}")
        if self.surrogate_width <= 0:
            raise ValueError(f"surrogate_width must be positive, not {self.surrogate_width}")
        if not 0 <= self.leak <= 1:
            raise ValueError(f"leak must lie within 0..1 (it is the factor), not {self.leak}")

    def fires(self, u: torch.Tensor) -> torch.Tensor:
        """Whether membranes u reach the threshold."""
        return u > self.threshold if self.compare == ">" else u >= self.threshold

    def after(self, u: torch.Tensor, spike: torch.Tensor) -> torch.Tensor:
        """Return the membrane after reset."""
        return u - spike * (u if self.reset == "zero" else self.threshold)

    def surrogate(self, u: torch.Tensor) -> torch.Tensor:
        """Return what stands for the derivative of the spike by u."""
        a = self.surrogate_width
        return (a - (u - self.threshold).abs()).clamp(min=0) / a**2


class Fire(torch.autograd.Function):
    """All timesteps of a population in one node of the graph: only its membranes are kept."""

    @staticmethod
    def forward(
        context: Any, current: torch.Tensor, steps: int, dynamics: Dynamics
    ) -> torch.Tensor:
        """Return spikes (T, samples, ...) of currents (T or 1, samples, ...)."""
        membranes = current.new_empty((steps, *current.shape[1:]))
        spikes = torch.empty_like(membranes)
        v: torch.Tensor | None = None
        for t in range(steps):
            now = current[t if len(current) > 1 else 0]
            u = now if v is None else now + dynamics.leak * v
            membranes[t] = u
            spikes[t] = dynamics.fires(u)
            v = dynamics.after(u, spikes[t])
        context.save_for_backward(membranes)
        context.dynamics, context.constant = dynamics, len(current) == 1
        return spikes

    @staticmethod
    def backward(context: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        """Go back through time.

        ``dL/du[t] = dL/ds[t] * h(u[t]) + dL/dv[t] * dv/du[t]``, ``dL/dv[t-1] = leak * dL/du[t]``,
        h the surrogate. ``dv/du`` is 1 - s (reset to zero) or 1 (subtract); unless the reset is
        detached, ``dv/ds * h`` is added, dv/ds = -u or -threshold.
        """
        (membranes,) = context.saved_tensors
        dynamics: Dynamics = context.dynamics
        out = torch.empty_like(membranes)
        by_v: torch.Tensor | None = None
        for t in reversed(range(len(membranes))):
            u = membranes[t]
            h = dynamics.surrogate(u)
            by_u = gradient[t] * h
            if by_v is not None:
                zero = dynamics.reset == "zero"
                kept = (~dynamics.fires(u)).to(u.dtype) if zero else 1.0
                if not dynamics.detach_reset:
                    kept = kept - (u if zero else dynamics.threshold) * h
                by_u = by_u + by_v * kept
            out[t] = by_u
            by_v = dynamics.leak * by_u
        return (out.sum(0, keepdim=True) if context.constant else out), None, None


class Lif(nn.Module):
    """A spiking population."""

    spiking = True

    def __init__(self, dynamics: Dynamics) -> None:
        super().__init__()
        self.dynamics = dynamics

    def forward(self, current: torch.Tensor, steps: int) -> torch.Tensor:
        """Return spikes 0.0 or 1.0, (T, samples, ...), of currents (T or 1, samples, ...)."""
        return Fire.apply(current, steps, self.dynamics)

    def exported(self) -> trained.Neuron:
        """Return what ``mapping`` calls it."""
        d = self.dynamics
        return trained.Neuron(leak=d.leak, threshold=d.threshold, compare=d.compare, reset=d.reset)


class Stream(nn.Module):
    """No neuron: real values pass on (pools, and sums that several populations read)."""

    spiking = False

    def forward(self, current: torch.Tensor, steps: int) -> torch.Tensor:
        """Return the currents."""
        return current

    def exported(self) -> trained.Neuron:
        """Return what ``mapping`` calls it: a membrane that forgets."""
        return trained.Neuron(leak=0.0)


class Integrator(Stream):
    """The read-out: its drive at each timestep, whose sum over time is the membrane."""

    def forward(self, current: torch.Tensor, steps: int) -> torch.Tensor:
        """Return the drive, (T, samples, ...)."""
        return current.expand(steps, *current.shape[1:])

    def exported(self) -> trained.Neuron:
        """Return what ``mapping`` calls it: a membrane that keeps everything."""
        return trained.Neuron(leak=1.0)


Neurons = Lif | Stream | Integrator
