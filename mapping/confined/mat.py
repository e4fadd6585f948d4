"""MATLAB files of version 4 to 7: their plain numeric arrays."""

from __future__ import annotations

import io
from typing import BinaryIO

import numpy as np

from .hdf5 import FACTOR, TOTAL

NAME = "MATLAB"
NEEDS = ("scipy", "import")
CLASSES = ("double", "single", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64",
           "uint64", "logical")  # fmt: skip


def prepare() -> None:
    """Load scipy and whatever it loads at its first file."""
    import scipy.io

    buffer = io.BytesIO()
    scipy.io.savemat(buffer, {"x": np.eye(2)}, do_compression=True)
    buffer.seek(0)
    read(buffer, len(buffer.getvalue()))


def read(file: BinaryIO, size: int) -> dict[str, np.ndarray]:
    """Return names and arrays."""
    import scipy.io

    start = file.read(128)
    if len(start) < 20:
        raise ValueError("is not a MATLAB file, or is truncated")
    if start.startswith(b"MATLAB 7.3") or start.startswith(b"\x89HDF"):
        raise ValueError("is a MATLAB 7.3 file: save it with -v7")
    file.seek(0)
    total = 0
    for name, shape, kind in scipy.io.whosmat(file):
        total += int(np.prod(shape, dtype=object)) * 8
        if kind not in CLASSES:
            raise ValueError(f"holds {name!r} of class {kind}, no plain numbers")
        if total > min(TOTAL, FACTOR * size):
            raise ValueError(f"holds {name!r} of shape {shape}, more than {size} bytes can hold")
    file.seek(0)
    arrays = {}
    for name, value in scipy.io.loadmat(file, squeeze_me=False).items():
        if name.startswith("__"):
            continue
        if not isinstance(value, np.ndarray) or value.dtype.kind not in "iufb":
            raise ValueError(f"holds {name!r}, which is no array of real numbers")
        arrays[name] = value
    if not arrays:
        raise ValueError("holds no arrays")
    return arrays
