"""Arrays from .npy and .npz files, read strictly; nothing is unpickled or evaluated.

Every declared size is compared with the bytes that are there before anything is allocated, every
checksum is compared, and no name may stand twice.
"""

from __future__ import annotations

import math
import os
import re
import struct
import sys
import zipfile
import zlib
from pathlib import Path

import numpy as np

_HEADER = re.compile(
    r"\{'descr': '([<>|=]?)([biufU])(\d{1,8})', 'fortran_order': (True|False), "
    r"'shape': \(((?:\d{1,18}, ?)*(?:\d{1,18})?)\), ?\} *\n?"
)
#: Most arrays of a file, and axes of an array.
ENTRIES, AXES = 10_000, 8
#: Kinds of numbers, as numpy's dtypes call them: booleans, integers and real numbers.
NUMBERS = "biuf"
#: What a damaged archive makes zipfile raise.
_BROKEN = (
    OSError, EOFError, ValueError, KeyError, RuntimeError, NotImplementedError, MemoryError,
    struct.error, zipfile.BadZipFile, zlib.error,
)  # fmt: skip


class FileError(ValueError):
    """A file that is not what it should be: one sentence, with its name."""


def regular(path: Path, most: int | None = None) -> int:
    """Return the size in bytes of a regular file.

    Raises
    ------
        FileError: missing, a folder, pipe or device, or larger than ``most`` bytes.
    """
    if not path.exists():
        raise FileError(f"{path} does not exist")
    if not path.is_file():
        raise FileError(f"{path} is not a file")
    size = path.stat().st_size
    if most is not None and size > most:
        raise FileError(f"{path} has {size} bytes, more than the {most} that are read")
    return size


def memory() -> int:
    """Return the bytes of memory that this machine has, or its container (Linux, cgroup v2)."""
    if not hasattr(os, "sysconf"):  # no POSIX system
        return sys.maxsize
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        return min(machine, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    except (OSError, ValueError):  # there is none, or it says "max"
        return machine


def npy(path: Path, most: int | None = None, kinds: str = NUMBERS) -> np.ndarray:
    """Read the array of a .npy file.

    Args:
        most: bytes; None: as many as this machine has memory.
        kinds: letters of the dtypes that are read; ``"U"`` is text.

    Raises
    ------
        FileError: missing, damaged, too large, or no array of such a kind; one sentence.
    """
    size = regular(path, memory() if most is None else most)
    data = bytearray(size)
    try:
        with path.open("rb") as file:
            held = file.readinto(data)
    except OSError as error:
        raise FileError(f"{path} cannot be read: {error.strerror or error}") from None
    return _array(data[:held] if held < size else data, str(path), kinds)


def _counted(path: Path, archive: zipfile.ZipFile) -> int:
    """Return how many entries an archive ends with saying it has; zipfile does not compare."""
    with path.open("rb") as file:
        file.seek(-22 - len(archive.comment), 2)  # the end record, and the archive's comment
        return int.from_bytes(file.read(22)[10:12], "little")


def npz(path: Path, most: int | None = None, kinds: str = NUMBERS) -> dict[str, np.ndarray]:
    """Read every array of an .npz file by its name, in the file's order.

    Args:
        most: bytes of all arrays, unpacked; None: as many as this machine has memory.
        kinds: as of ``npy``.

    Raises
    ------
        FileError: as of ``npy``.
    """
    regular(path)
    most = memory() if most is None else most
    arrays: dict[str, np.ndarray] = {}
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            declared = sum(entry.file_size for entry in entries)
            if len(entries) > ENTRIES:
                raise FileError(f"{path} holds {len(entries)} arrays, more than {ENTRIES}")
            if len(entries) != _counted(path, archive):
                raise FileError(f"{path} is damaged: not every array is listed")
            if declared > most:
                raise FileError(f"{path} declares {declared} bytes of arrays, more than {most}")
            for entry in entries:
                name = _name(entry.filename, path)
                if name in arrays:
                    raise FileError(f"{path} is damaged: array {name[:80]!r} stands in it twice")
                arrays[name] = _entry(archive, entry, f"{path}, array {name[:80]!r},", kinds)
    except FileError:
        raise
    except _BROKEN as error:
        why = " ".join(str(error).split())[:200] or type(error).__name__
        raise FileError(f"{path} is damaged, or no .npz of plain arrays: {why}") from None
    return arrays


def _name(filename: str, path: Path) -> str:
    """Return an array's name, which may be a path that stays below where it begins."""
    parts = filename.removesuffix(".npy").split("/")
    if not filename.endswith(".npy") or {"", ".", ".."} & set(parts) or "\\" in filename:
        raise FileError(f"{path} holds {filename[:80]!r}, which is no array of an .npz file")
    return filename.removesuffix(".npy")


def _entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, label: str, kinds: str) -> np.ndarray:
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise FileError(f"{label} is compressed by method {entry.compress_type}, which is not read")
    data = bytearray(entry.file_size)
    with archive.open(entry) as file:  # compares the checksum at its end
        if file.readinto(data) != len(data) or file.read(1):
            raise FileError(f"{label} does not have its declared size of {entry.file_size}")
    return _array(data, label, kinds)


def _array(data: bytearray, label: str, kinds: str) -> np.ndarray:
    """Return the array of the bytes of a .npy file, over those bytes themselves."""
    bad = FileError(f"{label} is not a .npy file, or is truncated")
    if data[:6] != b"\x93NUMPY" or len(data) < 12 or data[6] not in (1, 2, 3):
        raise bad
    wide = data[6] > 1
    (length,) = struct.unpack_from("<I" if wide else "<H", data, 8)
    start = (12 if wide else 10) + length
    if length > 10_000 or start > len(data):
        raise bad
    header = _HEADER.fullmatch(data[12 if wide else 10 : start].decode("latin-1"))
    if header is None or header[2] not in kinds:
        what = "numbers or text" if "U" in kinds else "real numbers"
        raise FileError(f"{label} does not hold one array of plain {what}")
    order, kind, width, fortran, sizes = header.groups()
    shape = tuple(int(n) for n in sizes.replace(" ", "").split(",") if n)
    try:
        dtype = np.dtype(f"{order or '='}{kind}{width}")
    except TypeError:
        raise FileError(f"{label} holds numbers of an unknown type {kind}{width}") from None
    held = len(data) - start
    if len(shape) > AXES or not dtype.itemsize or math.prod(shape) * dtype.itemsize != held:
        raise FileError(
            f"{label} declares shape {shape} of {dtype}, which is not the {held} bytes that it "
            "holds"
        )
    array = np.frombuffer(data, dtype, offset=start)
    return array.reshape(shape, order="F" if fortran == "True" else "C")
