"""Deciding at the first output spike: a sample that has decided is run no further."""

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
        steps: timesteps run.
        hidden: spikes of hidden neurons in these timesteps.
    """

    classes: torch.Tensor
    times: torch.Tensor
    steps: torch.Tensor
    hidden: torch.Tensor


@torch.no_grad()
def decide(model: SpikeTimeNetwork, x: torch.Tensor, early: bool = True) -> Decisions:
    """Run timestep by timestep; after each, samples whose output has fired leave the batch.

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

    def leave(gone: torch.Tensor) -> None:
        fired = times[-1][gone]
        first, earliest = fired.min(1).values, fired == fired.amin(1, keepdim=True)
        out = torch.where((first < never)[:, None], earliest, potentials[-1][gone])
        classes[here[gone]] = out.argmax(1)
        decided[here[gone]] = first
        hidden[here[gone]] = sum((t[gone] < never).sum(1) for t in times[1:-1])

    for t in range(never):
        advance(t, layers, times, potentials, never)
        done = (times[-1] == t).any(1)
        if early and bool(done.any()):
            leave(done)
            steps[here[done]] = t + 1
            stay = ~done
            here = here[stay]
            times[:] = [fired[stay] for fired in times]
            potentials[:] = [v[stay] for v in potentials]
            if not len(here):
                break
    leave(torch.ones(len(here), dtype=torch.bool, device=x.device))
    return Decisions(classes, decided.long(), steps, hidden)
