"""What runs in the child process: each reader gets an open file and returns a plain tree.

A reader raises ValueError with the rest of a sentence that begins with the file's name.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from typing import Any, BinaryIO

import numpy as np

Reader = Callable[[BinaryIO, int], Any]

#: Bytes that one byte of a file may at most stand for: deflate reaches 1032.
FACTOR = 1100
#: Most bytes of arrays, nested groups and objects of a file.
TOTAL, DEPTH, OBJECTS = 160 << 20, 12, 100_000
#: HDF5 filters that are read: gzip, shuffle, fletcher32, lzf.
FILTERS = {1, 2, 3, 32000}


def load(parser: str) -> Reader:
    """Import a parser and use it once, so that the child need not open any file for it."""
    if parser == "hdf5":
        import h5py

        with h5py.File(io.BytesIO(), "w") as file:
            file.create_dataset("x", data=np.arange(9), compression="gzip")
            file.create_dataset("s", data="x", dtype=h5py.string_dtype())
            file["t"] = np.array([[b"a", b"b"]])
            _group(file, 1 << 20, [0, 0], 0)
        return hdf5
    if parser == "mat":
        import scipy.io

        buffer = io.BytesIO()
        scipy.io.savemat(buffer, {"x": np.eye(2)}, do_compression=True)
        mat(io.BytesIO(buffer.getvalue()), len(buffer.getvalue()))
        return mat
    if parser == "torch":
        import torch

        if tuple(int(n) for n in torch.__version__.split(".")[:2]) < (2, 10):
            raise ValueError(f"state dicts need torch >= 2.10, not {torch.__version__}")
        buffer = io.BytesIO()
        torch.save({"x": torch.zeros(2)}, buffer)
        state_dict(io.BytesIO(buffer.getvalue()), len(buffer.getvalue()))
        return state_dict
    raise ValueError(f"no parser {parser!r}")


def hdf5(file: BinaryIO, size: int) -> dict[str, Any]:
    """Read an HDF5 file of plain groups and datasets."""
    import h5py

    if file.read(8) != b"\x89HDF\r\n\x1a\n":
        raise ValueError("is not an HDF5 file, or is truncated")
    file.seek(0)
    with h5py.File(file, "r") as opened:
        return _group(opened, size, [0, 0], 0)


def _group(group: Any, size: int, used: list[int], depth: int) -> dict[str, Any]:
    """Return a group's tree; ``used`` counts objects and bytes."""
    import h5py

    if depth > DEPTH:
        raise ValueError(f"nests groups more than {DEPTH} deep")
    found: dict[str, Any] = {}
    for name in group:
        used[0] += 1
        if used[0] > OBJECTS:
            raise ValueError(f"holds more than {OBJECTS} objects")
        link = group.get(name, getlink=True)
        where = f"{group.name.rstrip('/')}/{name}"
        if not isinstance(link, h5py.HardLink):
            raise ValueError(f"links {where!r} to another place ({type(link).__name__})")
        item = group[name]
        if isinstance(item, h5py.Group):
            found[name] = _group(item, size, used, depth + 1)
        elif isinstance(item, h5py.Dataset):
            found[name] = _dataset(item, where, size, used)
        else:
            raise ValueError(f"holds {where!r}, neither a group nor a dataset")
    return found


def _dataset(item: Any, where: str, size: int, used: list[int]) -> Any:
    import h5py

    if item.external or item.is_virtual:
        raise ValueError(f"stores {where!r} in another file")
    plist = item.id.get_create_plist()
    for index in range(plist.get_nfilters()):
        code = plist.get_filter(index)[0]
        if code not in FILTERS:
            raise ValueError(f"stores {where!r} through filter {code}, which is not read")
    if item.shape is None:
        raise ValueError(f"holds {where!r} without a shape")
    text = h5py.check_string_dtype(item.dtype)
    width = 64 if text is not None and text.length is None else item.dtype.itemsize
    count = int(np.prod(item.shape, dtype=object)) if item.shape else 1
    used[1] += count * width
    if count * width > FACTOR * size or used[1] > TOTAL:
        raise ValueError(
            f"holds {where!r} of declared {count * width} bytes, more than its {size} can hold"
        )
    if text is not None:
        value = item[()]
        flat = value.ravel().tolist() if isinstance(value, np.ndarray) else [value]
        words = [_word(v, where) for v in flat]
        return words[0] if item.shape == () else _nested(words, item.shape)
    if item.dtype.kind not in "iufb" or item.dtype.itemsize > 8:
        raise ValueError(f"holds {where!r} of type {item.dtype}, no numbers of at most 8 bytes")
    value = np.asarray(item[()])
    return value.astype(value.dtype.newbyteorder("="))


def _word(value: Any, where: str) -> str:
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    if len(text) > 4096:
        raise ValueError(f"holds a string of {len(text)} characters in {where!r}")
    return text


def _nested(words: list[str], shape: tuple[int, ...]) -> list[Any]:
    if len(shape) == 1:
        return words
    if len(shape) > 2:
        raise ValueError(f"holds strings of shape {shape}")
    return [words[i * shape[1] : (i + 1) * shape[1]] for i in range(shape[0])]


def mat(file: BinaryIO, size: int) -> dict[str, np.ndarray]:
    """Read a MATLAB file of version 4 to 7: its plain numeric arrays."""
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
        if kind not in ("double", "single", "int8", "uint8", "int16", "uint16", "int32", "uint32",
                        "int64", "uint64", "logical"):  # fmt: skip
            raise ValueError(f"holds {name!r} of class {kind}, no plain numbers")
        if total > min(TOTAL, FACTOR * size):
            raise ValueError(f"holds {name!r} of shape {shape}, more than {size} bytes can hold")
    file.seek(0)
    found = {}
    for name, value in scipy.io.loadmat(file, squeeze_me=False).items():
        if name.startswith("__"):
            continue
        if not isinstance(value, np.ndarray) or value.dtype.kind not in "iufb":
            raise ValueError(f"holds {name!r}, which is no array of real numbers")
        found[name] = value
    if not found:
        raise ValueError("holds no arrays")
    return found


def state_dict(file: BinaryIO, size: int) -> dict[str, np.ndarray]:
    """Read a torch state dict: names to tensors, weights_only."""
    import torch

    if file.read(4) != b"PK\x03\x04":
        raise ValueError("is not a torch file in the zip format, or is truncated")
    file.seek(0)
    try:
        value = torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        raise ValueError(
            "holds more than tensors, which weights_only refuses to load: save model.state_dict()"
        ) from None
    if not isinstance(value, dict):
        raise ValueError(f"holds a {type(value).__name__}, not a state dict")
    found, total = {}, 0
    for name, tensor in value.items():
        if not isinstance(name, str) or not isinstance(tensor, torch.Tensor):
            raise ValueError(f"holds {name!r}, a {type(tensor).__name__}: not a state dict; save "
                             "model.state_dict() by itself")  # fmt: skip
        if tensor.layout != torch.strided or tensor.is_quantized or tensor.dtype.is_complex:
            raise ValueError(f"holds {name!r}, a tensor that is not of plain numbers")
        total += tensor.numel() * 8
        if tensor.numel() * tensor.element_size() > size or total > TOTAL:
            raise ValueError(f"holds {name!r} of shape {tuple(tensor.shape)}, more than its file")
        tensor = tensor.detach()
        found[name] = (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy()
    return found
