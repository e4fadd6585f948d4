"""The bits of a trained model, counted as the papers count them.

A one-bit weight is 1 bit, a fixed-point weight its bits, a real one 32; a bias as the weights of
its layer, but 32 bits beside one-bit weights. A batch norm is gamma and beta, 32 bits each: its
statistics and the scale of its layer fold into these two. What the papers leave out stands apart:
the gates' alphas, and the scales of layers without a batch norm. What the folded integers need is
another matter: ``training.mapped``.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from .graph import SpikingNetwork
from .norm import Dyadic
from .ops import Weighted
from .weights import Bipolar, Real

#: Bits of a real number.
REAL = 32


@dataclass(frozen=True)
class Size:
    """Bits, by what they hold.

    Attributes
    ----------
        one_bit, fixed, real: weights. biases, norms: of layers.
        gates, scales: apart, not in ``total``.
        parameters: how many numbers ``total`` counts.
    """

    one_bit: int = 0
    fixed: int = 0
    real: int = 0
    biases: int = 0
    norms: int = 0
    gates: int = 0
    scales: int = 0
    parameters: int = 0

    def __add__(self, other: Size) -> Size:
        both = (getattr(self, f.name) + getattr(other, f.name) for f in fields(self))
        return Size(*both)

    @property
    def total(self) -> int:
        """Bits of weights, biases and batch norms."""
        return self.one_bit + self.fixed + self.real + self.biases + self.norms

    @property
    def total_bytes(self) -> int:
        """The same in bytes, the last one whole."""
        return -(-self.total // 8)


def size(model: SpikingNetwork) -> Size:
    """Count the bits of a model."""
    found = Size()
    for _, c in model.connections():
        if isinstance(c.op, Weighted):
            found += _weighted(c.op, normed=c.norm is not None)
        if c.norm is not None:
            numbers = 2 * (c.norm.gain if isinstance(c.norm, Dyadic) else c.norm.weight).numel()
            found += Size(norms=REAL * numbers, parameters=numbers)
        if c.gate is not None:
            found += Size(gates=REAL * c.gate.alpha.numel())
    return found


def _weighted(op: Weighted, normed: bool) -> Size:
    one_bit, real = isinstance(op.kind, Bipolar), isinstance(op.kind, Real)
    weights, biases = op.weight.numel(), 0 if op.bias is None else op.bias.numel()
    kind = "one_bit" if one_bit else "real" if real else "fixed"
    scales = 0
    if not (normed or real or op.kind.scale == "none"):
        scales = len(op.weight) if op.kind.scale == "channel" else 1
    found = Size(
        biases=biases * (REAL if one_bit else op.kind.bits),
        scales=REAL * scales,
        parameters=weights + biases,
    )
    return found + Size(**{kind: weights * op.kind.bits})
