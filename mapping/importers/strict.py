"""Arrays from .npy, .npz and .safetensors files, and TOML, read strictly.

Declared sizes are compared with the bytes that are there before anything is allocated; nothing is
evaluated or unpickled.
"""

from __future__ import annotations

import json
import math
import re
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from ..files import FileError
from .sandbox import ANSWER, regular

_HEADER = re.compile(
    r"\{'descr': '([<>|=]?)([biuf])([1248])', 'fortran_order': (True|False), "
    r"'shape': \(((?:\d{1,18}, ?)*(?:\d{1,18})?)\), ?\} *\n?"
)
#: Most arrays of a file, and bytes of a TOML file.
ENTRIES, TOML = 10_000, 1 << 20
#: Most parts of a dotted key: what a parser does with them grows with their square.
PARTS = 64
_SAFE = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2",
         "I8": "<i1", "U8": "<u1", "U16": "<u2", "U32": "<u4", "BOOL": "|b1"}  # fmt: skip


def npy(path: Path) -> np.ndarray:
    """Read a .npy file of real numbers; raises FileError."""
    if regular(path) > ANSWER:
        raise FileError(f"{path} holds more than {ANSWER} bytes")
    return _npy(path.read_bytes(), str(path))


def _npy(data: bytes, where: str) -> np.ndarray:
    bad = FileError(f"{where} is not a .npy file, or is truncated")
    if data[:6] != b"\x93NUMPY" or len(data) < 12 or data[6] not in (1, 2, 3):
        raise bad
    wide = data[6] > 1
    (length,) = struct.unpack_from("<I" if wide else "<H", data, 8)
    start = (12 if wide else 10) + length
    if length > 10_000 or start > len(data):
        raise bad
    text = data[12 if wide else 10 : start].decode("latin-1")
    found = _HEADER.fullmatch(text)
    if found is None:
        raise FileError(f"{where} does not hold one array of plain real numbers")
    order, kind, width, fortran, sizes = found.groups()
    shape = tuple(int(n) for n in sizes.replace(" ", "").split(",") if n)
    try:
        dtype = np.dtype(f"{order or '='}{kind}{width}")
    except TypeError:
        raise FileError(f"{where} holds numbers of an unknown type {kind}{width}") from None
    if len(shape) > 8 or math.prod(shape) * dtype.itemsize != len(data) - start:
        raise FileError(
            f"{where} declares shape {shape} of {dtype}, which is not the {len(data) - start} "
            "bytes that it holds"
        )
    array = np.frombuffer(data, dtype, offset=start)
    return array.reshape(shape, order="F" if fortran == "True" else "C")


def npz(path: Path) -> dict[str, np.ndarray]:
    """Read a .npz file of real numbers; raises FileError."""
    regular(path)
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            if len(entries) > ENTRIES:
                raise FileError(f"{path} holds {len(entries)} arrays, more than {ENTRIES}")
            if sum(e.file_size for e in entries) > ANSWER:
                raise FileError(f"{path} declares more than {ANSWER} bytes of arrays")
            return {e.filename[:-4]: _entry(archive, e, path) for e in entries}
    except FileError:
        raise
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, RuntimeError,
            NotImplementedError, struct.error, KeyError) as error:  # fmt: skip
        reason = " ".join(str(error).split())[:200]
        raise FileError(f"{path} is not a .npz file, or is damaged: {reason}") from None


def _entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, path: Path) -> np.ndarray:
    name = entry.filename
    where = f"{path}, entry {name[:80]!r},"
    if not name.endswith(".npy") or "/" in name or "\\" in name:
        raise FileError(f"{where} is not an array of a .npz file")
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise FileError(f"{where} is compressed by method {entry.compress_type}, which is not read")
    with archive.open(entry) as file:
        data = file.read(entry.file_size + 1)
    if len(data) != entry.file_size:
        raise FileError(f"{where} does not have its declared size of {entry.file_size}")
    return _npy(data, where)


def safetensors(path: Path) -> dict[str, np.ndarray]:
    """Read the tensors of a .safetensors file; raises FileError."""
    if regular(path) > ANSWER:
        raise FileError(f"{path} holds more than {ANSWER} bytes")
    data = path.read_bytes()
    bad = FileError(f"{path} is not a safetensors file, or is truncated")
    if len(data) < 8:
        raise bad
    (length,) = struct.unpack_from("<Q", data)
    if length > min(16 << 20, len(data) - 8):
        raise bad
    try:
        header = json.loads(data[8 : 8 + length])
    except (ValueError, RecursionError):
        raise bad from None
    if not isinstance(header, dict):
        raise bad
    header.pop("__metadata__", None)
    if len(header) > ENTRIES:
        raise FileError(f"{path} holds {len(header)} tensors, more than {ENTRIES}")
    found, spans, start = {}, [], 8 + length
    for name, entry in header.items():
        if not isinstance(entry, dict) or entry.get("dtype") not in _SAFE:
            raise FileError(f"{path} holds {name[:80]!r}, which is not of plain real numbers")
        shape, offsets = entry.get("shape"), entry.get("data_offsets")
        for numbers in (shape, offsets):
            if not isinstance(numbers, list) or not all(
                type(n) is int and 0 <= n < 1 << 48 for n in numbers
            ):
                raise bad
        dtype = np.dtype(_SAFE[entry["dtype"]])
        if len(shape) > 8 or len(offsets) != 2 or offsets[1] > len(data) - start:
            raise bad
        if offsets[1] - offsets[0] != math.prod(shape) * dtype.itemsize:
            raise bad
        spans.append(tuple(offsets))
        found[name] = np.frombuffer(data, dtype, math.prod(shape), start + offsets[0])
        found[name] = found[name].reshape(shape)
    spans.sort()
    if any(a[1] > b[0] for a, b in zip(spans, spans[1:], strict=False)):
        raise FileError(f"{path} holds tensors that overlap")
    return found


def toml(path: Path) -> dict[str, Any]:
    """Read a TOML file; raises FileError."""
    try:
        import tomllib
    except ImportError:  # Python 3.10
        import tomli as tomllib

    if regular(path) > TOML:
        raise FileError(f"{path} has more than {TOML} bytes: no topology")
    try:
        text = path.read_bytes().decode("utf-8")
        if any(part.count(".") > PARTS for part in re.split(r"[,={}\[\]#\n]", text)):
            raise FileError(f"{path} has a key of more than {PARTS} parts: no topology")
        return tomllib.loads(text)
    except FileError:
        raise
    except RecursionError:
        raise FileError(f"{path} is not TOML: it nests too deep") from None
    except ValueError as error:  # UnicodeDecodeError and TOMLDecodeError are
        raise FileError(f"{path} is not TOML: {' '.join(str(error).split())[:200]}") from None


def state(path: Path) -> dict[str, np.ndarray]:
    """Read trained parameters, names to arrays, from .safetensors, .npz or a torch state dict."""
    from .sandbox import ask

    if path.suffix in (".safetensors", ".npz"):
        return {".safetensors": safetensors, ".npz": npz}[path.suffix](path)
    return ask("torch", path)


__all__ = ["npy", "npz", "safetensors", "state", "toml"]
