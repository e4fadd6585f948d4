"""Losses of a read-out's drive at every timestep, one number for each sample."""

from __future__ import annotations

import torch
from torch.nn.functional import cross_entropy


def of_mean(drive: torch.Tensor, labels: torch.Tensor, smoothing: float = 0.0) -> torch.Tensor:
    """Return (samples,): cross-entropy of the mean over time of (T, samples, classes)."""
    return cross_entropy(drive.mean(0), labels, reduction="none", label_smoothing=smoothing)


def tet(drive: torch.Tensor, labels: torch.Tensor, smoothing: float = 0.0) -> torch.Tensor:
    """Return (samples,): mean over time of the cross-entropies of (T, samples, classes).

    Source: S. Deng et al., Temporal Efficient Training of Spiking Neural Network via Gradient
    Re-weighting, ICLR 2022, without its regulariser.
    """
    steps, samples, _ = drive.shape
    every = cross_entropy(
        drive.flatten(0, 1), labels.repeat(steps), reduction="none", label_smoothing=smoothing
    )
    return every.reshape(steps, samples).mean(0)


LOSSES = {"mean": of_mean, "tet": tet}
