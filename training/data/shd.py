"""Spiking Heidelberg Digits: spoken digits as spikes of 700 channels of a model cochlea.

Two HDF5 files. ``spikes/times`` holds a vector per sample, in seconds, ``spikes/units`` one of as
many channels 0..699, ``labels`` a class 0..19 (B. Cramer, Y. Stradmann, J. Schemmel, F. Zenke,
"The Heidelberg spiking data sets for the systematic evaluation of spiking neural networks", IEEE
Trans. Neural Networks and Learning Systems 33, 2022, and the data set's page).

Each file is read once, whole, in a child process under limits (``mapping.confined``), since the
HDF5 library can be made to loop or to eat memory: every spike of both files takes 330 MB here.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mapping import Input
from mapping.confined import Limits
from mapping.confined import read as read_confined
from mapping.plain import FileError
from mapping.value import Brief

from . import shd_file
from .dataset import DataSet, place
from .events import clipped
from .folder import located

UNITS, CLASSES = 700, 20
NAMES = {"train": "shd_train.h5", "test": "shd_test.h5"}
#: Seconds that the timesteps share; no sample of the data set is longer.
SECONDS = 1.4
#: What reading a file may take: that of the training part holds 65 million spikes.
LIMITS = Limits(answer=1 << 30, memory=1 << 30, seconds=5.0, rate=8 << 20)


@dataclass(frozen=True, eq=False, repr=False)
class Spoken(Brief):
    """Samples of one file.

    Attributes
    ----------
        path: the file. labels: (n,) int64.
        times: seconds, of all samples one after the other. units: as many channels.
        starts: (n + 1,) where each sample begins and ends in them.
        timesteps, bits, seconds: as of ``shd``.
    """

    path: Path
    labels: np.ndarray
    times: np.ndarray
    units: np.ndarray
    starts: np.ndarray
    timesteps: int
    bits: int
    seconds: float

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> np.ndarray:
        i = place(index, len(self))
        here = slice(self.starts[i], self.starts[i + 1])
        times, units = self.times[here].astype(np.float64), self.units[here]
        if len(units) and not (0 <= units.min() and units.max() < UNITS):
            raise FileError(f"{self.path} has a unit beyond 0..{UNITS - 1} at sample {i}")
        if not (np.isfinite(times) & (times >= 0)).all():
            raise FileError(f"{self.path} has a time that is none at sample {i}")
        early = times < self.seconds
        step = np.floor(times[early] * (self.timesteps / self.seconds)).astype(np.int64)
        step = np.minimum(step, self.timesteps - 1)  # a product may round up to T
        cell = step * UNITS + units[early].astype(np.int64)
        counts = np.bincount(cell, minlength=self.timesteps * UNITS)
        return clipped(counts, self.bits).reshape(self.timesteps, UNITS)


def shd(folder: Path, *, timesteps: int = 100, bits: int = 1, seconds: float = SECONDS) -> DataSet:
    """Read shd_train.h5 and shd_test.h5, the official parts; two speakers are only in the latter.

    Args:
        folder: holds both.
        timesteps: T equal spans.
        bits: 1: whether there was any spike; p: how many, at most 2**p - 1.
        seconds: what the T spans share; later spikes are left out.

    Raises
    ------
        ValueError: a file is missing or damaged. Unsupported: h5py is missing.
    """
    enter = Input((UNITS,), bits=bits, coding="steps")
    if not 1 <= timesteps <= 4096:
        raise ValueError(f"timesteps must lie within 1..4096, not {timesteps}")
    if not 0 < seconds <= 3600:
        raise ValueError(f"seconds must lie within 0..3600, not {seconds}")
    at = located(folder, NAMES.values(), "Spiking Heidelberg Digits, unpacked,")
    train, test = (_spoken(at / name, timesteps, bits, float(seconds)) for name in NAMES.values())
    return DataSet("shd", enter, CLASSES, train, test, timesteps)


def _spoken(path: Path, timesteps: int, bits: int, seconds: float) -> Spoken:
    """Read a file and check its labels."""
    held = read_confined(shd_file, path, LIMITS)
    labels = held["labels"].astype(np.int64)
    wrong = labels[(labels < 0) | (labels >= CLASSES)]
    if wrong.size:
        raise FileError(f"{path} holds the label {wrong[0]}; labels are 0..{CLASSES - 1}")
    rows = (held["times"], held["units"], held["starts"])
    return Spoken(path, labels, *rows, timesteps, bits, seconds)
