"""The bits of a trained network, counted as the papers count them.

A one-bit weight is 1 bit, a fixed-point weight its bits, a real one 32; a bias as the weights of
its layer, but 32 bits beside one-bit weights. A batch norm is gamma and beta, 32 bits each: its
statistics and the scale of its layer fold into these two. What the papers leave out stands apart:
the gates' alphas, and the scales of layers without a batch norm. What the folded integers need is
another matter: ``mapping.cost.storage``.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from ..trained import Connection, TrainedNetwork

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


def weighted(weights: int, bits: int, biases: int, scales: int) -> Size:
    """Return the bits of a layer's own numbers.

    Args:
        weights, biases, scales: how many there are. bits: of a weight; 32 are real numbers.
    """
    kind = {1: "one_bit", REAL: "real"}.get(bits, "fixed")
    return Size(
        **{kind: weights * bits},
        biases=biases * (REAL if bits == 1 else bits),
        scales=REAL * scales,
        parameters=weights + biases,
    )


def norms(channels: int) -> Size:
    """Return the bits of a batch norm."""
    return Size(norms=REAL * 2 * channels, parameters=2 * channels)


def size(network: TrainedNetwork) -> Size:
    """Count the bits of a trained network; a bias of zeros, and a scale of ones, is none."""
    total = Size()
    for p in network.populations:
        for c in p.connections:
            if c.op.bits:
                biases = len(c.bias) if c.bias.any() else 0
                weights = c.op.weight_bits // c.op.bits
                total += weighted(weights, c.op.bits, biases, _scales(c))
            if c.norm is not None:
                total += norms(len(c.norm.gamma))
            if c.gate is not None:
                total += Size(gates=REAL * c.gate.alpha.size)
    return total


def _scales(c: Connection) -> int:
    """Return how many scales a layer keeps: none beside a batch norm, one if all are the same."""
    if c.norm is not None or (c.scale == 1).all():
        return 0
    return 1 if (c.scale == c.scale[0]).all() else len(c.scale)
