"""What a connection computes of its source: the operators that both network values share.

``acc = op(source)``, linear but for the max pool. Weights are bipolar, one bit (-1 or +1), or
signed symmetric integers of 2 to 8 bits. Channels are axis 0 of a shape, ``(C,)`` or
``(C, rows, cols)``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from .value import Value, choice, first_odd, frozen, integer

Shape = tuple[int, ...]


def bipolar(weights: np.ndarray, where: str = "weights") -> tuple[np.ndarray, np.ndarray]:
    """Split real, two-valued weights into signs and a scale.

    Args:
        weights: (out, ...) real numbers, each output channel holding only -a and +a, a > 0.
        where: what the weights are called in an error.

    Returns
    -------
        int8 signs of the same shape, and float64 scales a of shape (out,).

    Raises
    ------
        ValueError: a weight is NaN or infinite, or a channel is not {-a, +a}; it is named.
    """
    array = np.asarray(weights)
    if array.dtype.kind not in "iuf" or array.ndim < 2:
        raise TypeError(f"{where} must be real numbers of shape (out, ...), not {array.dtype}")
    if array.size == 0:
        raise ValueError(f"{where} must not be empty, and have shape {array.shape}")
    array = array.astype(np.float64)
    if not np.isfinite(array).all():
        raise ValueError(f"{where} must be finite; they hold {first_odd(array)}")
    flat = np.abs(array.reshape(len(array), -1))
    scale = flat[:, 0]
    odd = np.flatnonzero((flat != scale[:, None]).any(axis=1) | (scale == 0))
    if odd.size:
        channel = int(odd[0])
        values = sorted(set(array[channel].ravel().tolist()))[:4]
        raise ValueError(
            f"{where} must be two-valued {{-a, +a}} in each output channel; "
            f"channel {channel} holds {values}: binarise it first"
        )
    return np.where(array > 0, 1, -1).astype(np.int8), scale


def _weights(value: Any, bits: int, ndim: int, what: str) -> np.ndarray:
    array = np.asarray(value)
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ValueError(f"{what} must be finite; they hold {first_odd(array)}")
    if array.dtype.kind == "f" and (array == np.rint(array)).all():
        pass
    elif array.dtype.kind not in "iu":
        raise TypeError(
            f"{what} must be integers (bipolar() splits real weights), not {array.dtype}"
        )
    if array.ndim != ndim or array.size == 0:
        raise ValueError(f"{what} must have {ndim} axes, none empty, not shape {array.shape}")
    if bits == 1:
        if not np.isin(array, (-1, 1)).all():
            odd = array[~np.isin(array, (-1, 1))].flat[0]
            raise ValueError(f"{what} must be two-valued, -1 or +1, but hold {odd.item()!r}")
    elif np.abs(array).max() > (1 << (bits - 1)) - 1:
        raise ValueError(f"{what} of {bits} bits must lie within +-{(1 << (bits - 1)) - 1}")
    return frozen(array.astype(np.int8))


@dataclass(frozen=True, eq=False, repr=False)
class Dense(Value):
    """Fully connected: ``acc = weights @ source.ravel()``.

    Attributes
    ----------
        weights: (out, in) int8; the source is flattened in C order.
        bits: 1 for bipolar weights {-1, +1}, 2 to 8 for signed symmetric integers.
    """

    weights: np.ndarray
    bits: int = 1

    def __post_init__(self) -> None:
        bits = integer(self.bits, "bits of Dense weights", 1, 8)
        self.set(bits=bits, weights=_weights(self.weights, bits, 2, "weights of a Dense"))

    def out_shape(self, shape: Shape) -> Shape:
        """Shape of acc for a source of this shape."""
        if math.prod(shape) != self.weights.shape[1]:
            raise ValueError(
                f"Dense weights of shape {self.weights.shape} need a source of "
                f"{self.weights.shape[1]} values, not {math.prod(shape)} (shape {shape})"
            )
        return (self.weights.shape[0],)


def _pair(value: Any, what: str, low: int) -> tuple[int, int]:
    pair = value if isinstance(value, (tuple, list)) else (value, value)
    if len(pair) != 2:
        raise ValueError(f"{what} must be one integer or two, not {value!r}")
    return integer(pair[0], what, low), integer(pair[1], what, low)


def _window(shape: Shape, kernel: Shape, stride: Shape, padding: Shape, dilation: Shape) -> Shape:
    sizes = []
    for n, k, s, p, d in zip(shape[1:], kernel, stride, padding, dilation, strict=True):
        size = (n + 2 * p - d * (k - 1) - 1) // s + 1
        if size < 1:
            raise ValueError(f"a {kernel} window does not fit a source of shape {shape}")
        sizes.append(size)
    return tuple(sizes)


@dataclass(frozen=True, eq=False, repr=False)
class Conv(Value):
    """2-D convolution (cross-correlation, as the frameworks compute it); padding is 0.

    Attributes
    ----------
        weights: (out, in / groups, rows, cols) int8.
        stride, padding, dilation: (rows, cols), or one integer for both.
        groups: number of channel groups.
        bits: as of Dense.
    """

    weights: np.ndarray
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1
    bits: int = 1

    def __post_init__(self) -> None:
        bits = integer(self.bits, "bits of Conv weights", 1, 8)
        weights = _weights(self.weights, bits, 4, "weights of a Conv")
        groups = integer(self.groups, "groups of a Conv", 1)
        if weights.shape[0] % groups:
            raise ValueError(f"groups of a Conv must divide its {weights.shape[0]} channels")
        self.set(
            bits=bits,
            weights=weights,
            groups=groups,
            stride=_pair(self.stride, "stride of a Conv", 1),
            padding=_pair(self.padding, "padding of a Conv", 0),
            dilation=_pair(self.dilation, "dilation of a Conv", 1),
        )

    def out_shape(self, shape: Shape) -> Shape:
        """Shape of acc for a source of this shape."""
        out, fan, *kernel = self.weights.shape
        if len(shape) != 3 or shape[0] != fan * self.groups:
            raise ValueError(f"Conv needs a source of shape ({fan * self.groups}, rows, cols)")
        return (out, *_window(shape, tuple(kernel), self.stride, self.padding, self.dilation))


@dataclass(frozen=True, eq=False, repr=False)
class Pool(Value):
    """Window sum or maximum per channel; the maximum of spikes is their OR.

    Attributes
    ----------
        kernel: (rows, cols). stride: defaults to the kernel. padding: zeros around.
        kind: ``"sum"`` or ``"max"``.
    """

    kernel: tuple[int, int]
    stride: tuple[int, int] | None = None
    padding: tuple[int, int] = (0, 0)
    kind: str = "sum"

    def __post_init__(self) -> None:
        kernel = _pair(self.kernel, "kernel of a Pool", 1)
        stride = kernel if self.stride is None else _pair(self.stride, "stride of a Pool", 1)
        self.set(
            kernel=kernel,
            stride=stride,
            padding=_pair(self.padding, "padding of a Pool", 0),
            kind=choice(self.kind, "kind of a Pool", ("sum", "max")),
        )

    def out_shape(self, shape: Shape) -> Shape:
        """Shape of acc for a source of this shape."""
        if len(shape) != 3:
            raise ValueError(f"Pool needs a source of shape (channels, rows, cols), not {shape}")
        return (shape[0], *_window(shape, self.kernel, self.stride, self.padding, (1, 1)))


@dataclass(frozen=True, eq=False, repr=False)
class Identity(Value):
    """``acc`` is the source itself: joins, streams, neurons that read a stream."""

    def out_shape(self, shape: Shape) -> Shape:
        """Shape of acc for a source of this shape."""
        return shape


Op = Dense | Conv | Pool | Identity
OPS: tuple[type, ...] = (Dense, Conv, Pool, Identity)
