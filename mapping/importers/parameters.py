"""Files of trained numbers by their suffix: one array, or names and arrays."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from .. import confined, plain, tensors
from ..confined import mat, torch_zip

#: Most bytes of the arrays of a file.
MOST = confined.Limits().answer
_torch = partial(confined.read, torch_zip)
#: How a file is read; those that need a library, or a pickle, in a child process.
READERS: dict[str, Callable[[Path], Any]] = {
    ".npy": partial(plain.npy, most=MOST),
    ".npz": partial(plain.npz, most=MOST),
    ".mat": partial(confined.read, mat),
    ".safetensors": partial(tensors.read, most=MOST),
    ".pt": _torch,
    ".pth": _torch,
}


def state(path: Path) -> dict[str, np.ndarray]:
    """Read the parameters of a model by name: .safetensors, .npz, else a torch state dict.

    Raises
    ------
        FileError: missing, damaged or of another form; one sentence.
    """
    read = READERS[path.suffix] if path.suffix in (".safetensors", ".npz") else _torch
    return read(path)
