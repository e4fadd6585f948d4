"""The safetensors format: a header of JSON, and arrays one after the other behind it.

Eight bytes say how long the header is; it gives each array's type, shape and place. An array must
begin where the one before it ends, and the last one must end with the file.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from .plain import AXES, ENTRIES, FileError, regular

#: Largest header that is read; a header grows with the number of arrays, not of their values.
HEADER_MAX = 16 << 20
_TYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2",
          "I8": "|i1", "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "|u1",
          "BOOL": "|b1"}  # fmt: skip
_LETTERS = {dtype: letters for letters, dtype in _TYPES.items()}
Header = dict[str, Any]


def read(path: Path, most: int | None = None) -> dict[str, np.ndarray]:
    """Read the arrays of a .safetensors file, names to arrays.

    Args:
        most: bytes of the file, or None.

    Raises
    ------
        FileError: missing, too large, damaged, or other than real numbers; one sentence.
    """
    regular(path, most)
    data = path.read_bytes()
    header, start = header_of(data, str(path))
    return arrays_of(data, header, start, str(path))


def header_of(data: bytes, name: str) -> tuple[Header, int]:
    """Return the header of a file's bytes, and where its arrays begin.

    Args:
        name: of the file, for an error.

    Raises
    ------
        FileError: it is not in this format.
    """
    bad = FileError(f"{name} is not a safetensors file, or is truncated")
    if len(data) < 8:
        raise bad
    (length,) = struct.unpack_from("<Q", data)
    if length > min(HEADER_MAX, len(data) - 8):
        raise bad
    try:
        header = json.loads(data[8 : 8 + length])
    except (ValueError, RecursionError):
        raise bad from None
    if not isinstance(header, dict):
        raise bad
    metadata = header.get("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise bad
    return header, 8 + length


def arrays_of(data: bytes, header: Header, start: int, name: str) -> dict[str, np.ndarray]:
    """Return the arrays of a file's bytes, over those bytes themselves.

    Raises
    ------
        FileError: arrays that are not of real numbers, or not where the header says.
    """
    bad = FileError(f"{name} is not a safetensors file, or is truncated")
    entries = {key: entry for key, entry in header.items() if key != "__metadata__"}
    if len(entries) > ENTRIES:
        raise FileError(f"{name} holds {len(entries)} arrays, more than {ENTRIES}")
    arrays, places = {}, []
    for key, entry in entries.items():
        if not isinstance(entry, dict) or entry.get("dtype") not in _TYPES:
            raise FileError(f"{name} holds {key[:80]!r}, which is not of plain real numbers")
        shape, offsets = entry.get("shape"), entry.get("data_offsets")
        if not _naturals(shape, AXES) or not _naturals(offsets, 2) or len(offsets) != 2:
            raise bad
        dtype = np.dtype(_TYPES[entry["dtype"]])
        size = math.prod(shape) * dtype.itemsize
        if offsets[1] - offsets[0] != size or offsets[1] > len(data) - start:
            raise bad
        places.append((offsets[0], offsets[1], key))
        flat = np.frombuffer(data, dtype, math.prod(shape), start + offsets[0])
        arrays[key] = flat.reshape(shape)
    end = 0
    for first, last, key in sorted(places):
        if first != end:
            fault = "overlaps another" if first < end else "does not follow on another"
            raise FileError(f"{name} is damaged: array {key[:80]!r} {fault}")
        end = last
    if end != len(data) - start:
        raise FileError(f"{name} is damaged: it holds more than its arrays")
    return arrays


def _naturals(numbers: Any, most: int) -> bool:
    """Whether a value of JSON is a list of at most so many integers from 0 on."""
    return (
        isinstance(numbers, list)
        and len(numbers) <= most
        and all(type(n) is int and 0 <= n < 1 << 48 for n in numbers)
    )


def pack(metadata: dict[str, str], arrays: dict[str, np.ndarray]) -> Iterator[bytes | memoryview]:
    """Yield the parts of a file, to be written one after the other.

    Raises
    ------
        ValueError: an array is not of real numbers.
    """
    header: Header = {"__metadata__": metadata}
    end, plain = 0, []
    for key, array in arrays.items():
        flat = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).reshape(-1)
        if flat.dtype.str not in _LETTERS:
            raise ValueError(f"holds an array of type {array.dtype}")
        place = [end, end + flat.nbytes]
        letters = _LETTERS[flat.dtype.str]
        header[key] = {"dtype": letters, "shape": list(array.shape), "data_offsets": place}
        end += flat.nbytes
        plain.append(flat.view(np.uint8).data)
    text = json.dumps(header).encode()
    yield struct.pack("<Q", len(text))
    yield text
    yield from plain
