"""A trained connection as ``current_c = A_c * acc_c + B_c``, in exact numbers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from . import trained
from .exact import Real, Surd, rational_root
from .intervals import Interval
from .ops import Conv, Dense, Op

#: Largest whole numbers to which the scales of two connections may stand to be merged.
RATIO = 256


@dataclass(frozen=True)
class Affine:
    """One connection, A_c = sign_c * a_c / sqrt(w_c).

    Attributes
    ----------
        op: the connection's op, weights flipped where A was negative.
        sign: (C,) int64, -1 where A is negative and there are no weights to flip.
        a: (C,) rationals >= 0; w: (C,) rationals > 0.
        b: (C,) Surds over w.
    """

    op: Op
    sign: np.ndarray
    a: list[Fraction]
    w: list[Fraction]
    b: list[Surd]


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
    if isinstance(op, Dense | Conv):
        flips = sign.astype(np.int8).reshape(-1, *(1 for _ in op.weights.shape[1:]))
        return Affine(replace(op, weights=op.weights * flips), np.ones_like(sign), a, w, b)
    return Affine(op, sign, a, w, b)


@dataclass
class Group:
    """Connections whose scales stand to each other in whole numbers: one lattice.

    Attributes
    ----------
        members: indices of connections. times: per member, (C,) whole factors of the unit.
        a, w: the unit per channel, a / sqrt(w).
        low, high: (C,) int64, the range of the sum of times * acc.
    """

    members: list[int]
    times: list[np.ndarray]
    a: list[Fraction]
    w: list[Fraction]
    low: np.ndarray
    high: np.ndarray

    def unit(self, i: int) -> Real:
        """Return A of a channel."""
        a, w = self.a[i], self.w[i]
        return Real(a) if w == 1 else Real(Fraction(0), ((w, a / w),))

    def divided(self, i: int, x: Real) -> Real:
        """Return x / A of a channel with A > 0."""
        return x.times_root(self.w[i]) * (1 / self.a[i])


def groups(lines: list[Affine], accs: list[Interval]) -> list[Group]:
    """Merge connections whose scales stand in small whole numbers, in every channel."""
    found: list[Group] = []
    for k, (line, acc) in enumerate(zip(lines, accs, strict=True)):
        hears = np.array([bool(a) for a in line.a])  # where A is 0, nothing arrives
        low = np.where(line.sign > 0, acc.low, -acc.high) * hears
        high = np.where(line.sign > 0, acc.high, -acc.low) * hears
        for group in found:
            if _join(group, k, line, low, high):
                break
        else:
            once = [line.sign * hears]
            found.append(Group([k], once, list(line.a), list(line.w), low, high))
    return found


def _join(group: Group, k: int, line: Affine, low: np.ndarray, high: np.ndarray) -> bool:
    pairs: list[tuple[int, int]] = []
    for a, w, b, v in zip(group.a, group.w, line.a, line.w, strict=True):
        if not a or not b:
            pairs.append((1 if b else 0, 1))
            continue
        ratio = Fraction(b, a) if v == w else rational_root((b / a) ** 2 * w / v)
        if ratio is None or max(ratio.numerator, ratio.denominator) > RATIO:
            return False
        pairs.append((ratio.numerator, ratio.denominator))
    up, down = (np.array(x, np.int64) for x in zip(*pairs, strict=True))
    for i, (a, b) in enumerate(zip(group.a, line.a, strict=True)):
        if not a and b:
            group.a[i], group.w[i] = b, line.w[i]
        else:
            group.a[i] = a / int(down[i])
    group.times = [t * down for t in group.times] + [line.sign * up]
    group.members.append(k)
    group.low, group.high = group.low * down + low * up, group.high * down + high * up
    return True
