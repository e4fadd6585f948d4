"""What is done at random to one sample before it is learnt from; labels and shapes stay.

Each is a value that is called with a sample of unsigned integers and a generator, and returns a
new sample of the same dtype and shape whose values occur in the old one, or are 0. It works on
the last two axes, (.., rows, cols), in the same way on every channel and timestep: a shift or a
mirror image drawn per timestep would be a motion that no sensor saw.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

Augment = Callable[[np.ndarray, np.random.Generator], np.ndarray]


@dataclass(frozen=True)
class Crop:
    """Shift by up to ``padding`` pixels either way; what comes in from outside is 0.

    The same as a random crop of the image padded by zeros (K. He et al., "Deep residual
    learning for image recognition", CVPR 2016, for CIFAR).
    """

    padding: int = 4

    def __call__(self, sample: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        rows, cols = _map(sample)
        p = self.padding
        top, left = rng.integers(0, 2 * p + 1, 2)
        padded = np.pad(sample, [(0, 0)] * (sample.ndim - 2) + [(p, p), (p, p)])
        return np.ascontiguousarray(padded[..., top : top + rows, left : left + cols])


@dataclass(frozen=True)
class Flip:
    """Mirror left and right with probability one half."""

    def __call__(self, sample: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        _map(sample)
        return np.ascontiguousarray(sample[..., ::-1]) if rng.random() < 0.5 else sample.copy()


@dataclass(frozen=True)
class Cutout:
    """Set a square to 0; its centre lies anywhere, so it may reach beyond the border.

    Source: T. DeVries, G. W. Taylor, "Improved regularization of convolutional neural networks
    with cutout", arXiv 1708.04552: a side of 16 for CIFAR-10, 8 for CIFAR-100.
    """

    side: int = 16

    def __call__(self, sample: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        row, col = (int(rng.integers(0, n)) - self.side // 2 for n in _map(sample))
        out = sample.copy()
        out[..., max(row, 0) : max(row + self.side, 0), max(col, 0) : max(col + self.side, 0)] = 0
        return out


@dataclass(frozen=True)
class Roll:
    """Shift by up to ``most`` pixels either way; what leaves on one side comes in on the other."""

    most: int = 5

    def __call__(self, sample: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        _map(sample)
        by = rng.integers(-self.most, self.most + 1, 2)
        return np.roll(sample, tuple(by.tolist()), (-2, -1))


def augmented(sample: np.ndarray, steps: Iterable[Augment], rng: np.random.Generator) -> np.ndarray:
    """Apply one after the other."""
    for step in steps:
        sample = step(sample, rng)
    return sample


def _map(sample: np.ndarray) -> tuple[int, int]:
    if sample.ndim < 2:
        raise ValueError(f"a sample of shape {sample.shape} has no rows and columns to augment")
    return sample.shape[-2], sample.shape[-1]
