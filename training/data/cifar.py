"""CIFAR-10 and CIFAR-100, the binary version, read strictly.

A file is nothing but records: one byte of label (of CIFAR-100 two, coarse and fine), then 3072
bytes of pixels, 32 x 32 red, green and blue, each in rows (A. Krizhevsky, "Learning multiple
layers of features from tiny images", 2009, and the data sets' page).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mapping import Input

from .augment import Crop, Cutout, Flip
from .dataset import Arrays, DataSet
from .folder import located, size_of

SHAPE = (3, 32, 32)
PIXELS = 3072
#: Images of a file of CIFAR-10, and of the two of CIFAR-100.
BATCH, TRAIN, TEST = 10_000, 50_000, 10_000


def cifar10(folder: Path, *, flat: bool = False) -> DataSet:
    """Read data_batch_1.bin .. data_batch_5.bin and test_batch.bin.

    Args:
        folder: holds them, or the folder cifar-10-batches-bin that does.
        flat: shape (3072,) instead of (3, 32, 32).

    Raises
    ------
        ValueError: a file is missing, has another size, or holds a label beyond 9.
    """
    train = [f"data_batch_{i}.bin" for i in range(1, 6)]
    wants = [*train, "test_batch.bin"]
    at = located(folder, wants, "the binary version of CIFAR-10", "cifar-10-batches-bin")
    return _data_set(
        "cifar10",
        10,
        _read([at / name for name in train], BATCH, (10,)),
        _read([at / "test_batch.bin"], TEST, (10,)),
        flat,
        (Crop(4), Flip(), Cutout(16)),
    )


def cifar100(folder: Path, *, flat: bool = False) -> DataSet:
    """Read train.bin and test.bin of CIFAR-100; the label is the fine one.

    Args:
        folder: holds them, or the folder cifar-100-binary that does.
        flat: shape (3072,) instead of (3, 32, 32).

    Raises
    ------
        ValueError: as of ``cifar10``; labels are 0..19 and 0..99.
    """
    wants = ("train.bin", "test.bin")
    at = located(folder, wants, "the binary version of CIFAR-100", "cifar-100-binary")
    return _data_set(
        "cifar100",
        100,
        _read([at / "train.bin"], TRAIN, (20, 100)),
        _read([at / "test.bin"], TEST, (20, 100)),
        flat,
        (Crop(4), Flip(), Cutout(8)),
    )


def _data_set(
    name: str, classes: int, train: Arrays, test: Arrays, flat: bool, augment: tuple
) -> DataSet:
    shape = (PIXELS,) if flat else SHAPE
    parts = (Arrays(part.inputs.reshape(-1, *shape), part.labels) for part in (train, test))
    enter = Input(shape, bits=8, coding="direct", unit=1 / 255)
    return DataSet(name, enter, classes, *parts, augment=() if flat else augment)


def _read(paths: list[Path], images: int, labels: tuple[int, ...]) -> Arrays:
    """Read files of ``images`` records; ``labels`` says how many values each label byte has."""
    width = len(labels) + PIXELS
    for path in paths:
        if size_of(path) != images * width:
            raise ValueError(
                f"{path} has {path.stat().st_size} bytes, not the {images * width} of {images} "
                "images: truncated, or not the binary version"
            )
    inputs = np.empty((len(paths) * images, PIXELS), np.uint8)
    classes = np.empty(len(inputs), np.int64)
    for i, path in enumerate(paths):
        records = np.fromfile(path, np.uint8, images * width).reshape(images, width)
        for column, count in enumerate(labels):
            wrong = np.flatnonzero(records[:, column] >= count)
            if wrong.size:
                raise ValueError(
                    f"{path} holds the label {records[wrong[0], column]} at image {wrong[0]}; "
                    f"labels are 0..{count - 1}"
                )
        inputs[i * images : (i + 1) * images] = records[:, len(labels) :]
        classes[i * images : (i + 1) * images] = records[:, len(labels) - 1]
    return Arrays(inputs, classes)
