"""The training loop: deterministic for a seed, on one thread, which is fastest at these sizes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn


@dataclass(frozen=True)
class Recipe:
    """How a network is trained; the defaults were chosen on digits, see docs/training.md.

    Attributes
    ----------
        epochs, batch: passes over the data, and samples in a step.
        rate, decay: of AdamW; the rate falls to 0 along a cosine.
        smoothing: of the labels.
        temperature: divides the read-out before the softmax.
    """

    epochs: int = 60
    batch: int = 32
    rate: float = 0.01
    decay: float = 0.1
    smoothing: float = 0.1
    temperature: float = 4.0


@contextmanager
def deterministic(seed: int) -> Iterator[torch.Generator]:
    """Seed torch and take one thread within; both are as before afterwards."""
    threads, state = torch.get_num_threads(), torch.get_rng_state()
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    try:
        yield torch.Generator().manual_seed(seed)
    finally:
        torch.set_num_threads(threads)
        torch.set_rng_state(state)


def fit(
    model: nn.Module,
    pixels: np.ndarray,
    labels: np.ndarray,
    recipe: Recipe,
    generator: torch.Generator,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Train a model in place, and leave its batch norm with the statistics of all samples.

    Args:
        pixels: (samples, inputs) float32, as the model takes them.
        labels: (samples,) integers.
        generator: draws the order.
        progress: called with (epochs done, epochs) after each.
    """
    x, y = torch.from_numpy(pixels), torch.from_numpy(labels)
    steps = -(-len(x) // recipe.batch)
    optimizer = torch.optim.AdamW(model.parameters(), recipe.rate, weight_decay=recipe.decay)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, recipe.epochs * steps)
    loss = nn.CrossEntropyLoss(label_smoothing=recipe.smoothing)
    model.train()
    for epoch in range(recipe.epochs):
        order = torch.randperm(len(x), generator=generator)
        for pick in order.tensor_split(steps):
            scores = model(x[pick])
            optimizer.zero_grad()
            loss(scores / recipe.temperature, y[pick]).backward()
            optimizer.step()
            schedule.step()
        if progress is not None:
            progress(epoch + 1, recipe.epochs)
    settle(model, x)


def settle(model: nn.Module, x: torch.Tensor) -> None:
    """Set each batch norm to the mean and variance of all samples, and the model to eval."""
    norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm1d)]
    momenta = [m.momentum for m in norms]
    model.train()
    for norm in norms:
        norm.momentum = 1.0
    with torch.no_grad():
        model(x)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    model.eval()
