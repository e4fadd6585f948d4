"""Batches of a data set in a drawn order, the same whoever loads them and wherever training stops.

The order follows from the seed and the epoch, an augmentation from the seed, the epoch and the
sample: no generator's state has to be kept, and worker processes change nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from .data.dataset import batch as stack

Augment = Callable[[np.ndarray, np.random.Generator], np.ndarray]
#: Inputs, labels, and the size of the whole batch, of which they may be one process's share.
Batch = tuple[torch.Tensor, torch.Tensor, int]


@dataclass(frozen=True)
class Share:
    """Which part of every batch this process computes: ``rank`` of ``world``."""

    rank: int = 0
    world: int = 1


ALONE = Share()


def order(seed: int, epoch: int, samples: int, batch: int) -> list[np.ndarray]:
    """Return the batches of an epoch: index arrays whose sizes differ by at most one."""
    drawn = np.random.default_rng([seed, epoch, 1]).permutation(samples)
    return np.array_split(drawn, -(-samples // batch))


def shuffled(
    part: Any, seed: int, epoch: int, batch: int, augment: tuple[Augment, ...] = (),
    share: Share = ALONE, workers: int = 0,
) -> Iterator[Batch]:  # fmt: skip
    """Yield this process's share of each batch of an epoch."""
    batches = order(seed, epoch, len(part), batch)
    yield from _load(_Batches(part, (seed, epoch), augment), batches, share, workers)


def in_order(part: Any, batch: int, share: Share = ALONE, workers: int = 0) -> Iterator[Batch]:
    """Yield all samples in order, as they are."""
    batches = np.array_split(np.arange(len(part)), -(-len(part) // batch))
    yield from _load(_Batches(part), batches, share, workers)


class _Batches(Dataset):
    """A part whose items are whole batches, by their indices."""

    def __init__(
        self, part: Any, drawn: tuple[int, int] = (0, 0), augment: tuple[Augment, ...] = ()
    ) -> None:
        self.part, self.drawn, self.augment = part, drawn, augment

    def __getitem__(self, indices: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        inputs, labels = stack(self.part, indices)
        if self.augment:
            inputs = np.stack([self._augmented(x, i) for x, i in zip(inputs, indices, strict=True)])
        if inputs.dtype == np.uint16:
            inputs = inputs.astype(np.int32)  # torch has few uint16 kernels
        return torch.from_numpy(np.ascontiguousarray(inputs)), torch.from_numpy(labels)

    def _augmented(self, x: np.ndarray, index: int) -> np.ndarray:
        rng = np.random.default_rng([*self.drawn, 2, int(index)])
        for change in self.augment:
            x = change(x, rng)
        return x


def _load(
    source: _Batches, batches: list[np.ndarray], share: Share, workers: int
) -> Iterator[Batch]:
    least = min(map(len, batches))
    if least < share.world:
        raise ValueError(f"a batch of {least} cannot be shared out to {share.world} processes")
    mine = [b[share.rank :: share.world] for b in batches]
    loader = DataLoader(source, sampler=mine, batch_size=None, num_workers=workers)
    for whole, (inputs, labels) in zip(batches, loader, strict=True):
        yield inputs, labels, len(whole)
