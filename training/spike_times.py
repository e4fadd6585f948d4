"""Layers of neurons that fire once, and the gradient that is made from their spike times.

One layer, in integers: neuron j has the potential ``V_j(t) = sum_i sign(w_ji) [t_i + delay <= t]``
and fires at t_j, the first timestep in which it reaches its threshold; ``t_j = T`` says never. A
sample is read until timestep ``limit``, a neuron at ``end_j = min(t_j, limit)``, the last timestep
if it never fires. The gradient L of a loss goes backwards by one rule and never through time::

    a higher potential fires earlier: dt_j / dV_j = -1,   delta_j = dL/dV_j = -dL/dt_j
    weights:     dL/dw_ji    = delta_j [t_i + delay <= end_j]
    thresholds:  dL/dtheta_j = -delta_j
    an earlier presynaptic spike raises V_j as its weight does, dV_j / dt_i = -sign(w_ji):
    spike times: dL/dt_i = -sum_j delta_j sign(w_ji) [t_i + delay <= end_j]

so that a hidden neuron has ``delta_i = sum_j delta_j sign(w_ji) [...]``. With a delay of 1 the
bracket is ``t_i < t_j`` where j fired: a spike of the same timestep has not arrived. Real weights w
are latent: signs run forwards and backwards, and dL/dw is that of a sign taken as if it were w.

Two changes, of which either can be left out. ``late`` leaves the bracket out of dL/dt_i: a hidden
neuron that came too late, or never, is told that its spike is wanted. And dt/dV = -1 says that
every neuron would fire earlier if only it were pushed a little; one that is far from its threshold
would not, so ``window`` fades a hidden delta by ``exp(-abs(V_j(end_j) - theta_j) / window)``.

Source: rules for single spikes by S. R. Kheradpisheh and T. Masquelier, S4NN, arXiv 1910.09495, and
S. R. Kheradpisheh et al., BS4NN, arXiv 2007.04039; ``late``, ``window`` and ``limit`` are not from
there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True)
class Layer:
    """What a run needs of one layer: signs (in, out), thresholds and the delay into it."""

    signs: torch.Tensor
    threshold: torch.Tensor
    delay: int


@dataclass(frozen=True)
class Course:
    """A run over every timestep; lists have one tensor for each layer.

    Attributes
    ----------
        times: (samples, neurons), T where a neuron never fired.
        read: potentials at ``ends``: at the neuron's own spike, or at the limit if that is earlier.
        ends: timesteps of these.
        limit: (samples,) timesteps until which a sample is read.
    """

    times: list[torch.Tensor]
    read: list[torch.Tensor]
    ends: list[torch.Tensor]
    limit: torch.Tensor


def signs(weight: torch.Tensor) -> torch.Tensor:
    """Return +1 where w >= 0, else -1 (never 0)."""
    return torch.where(weight >= 0, 1.0, -1.0).to(weight.dtype)


def advance(
    t: int,
    layers: list[Layer],
    times: list[torch.Tensor],
    potentials: list[torch.Tensor],
    never: int,
) -> None:
    """Take one timestep of all layers; the lists' tensors are replaced.

    Args:
        times: spike times of the input and of every layer. potentials: of every layer.
        never: T.
    """
    for k, layer in enumerate(layers):
        arriving = (times[k] == t - layer.delay).to(layer.signs.dtype)
        potentials[k] = potentials[k] + arriving @ layer.signs
        fires = (potentials[k] >= layer.threshold) & (times[k + 1] == never)
        times[k + 1] = torch.where(fires, float(t), times[k + 1])


def start(
    layers: list[Layer], entered: torch.Tensor, never: int
) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """Return times and potentials before the first timestep.

    Args:
        entered: (samples, inputs) spike times.
    """
    shapes = [(len(entered), layer.signs.shape[1]) for layer in layers]
    times = [entered, *(entered.new_full(shape, never) for shape in shapes)]
    return times, [entered.new_zeros(shape) for shape in shapes]


@torch.no_grad()
def run(layers: list[Layer], entered: torch.Tensor, never: int, margin: int) -> Course:
    """Run every timestep; a sample is read until ``margin`` timesteps after its first output spike.

    Sums of signs are whole numbers, exact in float32 below 2**24, so that nothing here rounds.
    """
    times, potentials = start(layers, entered, never)
    read = list(potentials)
    limit = entered.new_full((len(entered),), never - 1)
    for t in range(never):
        quiet = [fired == never for fired in times[1:]]
        advance(t, layers, times, potentials, never)
        now = (limit >= t)[:, None]
        for k, silent in enumerate(quiet):
            read[k] = torch.where(silent & now, potentials[k], read[k])
        limit = torch.minimum(limit, times[-1].amin(1) + margin)
    ends = [torch.minimum(fired, limit[:, None]) for fired in times[1:]]
    return Course(times[1:], read, ends, limit)


class SpikeTime(torch.autograd.Function):
    """Spike times and potentials of one layer of a course, with the gradient of the module's head.

    ``apply(before, weight, threshold, times, read, ends, delay, window, late)`` returns ``times``
    and ``read - threshold``; ``before`` are the spike times that enter, and only the first three
    arguments get a gradient. window: or None.
    """

    @staticmethod
    def forward(
        context: Any, before: torch.Tensor, weight: torch.Tensor, threshold: torch.Tensor,
        times: torch.Tensor, read: torch.Tensor, ends: torch.Tensor, delay: int,
        window: float | None, late: bool,
    ) -> tuple[torch.Tensor, torch.Tensor]:  # fmt: skip
        """Return what the course holds."""
        context.save_for_backward(before, weight, threshold, read, ends)
        context.delay, context.window, context.late = delay, window, late
        return times.clone(), read - threshold

    @staticmethod
    def backward(context: Any, of_times: torch.Tensor, of_read: torch.Tensor) -> tuple:
        """Turn dL/dt and dL/dV into those of the layer before, weights and thresholds."""
        before, weight, threshold, read, ends = context.saved_tensors
        delta = of_read - of_times
        if context.window is not None:
            delta = delta * torch.exp(-(read - threshold).abs() / context.window)
        back = signs(weight)
        of_weight = torch.zeros_like(weight)
        of_before = -(delta @ back) if context.late else torch.zeros_like(before)
        for end in ends.unique():
            at = torch.where(ends == end, delta, 0.0)
            arrived = (before + context.delay <= end).to(delta.dtype)
            of_weight += at.T @ arrived
            if not context.late:
                of_before -= (at @ back) * arrived
        of_threshold = -delta.sum(0) if threshold.numel() > 1 else -delta.sum().reshape(1)
        return of_before, of_weight, of_threshold, None, None, None, None, None, None
