"""A trained connection as ``current_c = A_c * acc_c + B_c``, in exact numbers."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from .. import trained
from ..certificate.exact import Real, Surd
from ..ops import Op


@dataclass(frozen=True)
class Affine:
    """One connection, A_c = sign_c * a_c / sqrt(w_c).

    Attributes
    ----------
        op: the connection's op, weights flipped where A was negative.
        sign: (C,) int64, -1 where A is negative and there are no weights to flip.
        a: (C,) rationals >= 0; w: (C,) rationals > 0.
        b: (C,) Surds over w.
        flips: (C,) int64, -1 where the op's weights were flipped.
        unit: worth of the integer 1 of the source.
    """

    op: Op
    sign: np.ndarray
    a: list[Fraction]
    w: list[Fraction]
    b: list[Surd]
    flips: np.ndarray
    unit: Fraction

    def slope(self, i: int) -> Real:
        """Return |A| of a channel."""
        a, w = self.a[i], self.w[i]
        return Real(a) if w == 1 or not a else Real(Fraction(0), ((w, a / w),))


def affine(connection: trained.Connection, channels: int, unit: Fraction, gain: Fraction) -> Affine:
    """Read a connection exactly; the stored floats are the parameters.

    Args:
        channels: of its output. unit: worth of the integer 1 of the source. gain: of the neuron's
            input.
    """
    op, norm = connection.op, connection.norm
    a, w, b = [], [], []
    sign = np.ones(channels, np.int64)
    for i in range(channels):
        scale, bias = Fraction(connection.scale[i]), Fraction(connection.bias[i])
        if norm is None:
            slope, root, offset = scale * unit * gain, Fraction(1), Surd(bias * gain)
        else:
            gamma, root = Fraction(norm.gamma[i]), Fraction(norm.var[i]) + Fraction(norm.eps)
            slope = gamma * scale * unit * gain
            shift = gamma * (bias - Fraction(norm.mean[i])) * gain
            offset = Surd(Fraction(norm.beta[i]) * gain, shift / root, root)
        if slope < 0:
            sign[i], slope = -1, -slope
        a.append(slope)
        w.append(root)
        b.append(offset)
    flipped, left = op.flipped(sign)
    return Affine(flipped, left, a, w, b, sign * left, unit)


def bias_of(currents: list[Affine], i: int) -> Real:
    """Return the sum of B of a channel's connections."""
    total = Real()
    for current in currents:
        total += Real.of(current.b[i])
    return total
