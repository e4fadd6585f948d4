"""Deciding at the first output spike: a sample that has decided is run no further.

Decided samples leave the batch as soon as they are a quarter of it, so that moving the others costs
less than it saves.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from .spike_time_network import SpikeTimeNetwork
from .spike_times import advance, start


@dataclass(frozen=True)
class Decisions:
    """What a batch came to; one number for each sample.

    Attributes
    ----------
        classes: the decision.
        times: timestep of the first output spike; T where none fired, and all T were run.
        steps: timesteps until the decision, its own included.
        hidden: spikes of hidden neurons in these timesteps.
    """

    classes: torch.Tensor
    times: torch.Tensor
    steps: torch.Tensor
    hidden: torch.Tensor


@torch.no_grad()
def decide(model: SpikeTimeNetwork, x: torch.Tensor, early: bool = True) -> Decisions:
    """Run timestep by timestep until every sample has an output spike, or to the end.

    Args:
        x: (samples, *enter.shape) unsigned integers.
        early: without it every sample is run over every timestep, by the same code.
    """
    never, layers = model.timesteps, model.layers()
    times, potentials = start(layers, model.encode(x), never)
    samples = len(x)
    decided = times[0].new_full((samples,), never)
    classes, hidden = (torch.zeros(samples, dtype=torch.long, device=x.device) for _ in range(2))
    steps = torch.full_like(classes, never)
    here = torch.arange(samples, device=x.device)
    waiting = torch.ones_like(here, dtype=torch.bool)

    def settle(which: torch.Tensor) -> None:
        fired, rows = times[-1][which], here[which]
        first = fired.amin(1, keepdim=True)
        classes[rows] = torch.where(first < never, fired == first, potentials[-1][which]).argmax(1)
        decided[rows] = first[:, 0]
        for spikes in times[1:-1]:
            hidden[rows] += (spikes[which] < never).sum(1)

    for t in range(never):
        advance(t, layers, times, potentials, never)
        if not early:
            continue
        done = waiting & (times[-1] == t).any(1)
        if bool(done.any()):
            settle(done)
            steps[here[done]] = t + 1
            waiting = waiting & ~done
            if 4 * int(waiting.sum()) <= 3 * len(waiting):
                here, times = here[waiting], [spikes[waiting] for spikes in times]
                potentials = [v[waiting] for v in potentials]
                waiting = waiting[waiting]
            if not len(here):
                break
    settle(waiting)
    return Decisions(classes, decided.long(), steps, hidden)
