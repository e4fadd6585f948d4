"""torch's files: the state dict that torch.save wrote, read without torch.

Such a file is a zip: ``data.pkl`` says by a pickle which tensors there are, ``data/N`` holds the
numbers of storage N. The pickle may name the functions and types below and nothing else: each
stands for code of this file, and none of torch's is run.
"""

from __future__ import annotations

import pickle
import zipfile
from typing import Any, BinaryIO

import numpy as np

from .hdf5 import TOTAL

NAME = "torch"
NEEDS = None
#: What a storage's class is called, and its numbers.
STORAGES = {
    "DoubleStorage": "<f8", "FloatStorage": "<f4", "HalfStorage": "<f2", "BFloat16Storage": "bf16",
    "LongStorage": "<i8", "IntStorage": "<i4", "ShortStorage": "<i2", "CharStorage": "|i1",
    "ByteStorage": "|u1", "BoolStorage": "|b1",
}  # fmt: skip
#: What a type is called where a tensor of it names it beside its storage.
TYPES = {"uint16": "<u2", "uint32": "<u4", "uint64": "<u8"}
#: A storage that names no type: the tensor over it does.
BYTES = "|u1"
#: Most entries of the zip: every tensor has one.
ENTRIES = 10_000
ELSE = (
    "holds more than tensors, which are all that is read of it: save model.state_dict() by itself"
)


def prepare() -> None:
    """Load the codec of file names, which zipfile asks for at its first file."""
    "".encode("cp437")


def read(file: BinaryIO, size: int) -> dict[str, np.ndarray]:
    """Return names and arrays of a state dict."""
    if file.read(4) != b"PK\x03\x04":
        raise ValueError("is not a torch file in the zip format, or is truncated")
    with zipfile.ZipFile(file) as archive:
        entries = {entry.filename: entry for entry in archive.infolist()}
        if len(entries) > ENTRIES or sum(e.file_size for e in entries.values()) > size:
            raise ValueError("is no torch file: its parts are larger than the file")
        pickles = [name for name in entries if name.endswith("/data.pkl")]
        if len(pickles) != 1:
            raise ValueError("is a zip, but not of a state dict")
        folder = pickles[0].removesuffix("data.pkl")
        if f"{folder}byteorder" in entries and archive.read(f"{folder}byteorder") != b"little":
            raise ValueError("holds numbers in another byte order than little-endian")
        with archive.open(pickles[0]) as file:
            try:
                state = _Tensors(file, archive, folder).load()
            except (pickle.UnpicklingError, AttributeError, TypeError, IndexError, EOFError):
                raise ValueError(ELSE) from None
    if not isinstance(state, dict):
        raise ValueError(f"holds a {_kind(state)}, not a state dict")
    total = 0
    for name, array in state.items():
        if not isinstance(name, str) or not isinstance(array, np.ndarray):
            raise ValueError(
                f"holds {name!r}, a {_kind(array)}: not a state dict; save model.state_dict() by "
                "itself"
            )
        total += array.size * 8
        if array.nbytes > size or total > TOTAL:
            raise ValueError(f"holds {name!r} of shape {array.shape}, more than its file")
    return {name: _widened(array) for name, array in state.items()}


def _kind(value: Any) -> str:
    return "dict" if isinstance(value, _Dict) else type(value).__name__


class _Dict(dict):
    """An OrderedDict of the file; attributes that the file gives it are left out."""

    def __setstate__(self, state: Any) -> None:
        pass


class _Bf16(np.ndarray):
    """Numbers of which float32 has the upper 16 bits."""


class _Tensors(pickle.Unpickler):
    """Builds arrays where the pickle names torch's tensors, and nothing that it names otherwise."""

    def __init__(self, file: Any, archive: zipfile.ZipFile, folder: str) -> None:
        super().__init__(file)
        self.archive, self.folder = archive, folder

    def find_class(self, module: str, name: str) -> Any:
        """Return what stands for a name."""
        names: dict[tuple[str, str], Any] = {
            ("collections", "OrderedDict"): _Dict,
            ("torch._utils", "_rebuild_tensor_v2"): tensor,
            ("torch._utils", "_rebuild_tensor_v3"): typed,
            ("torch._utils", "_rebuild_parameter"): parameter,
            ("torch.storage", "UntypedStorage"): BYTES,
            **{("torch", storage): numbers for storage, numbers in STORAGES.items()},
            **{("torch", kind): numbers for kind, numbers in TYPES.items()},
        }
        if (module, name) not in names:
            raise pickle.UnpicklingError(f"{module}.{name}")
        return names[module, name]

    def persistent_load(self, pid: Any) -> np.ndarray:
        """Return a storage, flat: ``("storage", type, key, device, numbers)``."""
        word, numbers, key, _, count = pid
        known = [*STORAGES.values(), BYTES]
        if word != "storage" or numbers not in known or not isinstance(key, str):
            raise pickle.UnpicklingError("a storage of no known form")
        if type(count) is not int:
            raise pickle.UnpicklingError("a storage of no known form")
        data = self.archive.read(f"{self.folder}data/{key}")
        flat = np.frombuffer(data, "<u2" if numbers == "bf16" else numbers)
        if len(flat) < count:
            raise ValueError(f"holds storage {key!r} of {len(flat)} numbers, not {count}")
        return flat.view(_Bf16) if numbers == "bf16" else flat


def tensor(
    storage: np.ndarray, offset: int, shape: tuple, strides: tuple, *rest: Any
) -> np.ndarray:
    """Return a tensor over a storage; offset and strides count numbers."""
    naturals = (offset, *shape, *strides)
    if not all(type(n) is int and 0 <= n < 1 << 48 for n in naturals) or len(shape) > 8:
        raise ValueError("holds a tensor of no possible shape")
    if len(shape) != len(strides) or not isinstance(storage, np.ndarray):
        raise ValueError("holds a tensor of no possible shape")
    empty = 0 in shape
    last = offset + sum((n - 1) * s for n, s in zip(shape, strides, strict=True))
    if not empty and last >= len(storage):
        raise ValueError(f"holds a tensor of shape {shape}, more than its storage")
    if empty:
        return storage[:0].reshape(shape)
    steps = tuple(s * storage.itemsize for s in strides)
    start = storage[offset:]
    return np.lib.stride_tricks.as_strided(start, shape, steps, subok=True, writeable=False)


def typed(storage: np.ndarray, offset: int, shape: tuple, strides: tuple, *rest: Any) -> np.ndarray:
    """Return a tensor over bytes; its type stands last."""
    if not rest or rest[-1] not in list(TYPES.values()):
        raise ValueError("holds a tensor of no known type")
    return tensor(storage.view(rest[-1]), offset, shape, strides)


def parameter(data: np.ndarray, *rest: Any) -> np.ndarray:
    """Return a parameter's tensor."""
    return data


def _widened(array: np.ndarray) -> np.ndarray:
    """Return numbers that numpy has: of bfloat16, float32."""
    if not isinstance(array, _Bf16):
        return array
    return (np.asarray(array).astype(np.uint32) << 16).view(np.float32).reshape(array.shape)
