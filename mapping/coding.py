"""Inputs at the door: checked and encoded once, for every backend alike."""

from __future__ import annotations

import hashlib

import numpy as np

from .ports import Input


def check(enter: Input, inputs: np.ndarray, timesteps: int) -> np.ndarray:
    """Check a batch of inputs and return it unsigned, as small as its bits allow.

    Args:
        enter: the network's input.
        inputs: (samples, T', *shape) for coding "steps" with 1 <= T' <= timesteps, else
            (samples, *shape); integers or bools of 0 .. 2**bits - 1.
        timesteps: T of the network.

    Raises
    ------
        TypeError, ValueError: a wrong dtype, shape or value, one sentence each.
    """
    array = np.asarray(inputs)
    steps = enter.coding == "steps"
    want = "(samples, T, " if steps else "(samples, "
    want += ", ".join(map(str, enter.shape)) + ")"
    if array.dtype.kind not in "iub":
        raise TypeError(f"inputs must be integers, not {array.dtype}")
    if array.ndim != 1 + steps + len(enter.shape) or array.shape[1 + steps :] != enter.shape:
        raise ValueError(f"inputs must have shape {want}, not {array.shape}")
    if len(array) == 0:
        raise ValueError("inputs must hold at least one sample")
    if steps and not 1 <= array.shape[1] <= timesteps:
        raise ValueError(
            f"inputs have {array.shape[1]} timesteps; this network runs 1 to {timesteps}"
        )
    low, high = int(array.min()), int(array.max())
    if low < 0 or high > enter.top:
        raise ValueError(
            f"inputs must lie within 0..{enter.top} ({enter.bits} bits), but hold "
            f"{low if low < 0 else high}"
        )
    return np.ascontiguousarray(array, np.uint8 if enter.bits <= 8 else np.uint16)


def encode(enter: Input, inputs: np.ndarray, timesteps: int) -> np.ndarray:
    """Return the integers that enter at each timestep, (samples, T', *shape), checked.

    A view without copies for direct coding (every timestep is the same tensor).
    """
    array = check(enter, inputs, timesteps)
    if enter.coding == "steps":
        return array
    if enter.coding == "latency":
        last = timesteps - 1 if enter.t_max is None else enter.t_max
        when = (enter.top - array.astype(np.int64)) * last // enter.top
        steps = np.arange(timesteps).reshape(-1, *(1 for _ in enter.shape))
        return (when[:, None] == steps).astype(np.uint8)
    shape = (len(array), timesteps, *enter.shape)
    return np.broadcast_to(array[:, None], shape)


class Digest:
    """The SHA-256 of inputs that come batch by batch: of shapes and values, whatever the dtype."""

    def __init__(self) -> None:
        self._hash, self._samples = hashlib.sha256(), 0

    def add(self, batch: np.ndarray) -> None:
        """Take the next samples.

        Raises
        ------
            TypeError: no integers or bools.
        """
        array = np.asarray(batch)
        if array.dtype.kind not in "iub":
            raise TypeError(f"inputs must be integers, not {array.dtype}")
        self._samples += len(array)
        for sample in array:
            small = sample.size == 0 or (sample.min() >= 0 and sample.max() < 256)
            dtype = np.dtype("u1" if small else "<i8")
            self._hash.update(f"{dtype.str} {sample.shape} ".encode())
            self._hash.update(np.ascontiguousarray(sample, dtype))

    @property
    def sha256(self) -> str:
        """The digest of all samples so far."""
        total = self._hash.copy()
        total.update(f"{self._samples} samples".encode())
        return total.hexdigest()


def digest(inputs: np.ndarray) -> str:
    """Return the SHA-256 of a batch of inputs: of its shape and its values, whatever its dtype.

    Raises
    ------
        TypeError: no integers or bools.
    """
    whole = Digest()
    whole.add(inputs)
    return whole.sha256
