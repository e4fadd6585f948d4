"""HDF5 files of plain groups and datasets."""

from __future__ import annotations

import io
from typing import Any, BinaryIO

import numpy as np

NAME = "HDF5"
NEEDS = ("h5py", "import")
#: Bytes that one byte of a file may at most stand for: deflate reaches 1032.
FACTOR = 1100
#: Most bytes of all arrays, nested groups and objects of a file, and characters of a text.
TOTAL, DEPTH, OBJECTS, TEXT = 160 << 20, 12, 10_000, 4096
#: Filters that are read: gzip, shuffle, fletcher32, lzf.
FILTERS = {1, 2, 3, 32000}
MAGIC = b"\x89HDF\r\n\x1a\n"


def prepare() -> None:
    """Load h5py and whatever it loads at its first file."""
    import h5py

    with h5py.File(io.BytesIO(), "w") as file:
        file.create_dataset("x", data=np.arange(9), compression="gzip")
        file.create_dataset("s", data="x", dtype=h5py.string_dtype())
        file["t"] = np.array([[b"a", b"b"]])
        _Tree(1 << 20).group(file, 0)


def read(file: BinaryIO, size: int) -> dict[str, Any]:
    """Return groups as dicts, datasets as arrays and text."""
    import h5py

    if file.read(8) != MAGIC:
        raise ValueError("is not an HDF5 file, or is truncated")
    file.seek(0)
    with h5py.File(file, "r") as opened:
        return _Tree(size).group(opened, 0)


def member(group: Any, name: str) -> Any:
    """Return what lies in a group under a name, at the end of a hard link.

    Raises
    ------
        ValueError: a link to another place or file, or a dataset whose data lie in another file
            or went through a filter that is not read.
    """
    import h5py

    place = f"{group.name.rstrip('/')}/{name}"
    link = group.get(name, getlink=True)
    if not isinstance(link, h5py.HardLink):
        raise ValueError(f"links {place!r} to another place ({type(link).__name__})")
    item = group[name]
    if not isinstance(item, h5py.Dataset):
        return item
    if item.external or item.is_virtual:
        raise ValueError(f"stores {place!r} in another file")
    plist = item.id.get_create_plist()
    for index in range(plist.get_nfilters()):
        code = plist.get_filter(index)[0]
        if code not in FILTERS:
            raise ValueError(f"stores {place!r} through filter {code}, which is not read")
    return item


class _Tree:
    """What was read of a file so far, counted."""

    def __init__(self, size: int) -> None:
        self.size, self.objects, self.bytes = size, 0, 0

    def group(self, group: Any, depth: int) -> dict[str, Any]:
        """Return a group's members by name."""
        import h5py

        if depth > DEPTH:
            raise ValueError(f"nests groups more than {DEPTH} deep")
        members: dict[str, Any] = {}
        for name in group:
            self.objects += 1
            if self.objects > OBJECTS:
                raise ValueError(f"holds more than {OBJECTS} objects")
            item = member(group, name)
            if isinstance(item, h5py.Group):
                members[name] = self.group(item, depth + 1)
            elif isinstance(item, h5py.Dataset):
                members[name] = self.dataset(item)
            else:
                raise ValueError(f"holds {item.name!r}, neither a group nor a dataset")
        return members

    def dataset(self, item: Any) -> Any:
        """Return a dataset as an array, as text, or as lists of text."""
        import h5py

        if item.shape is None:
            raise ValueError(f"holds {item.name!r} without a shape")
        text = h5py.check_string_dtype(item.dtype)
        width = 64 if text is not None and text.length is None else item.dtype.itemsize
        declared = int(np.prod(item.shape, dtype=object)) * width if item.shape else width
        self.bytes += declared
        if declared > FACTOR * self.size or self.bytes > TOTAL:
            raise ValueError(
                f"holds {item.name!r} of declared {declared} bytes, more than its {self.size} "
                "can hold"
            )
        if text is not None:
            value = item[()]
            flat = value.ravel().tolist() if isinstance(value, np.ndarray) else [value]
            words = [_word(word, item.name) for word in flat]
            return words[0] if item.shape == () else _nested(words, item.shape)
        if item.dtype.kind not in "iufb" or item.dtype.itemsize > 8:
            raise ValueError(
                f"holds {item.name!r} of type {item.dtype}, no numbers of at most 8 bytes"
            )
        value = np.asarray(item[()])
        return value.astype(value.dtype.newbyteorder("="))


def _word(value: Any, place: str) -> str:
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    if len(text) > TEXT:
        raise ValueError(f"holds a string of {len(text)} characters in {place!r}")
    return text


def _nested(words: list[str], shape: tuple[int, ...]) -> list[Any]:
    if len(shape) == 1:
        return words
    if len(shape) > 2:
        raise ValueError(f"holds strings of shape {shape}")
    return [words[i * shape[1] : (i + 1) * shape[1]] for i in range(shape[0])]
