"""What a reader of a data set returns: two parts of samples, and how a sample enters a network."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from mapping import Input
from mapping.value import Brief

from .augment import Augment


class Part(Protocol):
    """Samples in a fixed order. Picklable, so that worker processes may hold one.

    Attributes
    ----------
        labels: (n,) int64, 0 .. classes - 1.
    """

    @property
    def labels(self) -> np.ndarray:
        """Return the classes."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> np.ndarray:
        """Return one sample, unsigned integers: ``enter.shape``, or (T, *enter.shape) of steps."""
        ...


@dataclass(frozen=True, eq=False, repr=False)
class Arrays(Brief):
    """A part that lies in memory.

    Attributes
    ----------
        inputs: (n, ...) unsigned integers. labels: (n,) int64.
    """

    inputs: np.ndarray
    labels: np.ndarray

    def __post_init__(self) -> None:
        if self.inputs.dtype.kind != "u":
            raise TypeError(f"samples must be unsigned integers, not {self.inputs.dtype}")
        if self.labels.shape != (len(self.inputs),):
            raise ValueError(f"{len(self.inputs)} samples have labels of shape {self.labels.shape}")
        object.__setattr__(self, "labels", self.labels.astype(np.int64))

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> np.ndarray:
        return self.inputs[place(index, len(self))]


@dataclass(frozen=True, eq=False, repr=False)
class Subset(Brief):
    """Some samples of another part, in the order of ``indices``, (n,) int64."""

    of: Part
    indices: np.ndarray

    @property
    def labels(self) -> np.ndarray:
        """Return the classes."""
        return self.of.labels[self.indices]

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> np.ndarray:
        return self.of[int(self.indices[place(index, len(self))])]


@dataclass(frozen=True, eq=False, repr=False)
class DataSet(Brief):
    """A data set as a network meets it.

    Attributes
    ----------
        name: as of ``open_set``.
        enter: shape of a timestep, bits, coding ("direct" or "steps") and unit.
        classes: labels are 0 .. classes - 1.
        train: learnt from; what is chosen is chosen on a piece of it, see ``hold_back``.
        test: held out, and never used to choose anything.
        timesteps: T of every sample of coding "steps"; None of "direct".
        augment: what is usually done to a sample of ``train`` before it is learnt from.
    """

    name: str
    enter: Input
    classes: int
    train: Part
    test: Part
    timesteps: int | None = None
    augment: tuple[Augment, ...] = ()


def place(index: int, length: int) -> int:
    """Check an index; negative ones are refused, and IndexError ends an iteration."""
    number = operator.index(index)
    if not 0 <= number < length:
        raise IndexError(f"sample {number} of {length}")
    return number


def batch(part: Part, indices: Iterable[int]) -> tuple[np.ndarray, np.ndarray]:
    """Return samples, (n, ...) unsigned integers, and their labels, (n,) int64."""
    chosen = np.asarray(list(indices), np.int64)
    if chosen.size == 0:
        raise ValueError("a batch must hold at least one sample")
    if isinstance(part, Arrays):
        if chosen.min() < 0 or chosen.max() >= len(part):
            raise IndexError(f"samples {chosen.min()}..{chosen.max()} of {len(part)}")
        return part.inputs[chosen], part.labels[chosen]
    return np.stack([part[int(i)] for i in chosen]), part.labels[chosen]


def gathered(part: Part) -> Arrays:
    """Read a part into memory, once: what is read from files is decoded anew at every epoch."""
    return Arrays(*batch(part, range(len(part))))


def hold_back(part: Part, share: float = 0.1, seed: int = 0) -> tuple[Subset, Subset]:
    """Split a part in two, to choose by the second: about ``share`` of every class, at random.

    Returns
    -------
        What is left to learn from, and what is held back, both in the part's order.
    """
    if not 0 < share < 1:
        raise ValueError(f"the share held back must lie between 0 and 1, not {share}")
    rng = np.random.default_rng(seed)
    held = np.zeros(len(part), bool)
    for label in np.unique(part.labels):
        members = np.flatnonzero(part.labels == label)
        held[rng.permutation(members)[: round(share * len(members))]] = True
    return Subset(part, np.flatnonzero(~held)), Subset(part, np.flatnonzero(held))
