"""An .npz of plain arrays, read strictly: no pickle, every checksum compared, nothing twice."""

from __future__ import annotations

import io
import zipfile
import zlib
from pathlib import Path

import numpy as np

#: What a damaged archive makes zipfile and numpy raise.
BROKEN = (
    OSError, EOFError, ValueError, KeyError, TypeError, RuntimeError, NotImplementedError,
    MemoryError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip


def read(path: Path) -> dict[str, np.ndarray]:
    """Return every array of an .npz by its name, in the file's order.

    Raises
    ------
        ValueError: missing, damaged, or it holds something else than plain arrays; one sentence.
    """
    if not path.is_file():
        raise ValueError(f"{path} does not exist, or is no file")
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            arrays = {e.filename.removesuffix(".npy"): _array(archive, e) for e in entries}
            if len(arrays) != len(entries):
                raise ValueError("an array stands in it twice")
    except BROKEN as error:
        why = " ".join(str(error).split())[:200] or type(error).__name__
        raise ValueError(f"{path} is damaged, or no .npz of plain arrays: {why}") from None
    return arrays


def _array(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> np.ndarray:
    """Read one member whole, so that its checksum is compared."""
    stream = io.BytesIO(archive.read(entry))
    array = np.lib.format.read_array(stream, allow_pickle=False)
    if stream.read(1):
        raise ValueError(f"{entry.filename} is longer than its array")
    return array
