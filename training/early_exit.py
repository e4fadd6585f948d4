"""Deciding at the first output spike: a sample that has decided is run no further.

Decided samples leave the batch as soon as they are a quarter of it, so that moving the others costs
less than it saves.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from .spike_time_network import SpikeTimeNetwork
from .spike_times import Layer, advance, start


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
def decide(
    model: SpikeTimeNetwork,
    x: torch.Tensor,
    early: bool = True,
    layers: list[Layer] | None = None,
) -> Decisions:
    """Run timestep by timestep until every sample has an output spike, or to the end.

    Args:
        x: (samples, *enter.shape) unsigned integers.
        early: without it every sample is run over every timestep, by the same code.
        layers: of the model, if the caller keeps them; they take no part in training.
    """
    layers, never = layers or model.layers(), model.timesteps
    times, potentials = start(layers, model.encode(x), never)
    classes, decided, hidden = torch.zeros(3, len(x), dtype=torch.long, device=x.device)
    here = torch.arange(len(x), device=x.device)

    def settle(rows: torch.Tensor, out: list[torch.Tensor], last: torch.Tensor) -> None:
        first = out[-1].amin(1, keepdim=True)
        until = first.clamp(max=never - 1) if early else never - 1
        classes[rows] = torch.where(first < never, (out[-1] == first).to(last.dtype), last).argmax(
            1
        )
        decided[rows] = first[:, 0].long()
        if len(out) > 2:
            hidden[rows] = sum((spikes <= until).sum(1) for spikes in out[1:-1])

    for t in range(never):
        advance(t, layers, times, potentials, never)
        if not early:
            continue
        done = (times[-1] < never).any(1)
        count = int(done.sum())
        if count == len(here):
            break
        if 4 * count >= len(here):
            settle(here[done], [spikes[done] for spikes in times], potentials[-1][done])
            stay = ~done
            here, times = here[stay], [spikes[stay] for spikes in times]
            potentials = [v[stay] for v in potentials]
    settle(here, times, potentials[-1])
    steps = (decided + 1).clamp(max=never) if early else torch.full_like(decided, never)
    return Decisions(classes, decided, steps, hidden)
