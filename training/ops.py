"""What a connection computes, as trained: Dense, Conv, Pool, Identity, named as in ``mapping``.

An operator sums whole numbers (spikes or pixels) with whole weights first, which float32 does
exactly, and multiplies with the scale once: the trained model meets its ties where the integers do.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from mapping import ops as mapped

from .weights import Weights


class Op(nn.Module):
    """Of (samples, *shape); ``unit`` is what the integer 1 of the source is worth."""

    def forward(self, x: torch.Tensor, unit: float = 1.0) -> torch.Tensor:
        """Return (samples, *out_shape)."""
        return self.both(x, unit)[1]

    def both(self, x: torch.Tensor, unit: float) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the sum of whole products alone, and what ``forward`` makes of it."""
        raise NotImplementedError

    def exported(self) -> tuple[Any, Any, Any]:
        """Return the operator of ``mapping.ops``, its scale and its bias, per output channel."""
        raise NotImplementedError

    def geometry(self) -> mapped.Op:
        """Return an operator of ``mapping.ops`` whose shapes are this one's; weights are all 1."""
        return self.exported()[0]


class Weighted(Op):
    """Weights of one kind in one geometry, with an optional bias."""

    def __init__(self, shape: tuple[int, ...], weights: Weights, bias: bool) -> None:
        super().__init__()
        self.kind = weights
        fan = math.prod(shape[1:])
        self.weight = nn.Parameter(torch.empty(shape).uniform_(-1, 1) / fan**0.5)
        self.bias = nn.Parameter(torch.zeros(shape[0])) if bias else None

    def both(self, x: torch.Tensor, unit: float) -> tuple[torch.Tensor, torch.Tensor]:
        """Return acc, and ``scale * unit * acc + bias``."""
        whole, scale = self.kind(self.weight)
        acc = self.accumulate(x, whole)
        y = acc * wide(scale * unit, acc)
        return acc, y if self.bias is None else y + wide(self.bias, y)

    def accumulate(self, x: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        """Return the sum of products."""
        raise NotImplementedError

    def operator(self, weights: Any, bits: int) -> mapped.Op:
        """Return the operator of ``mapping.ops`` with these integer weights."""
        raise NotImplementedError

    def geometry(self) -> mapped.Op:
        """See Op."""
        return self.operator(np.ones(self.weight.shape, np.int8), 1)

    def exported(self) -> tuple[Any, Any, Any]:
        """See Op."""
        weights, scale, bias = self.whole()
        return self.operator(weights, self.kind.bits), scale, bias

    def signs(self) -> torch.Tensor:
        """Return whether each weight counts as a positive number."""
        return self.kind(self.weight)[0] > 0

    def whole(self) -> tuple[Any, Any, Any]:
        """Return integer weights, scale and bias as arrays.

        Raises
        ------
            ValueError: the weights are real, or not finite.
        """
        if self.kind.bits > 8:
            raise ValueError("has full-precision weights, which cannot be mapped")
        if not torch.isfinite(self.weight).all():
            raise ValueError("has weights that are not finite: the training diverged")
        with torch.no_grad():
            weights, scale = self.kind(self.weight)
        bias = 0.0 if self.bias is None else array(self.bias)
        return array(weights).astype("int8"), array(scale), bias


class Dense(Weighted):
    """Fully connected; the source is flattened."""

    def __init__(self, inputs: int, outputs: int, weights: Weights, bias: bool = False) -> None:
        super().__init__((outputs, inputs), weights, bias)

    def accumulate(self, x: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        """Return (samples, outputs)."""
        return functional.linear(x.flatten(1), weights)

    def operator(self, weights: Any, bits: int) -> mapped.Op:
        """See Weighted."""
        return mapped.Dense(weights, bits)


class Conv(Weighted):
    """A square 2-D convolution."""

    def __init__(
        self, inputs: int, outputs: int, size: int, weights: Weights, stride: int = 1,
        padding: int | None = None, groups: int = 1, bias: bool = False,
    ) -> None:  # fmt: skip
        super().__init__((outputs, inputs // groups, size, size), weights, bias)
        self.stride, self.groups = stride, groups
        self.padding = size // 2 if padding is None else padding

    def accumulate(self, x: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        """Return (samples, outputs, rows, cols)."""
        return functional.conv2d(x, weights, None, self.stride, self.padding, 1, self.groups)

    def operator(self, weights: Any, bits: int) -> mapped.Op:
        """See Weighted."""
        return mapped.Conv(weights, self.stride, self.padding, groups=self.groups, bits=bits)


class Pool(Op):
    """Window sum (times ``1 / area`` if ``mean``) or maximum, per channel."""

    def __init__(
        self, size: int, stride: int | None = None, padding: int = 0, kind: str = "mean"
    ) -> None:
        super().__init__()
        if kind not in ("mean", "sum", "max"):
            raise ValueError(f"kind of a Pool must be mean, sum or max, not {kind!r}")
        self.size, self.stride, self.padding, self.kind = size, stride or size, padding, kind
        self.scale = 1 / size**2 if kind == "mean" else 1.0

    def both(self, x: torch.Tensor, unit: float) -> tuple[torch.Tensor, torch.Tensor]:
        """Return (samples, channels, rows, cols) of sums or maxima, and in the network's unit."""
        if self.kind == "max":
            pooled = functional.max_pool2d(x, self.size, self.stride, self.padding)
            return pooled, pooled * unit
        factor = unit * self.scale
        pooled = functional.avg_pool2d(x, self.size, self.stride, self.padding, divisor_override=1)
        return pooled, pooled * factor

    def exported(self) -> tuple[Any, Any, Any]:
        """See Op."""
        kind = "max" if self.kind == "max" else "sum"
        return mapped.Pool(self.size, self.stride, self.padding, kind), self.scale, 0.0


class Identity(Op):
    """The source itself: skips, and neurons that read a stream."""

    def both(self, x: torch.Tensor, unit: float) -> tuple[torch.Tensor, torch.Tensor]:
        """Return x, and x in the unit of the network."""
        return x, x if unit == 1.0 else x * unit

    def exported(self) -> tuple[Any, Any, Any]:
        """See Op."""
        return mapped.Identity(), 1.0, 0.0


def wide(channels: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """Shape one number per channel to broadcast over (samples, channels, ...)."""
    return channels if channels.ndim == 0 else channels.reshape(-1, *(1 for _ in like.shape[2:]))


def array(parameter: torch.Tensor) -> Any:
    """Return a parameter as float64, its float32 values taken as exact."""
    return parameter.detach().cpu().double().numpy()
