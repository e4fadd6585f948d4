"""DVS128 Gesture and CIFAR10-DVS: recordings of a 128 x 128 event camera, read when asked for."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mapping.value import Brief

from .aedat import read_dvs128, read_polarity
from .augment import Augment, Flip, Roll
from .dataset import DataSet, place
from .events import Events, Framing
from .folder import contents, located

GESTURES = 11
OBJECTS = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)
#: Of each class of CIFAR10-DVS, this share of its files, the first by number, is learnt from.
LEARNT = 0.9


@dataclass(frozen=True, eq=False, repr=False)
class Recordings(Brief):
    """Samples that are files, or spans of files.

    Attributes
    ----------
        read: from a path to its events, a function of a module.
        paths: one per sample.
        labels: (n,) int64.
        framing: what becomes of the events.
        spans: (n, 2) int64, first microsecond and the one after the last; None: all of a file.
    """

    read: Callable[[Path], Events]
    paths: tuple[Path, ...]
    labels: np.ndarray
    framing: Framing
    spans: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> np.ndarray:
        i = place(index, len(self))
        events = self.read(self.paths[i])
        if self.spans is not None:
            events = events.between(*self.spans[i].tolist())
        return self.framing(events)


def dvs_gesture(
    folder: Path, *, timesteps: int = 16, size: int = 48, bits: int = 1, split: str = "count"
) -> DataSet:
    """Read DVS128 Gesture as it is distributed: 11 gestures, the official parts.

    A gesture is a line of a file's labels; where lines of the original overlap in time, as one of
    user22_led does, so do the samples. Flips are no augmentation here: they make a left hand of a
    right one, which is another class.

    Args:
        folder: holds trials_to_train.txt and the rest, or the folder DvsGesture that does.
        timesteps, size, bits, split: as of ``Framing``.

    Raises
    ------
        ValueError: a file is missing or damaged, or a label is none; one sentence.
    """
    framing = Framing(timesteps, size, bits, split)
    lists = ("trials_to_train.txt", "trials_to_test.txt")
    at = located(folder, lists, "DVS128 Gesture, unpacked,", "DvsGesture")
    train, test = (_trials(at / name, framing) for name in lists)
    return _data_set("dvs-gesture", GESTURES, train, test, (Roll(5),))


def dvs_cifar10(
    folder: Path, *, timesteps: int = 10, size: int = 48, bits: int = 1, split: str = "count"
) -> DataSet:
    """Read CIFAR10-DVS: ten folders of AEDAT 2.0 files; the first 90 % of each are learnt from.

    There are no official parts; published networks learn from the first 900 files of each class.
    "First" goes by the number that ends a file's name.

    Args:
        folder: holds the folders airplane .. truck.
        timesteps, size, bits, split: as of ``Framing``.

    Raises
    ------
        ValueError: a folder is missing, has too few files, or a file's name ends in no number.
    """
    framing = Framing(timesteps, size, bits, split)
    at = located(folder, OBJECTS, "CIFAR10-DVS, its ten archives unpacked,")
    sides: tuple[list, list] = ([], [])
    for label, name in enumerate(OBJECTS):
        files = sorted((at / name).glob("*.aedat"), key=_number)
        cut = int(LEARNT * len(files))
        if not 0 < cut < len(files):
            raise ValueError(f"{at / name} holds {len(files)} files .aedat, too few for two parts")
        for side, some in zip(sides, (files[:cut], files[cut:]), strict=True):
            side.extend((path, label) for path in some)
    train, test = (
        Recordings(read_dvs128, paths, np.array(labels, np.int64), framing)
        for paths, labels in (zip(*side, strict=True) for side in sides)
    )
    return _data_set("dvs-cifar10", len(OBJECTS), train, test, (Flip(), Roll(5)))


def _data_set(
    name: str, classes: int, train: Recordings, test: Recordings, augment: tuple[Augment, ...]
) -> DataSet:
    framing = train.framing
    return DataSet(name, framing.enter, classes, train, test, framing.timesteps, augment)


def _number(path: Path) -> int:
    digits = re.search(r"(\d{1,18})$", path.stem)
    if digits is None:
        raise ValueError(f"{path} must end in a number, by which it is learnt from or held out")
    return int(digits[1])


def _lines(path: Path) -> list[str]:
    try:
        return [line for line in contents(path).decode("ascii").split() if line]
    except UnicodeDecodeError:
        raise ValueError(f"{path} is no plain text") from None


def _trials(path: Path, framing: Framing) -> Recordings:
    """Read a list of recordings, and the labels of each."""
    paths, labels, spans = [], [], []
    for name in _lines(path):
        recording = path.parent / name
        if not re.fullmatch(r"[\w-]+\.aedat", name) or not recording.is_file():
            raise ValueError(f"{path} names {name!r}, which is no recording beside it")
        for label, start, end in _gestures(recording.with_name(f"{recording.stem}_labels.csv")):
            paths.append(recording)
            labels.append(label)
            spans.append((start, end))
    if not paths:
        raise ValueError(f"{path} names no recording with a gesture")
    limits = np.array(spans, np.int64)
    return Recordings(read_polarity, tuple(paths), np.array(labels, np.int64), framing, limits)


def _gestures(path: Path) -> list[tuple[int, int, int]]:
    """Read lines of class 1..11, start and end in microseconds; classes are counted from 0."""
    head, *rows = _lines(path) or [""]
    if head != "class,startTime_usec,endTime_usec":
        raise ValueError(f"{path} must start with class,startTime_usec,endTime_usec")
    gestures = []
    for row in rows:
        if not re.fullmatch(r"\d{1,2}(,\d{1,14}){2}", row):
            raise ValueError(f"{path} holds the line {row[:80]!r}, not three whole numbers")
        label, start, end = (int(n) for n in row.split(","))
        if not 1 <= label <= GESTURES or start >= end:
            raise ValueError(f"{path} holds {row!r}: classes are 1..{GESTURES}, start before end")
        gestures.append((label - 1, start, end))
    return gestures
