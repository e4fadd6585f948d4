"""The bits of a model under training, counted as the papers count them: ``mapping.cost.size``."""

from __future__ import annotations

from mapping.cost.size import REAL, Size, norms, weighted

from .graph import SpikingNetwork
from .norm import Dyadic
from .ops import Weighted
from .weights import Real


def size(model: SpikingNetwork) -> Size:
    """Count the bits of a model."""
    total = Size()
    for _, c in model.connections():
        if c.op.geometry().bits:
            total += _weighted(c.op, normed=c.norm is not None)
        if c.norm is not None:
            total += norms((c.norm.gain if isinstance(c.norm, Dyadic) else c.norm.weight).numel())
        if c.gate is not None:
            total += Size(gates=REAL * c.gate.alpha.numel())
    return total


def _weighted(op: Weighted, normed: bool) -> Size:
    biases = 0 if op.bias is None else op.bias.numel()
    scales = 0
    if not (normed or isinstance(op.kind, Real) or op.kind.scale == "none"):
        scales = len(op.weight) if op.kind.scale == "channel" else 1
    return weighted(op.weight.numel(), op.kind.bits, biases, scales)
