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
        found = "more" if len(body) > size else f"{len(body)}"
        raise ValueError(f"{path} states {size} values, and holds {found}: truncated or altered")
    return np.frombuffer(body, np.uint8).reshape(shape)


def pair(folder: Path, part: str = "test") -> tuple[np.ndarray, np.ndarray]:
    """Read the images and labels of a folder that holds the files by their usual names.

    Raises
    ------
        ValueError: a file is missing; it is named, with its folder.
    """
    found = []
    for name in NAMES[part]:
        path = next((p for p in (folder / name, folder / f"{name}.gz") if p.is_file()), None)
        if path is None:
            raise ValueError(f"{folder} must hold {name} or {name}.gz: put it there")
        found.append(read(path))
    images, labels = found
    if labels.ndim != 1 or len(images) != len(labels):
        raise ValueError(f"{folder} holds {len(images)} images and labels of {labels.shape}")
    return images, labels
