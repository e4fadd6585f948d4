"""IDX files, the format of MNIST and Fashion-MNIST, plain or gzipped; read strictly.

A file is the bytes 0, 0, a type, the number of axes, each length as a big-endian 32-bit integer,
and the values (Y. LeCun, C. Cortes, C. J. C. Burges, "The MNIST database", file formats).
"""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path

import numpy as np

from mapping import Input

from .augment import Augment, Crop, Flip
from .dataset import Arrays, DataSet

#: Values that a file may hold.
MOST = 1 << 31
#: Names of the four files, as they are distributed; ``.gz`` may follow.
NAMES = {
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
}


def read(path: Path) -> np.ndarray:
    """Read one IDX file of unsigned bytes.

    Returns
    -------
        uint8 of the shape that the file states.

    Raises
    ------
        ValueError: missing, truncated, too long, or no IDX file of bytes; one sentence.
    """
    if not path.is_file():
        raise ValueError(f"{path} does not exist, or is no file")
    try:
        with path.open("rb") as plain:
            zipped = plain.read(2) == b"\x1f\x8b"
        with gzip.open(path) if zipped else path.open("rb") as file:
            head = file.read(4)
            if len(head) < 4 or head[:2] != b"\0\0":
                raise ValueError(f"{path} is not an IDX file")
            if head[2] != 8:
                raise ValueError(f"{path} holds values of IDX type {head[2]:#x}, not bytes (0x8)")
            axes = head[3]
            lengths = file.read(4 * axes)
            if not 1 <= axes <= 4 or len(lengths) < 4 * axes:
                raise ValueError(f"{path} is not an IDX file of 1 to 4 axes")
            shape = tuple(int(n) for n in np.frombuffer(lengths, ">u4"))
            size = math.prod(shape)
            if not 0 < size <= MOST:
                raise ValueError(f"{path} states {size} values; 1 to {MOST} can be read")
            body = file.read(size + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{path} cannot be read: {error}") from None
    if len(body) != size:
        held = "more" if len(body) > size else f"{len(body)}"
        raise ValueError(f"{path} states {size} values, and holds {held}: truncated or altered")
    return np.frombuffer(body, np.uint8).reshape(shape)


def pair(folder: Path, part: str = "test") -> tuple[np.ndarray, np.ndarray]:
    """Read the images and labels of a folder that holds the files by their usual names.

    Raises
    ------
        ValueError: a file is missing; it is named, with its folder.
    """
    parts = []
    for name in NAMES[part]:
        path = next((p for p in (folder / name, folder / f"{name}.gz") if p.is_file()), None)
        if path is None:
            raise ValueError(f"{folder} must hold {name} or {name}.gz: put it there")
        parts.append(read(path))
    images, labels = parts
    if labels.ndim != 1 or len(images) != len(labels):
        raise ValueError(f"{folder} holds {len(images)} images and labels of {labels.shape}")
    return images, labels


def mnist(folder: Path, *, flat: bool = False) -> DataSet:
    """Read MNIST: images of 28 x 28, labels 0..9.

    Args:
        flat: shape (784,) instead of (1, 28, 28).

    Raises
    ------
        ValueError: a file is missing or damaged, or holds other images or labels; one sentence.
    """
    return _known("mnist", folder, flat, ())


def fashion_mnist(folder: Path, *, flat: bool = False) -> DataSet:
    """Read Fashion-MNIST, whose files have the names and shapes of MNIST's; as ``mnist``."""
    return _known("fashion-mnist", folder, flat, (Crop(4), Flip()))


def data_set(folder: Path, *, flat: bool = False) -> DataSet:
    """Read any folder of four IDX files of these names; shape and classes are what they hold.

    Images of (rows, cols) get a channel axis; (channels, rows, cols) and (n,) stay. Labels are
    0 .. classes - 1, and every one of them occurs in the training part.

    Raises
    ------
        ValueError: as of ``mnist``, or the two parts differ in shape.
    """
    return _data_set("idx", folder, flat, ())


def _known(name: str, folder: Path, flat: bool, augment: tuple[Augment, ...]) -> DataSet:
    value = _data_set(name, folder, flat, () if flat else augment)
    if value.enter.shape not in ((784,), (1, 28, 28)) or value.classes != 10:
        raise ValueError(
            f"{folder} holds images of shape {value.enter.shape} in {value.classes} classes, not "
            f"{name}: open it as 'idx'"
        )
    return value


def _data_set(name: str, folder: Path, flat: bool, augment: tuple[Augment, ...]) -> DataSet:
    (train, learnt), (test, held_out) = pair(folder, "train"), pair(folder, "test")
    if train.shape[1:] != test.shape[1:]:
        raise ValueError(f"{folder} trains on {train.shape[1:]} and tests on {test.shape[1:]}")
    shape = train.shape[1:]
    shape = (1, *shape) if len(shape) == 2 else shape
    shape = (math.prod(shape),) if flat else shape
    classes = int(learnt.max()) + 1
    absent = np.setdiff1d(np.arange(classes), learnt)
    if absent.size:
        raise ValueError(f"{folder} holds labels up to {classes - 1}, but none is {absent[0]}")
    if held_out.max() >= classes:
        raise ValueError(f"{folder} tests on the label {held_out.max()}, which is never learnt")
    return DataSet(
        name,
        Input(shape, bits=8, coding="direct", unit=1 / 255),
        classes,
        Arrays(train.reshape(-1, *shape), learnt.astype(np.int64)),
        Arrays(test.reshape(-1, *shape), held_out.astype(np.int64)),
        augment=augment,
    )
