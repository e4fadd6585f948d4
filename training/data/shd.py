"""Spiking Heidelberg Digits: spoken digits as spikes of 700 channels of a model cochlea.

Two HDF5 files. ``spikes/times`` holds a vector per sample, in seconds, ``spikes/units`` one of as
many channels 0..699, ``labels`` a class 0..19 (B. Cramer, Y. Stradmann, J. Schemmel, F. Zenke,
"The Heidelberg spiking data sets for the systematic evaluation of spiking neural networks", IEEE
Trans. Neural Networks and Learning Systems 33, 2022, and the data set's page).

Links, data in other files, odd filters and odd types are refused before anything is read. But the
vectors are unpacked by the HDF5 library in this process (all of them are more than the sandbox of
``mapping.importers`` passes on), and some damaged files make it loop: take them from the publisher.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mapping import Input, Unsupported
from mapping.extras import install
from mapping.files import FileError
from mapping.value import Brief

from .dataset import DataSet, place
from .events import clipped
from .folder import found, size_of

UNITS, CLASSES = 700, 20
NAMES = {"train": "shd_train.h5", "test": "shd_test.h5"}
#: Seconds that the timesteps share; no sample of the data set is longer.
SECONDS = 1.4
#: Filters that are read: gzip, shuffle, fletcher32, lzf.
FILTERS = (1, 2, 3, 32000)
#: Most spikes of a sample.
MOST = 1 << 22


@dataclass(frozen=True, eq=False, repr=False)
class Spoken(Brief):
    """Samples of one file.

    Attributes
    ----------
        path: the file. It is opened for each sample: an HDF5 file that is open does not survive a
            fork, and workers fork.
        labels: (n,) int64. timesteps, bits, seconds: as of ``shd``.
    """

    path: Path
    labels: np.ndarray
    timesteps: int
    bits: int
    seconds: float

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> np.ndarray:
        i = place(index, len(self))
        with _opened(self.path) as file:
            times, units = (_vector(file, name, i, self.path) for name in ("times", "units"))
        if len(times) != len(units):
            raise FileError(f"{self.path} has {len(times)} times and {len(units)} units at {i}")
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
    at = found(folder, NAMES.values(), "Spiking Heidelberg Digits, unpacked,")
    train, test = (
        Spoken(at / name, _labels(at / name), timesteps, bits, float(seconds))
        for name in NAMES.values()
    )
    return DataSet("shd", enter, CLASSES, train, test, timesteps)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """Open a file; whatever the library raises of it becomes one sentence."""
    try:
        import h5py
    except ImportError:
        raise Unsupported(f"SHD is read with h5py: {install('data')}") from None
    size_of(path)
    try:
        with h5py.File(path, "r") as file:
            yield file
    except FileError:
        raise
    except (OSError, RuntimeError, ValueError, KeyError, TypeError) as error:
        why = " ".join(str(error).split())[:200]
        raise FileError(f"{path} is no HDF5 file, or is damaged: {why}") from None


def _labels(path: Path) -> np.ndarray:
    """Check a file's layout and return its labels."""
    with _opened(path) as file:
        times, units = (_dataset(file, f"spikes/{name}", path) for name in ("times", "units"))
        found = _dataset(file, "labels", path)
        lengths = {times.shape, units.shape, found.shape}
        if len(lengths) != 1 or times.ndim != 1 or not 0 < times.shape[0] <= size_of(path):
            raise FileError(f"{path} holds labels and spikes of shapes {sorted(lengths)}")
        _vlen(times, "f", path)
        _vlen(units, "iu", path)
        if found.dtype.kind not in "iu":
            raise FileError(f"{path} holds labels of type {found.dtype}")
        labels = found[:].astype(np.int64)
    wrong = labels[(labels < 0) | (labels >= CLASSES)]
    if wrong.size:
        raise FileError(f"{path} holds the label {wrong[0]}; labels are 0..{CLASSES - 1}")
    return labels


def _dataset(file: Any, name: str, path: Path) -> Any:
    """Return a dataset that lies in this file, at the end of hard links."""
    import h5py

    node, parts = file, name.split("/")
    for part in parts:
        if not isinstance(node, h5py.Group) or part not in node:
            raise FileError(f"{path} holds no {name!r}: it is not of SHD")
        link = node.get(part, getlink=True)
        if not isinstance(link, h5py.HardLink):
            raise FileError(f"{path} links {name!r} to another place")
        node = node[part]
    if not isinstance(node, h5py.Dataset):
        raise FileError(f"{path} holds no {name!r}: it is not of SHD")
    if node.external or node.is_virtual:
        raise FileError(f"{path} stores {name!r} in another file")
    plist = node.id.get_create_plist()
    for index in range(plist.get_nfilters()):
        code = plist.get_filter(index)[0]
        if code not in FILTERS:
            raise FileError(f"{path} stores {name!r} through filter {code}, which is not read")
    return node


def _vlen(dataset: Any, kinds: str, path: Path) -> None:
    import h5py

    base = h5py.check_vlen_dtype(dataset.dtype)
    if base is None or base.kind not in kinds or base.itemsize > 8:
        raise FileError(f"{path} holds {dataset.name!r} of type {dataset.dtype}")


def _vector(file: Any, name: str, index: int, path: Path) -> np.ndarray:
    value = np.asarray(_dataset(file, f"spikes/{name}", path)[index])
    if value.ndim != 1 or len(value) > MOST:
        raise FileError(f"{path} holds {value.shape} {name} at sample {index}")
    return value.astype(np.float64) if name == "times" else value
