"""The real scales that meet in a population: connections on one lattice are merged into one."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from ..budgets import RATIO
from ..certificate.exact import Real, rational_root
from ..intervals import Interval
from ..value import WIDTH_MAX
from .affine import Affine


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
        """Return x / A of a channel, or x where A is 0."""
        return x.times_root(self.w[i]) * (1 / self.a[i]) if self.a[i] else x

    def gains(self, worth: list[int]) -> dict[int, list[int]]:
        """Return the gains of each member, by the integers that the unit is worth per channel."""
        return {
            member: [int(t) * g for t, g in zip(times, worth, strict=True)]
            for member, times in zip(self.members, self.times, strict=True)
        }

    @property
    def alike(self) -> bool:
        """Whether all channels have the same A."""
        a, w = self.a[0], self.w[0]
        return all(b * b * w == a * a * v for b, v in zip(self.a, self.w, strict=True))


def groups(currents: list[Affine], accs: list[Interval]) -> list[Group]:
    """Merge connections whose scales stand in small whole numbers, in every channel."""
    merged: list[Group] = []
    for k, (current, acc) in enumerate(zip(currents, accs, strict=True)):
        hears = np.array([bool(a) for a in current.a])  # where A is 0, nothing arrives
        low = np.where(current.sign > 0, acc.low, -acc.high) * hears
        high = np.where(current.sign > 0, acc.high, -acc.low) * hears
        for group in merged:
            if _join(group, k, current, low, high):
                break
        else:
            once = [current.sign * hears]
            merged.append(Group([k], once, list(current.a), list(current.w), low, high))
    return merged


def _join(group: Group, k: int, current: Affine, low: np.ndarray, high: np.ndarray) -> bool:
    pairs: list[tuple[int, int]] = []
    for a, w, b, v in zip(group.a, group.w, current.a, current.w, strict=True):
        if not a or not b:
            pairs.append((1 if b else 0, 1))
            continue
        ratio = Fraction(b, a) if v == w else rational_root((b / a) ** 2 * w / v)
        if ratio is None or max(ratio.numerator, ratio.denominator) > RATIO:
            return False
        pairs.append((ratio.numerator, ratio.denominator))
    up, down = (np.array(x, np.int64) for x in zip(*pairs, strict=True))
    # in Python's integers: a sum that does not fit is no lattice of this group
    sums = [
        x.astype(object) * down + y.astype(object) * up
        for x, y in ((group.low, low), (group.high, high))
    ]
    if max(max(abs(x)) for x in sums) >= 1 << (WIDTH_MAX - 2):
        return False
    for i, (a, b) in enumerate(zip(group.a, current.a, strict=True)):
        if not a and b:
            group.a[i], group.w[i] = b, current.w[i]
        else:
            group.a[i] = a / int(down[i])
    group.times = [t * down for t in group.times] + [current.sign * up]
    group.members.append(k)
    group.low, group.high = (x.astype(np.int64) for x in sums)
    return True


@dataclass(frozen=True)
class Side:
    """Per channel one of the groups.

    Attributes
    ----------
        group: (C,) its index. low, high: (C,) int64, the range of its lattice in one step.
    """

    group: np.ndarray
    low: np.ndarray
    high: np.ndarray


@dataclass(frozen=True)
class Scales:
    """The scales of a population.

    Attributes
    ----------
        groups: of its connections. unit: per channel, the one by which everything is divided.
        other: the second one, whose lattice values are enumerated, or None.
    """

    groups: list[Group]
    unit: Side
    other: Side | None = None

    @classmethod
    def of(cls, currents: list[Affine], accs: list[Interval]) -> Scales:
        """Take the group of the most values as unit, and the other where that one's A is 0."""
        merged = groups(currents, accs)
        if len(merged) == 1:
            (group,) = merged
            return cls(merged, Side(np.zeros(len(group.a), int), group.low, group.high))
        spans = [int((g.high - g.low).max()) for g in merged]
        most = int(np.argmax(spans))
        rest = min(k for k in range(len(merged)) if k != most)
        unit = np.array([most if a else rest for a in merged[most].a])

        def side(which: np.ndarray) -> Side:
            low = [merged[k].low[i] for i, k in enumerate(which)]
            high = [merged[k].high[i] for i, k in enumerate(which)]
            return Side(which, np.array(low, np.int64), np.array(high, np.int64))

        return cls(merged, side(unit), side(most + rest - unit))

    def unit_of(self, i: int) -> Group:
        """Return the group that is the unit of a channel."""
        return self.groups[int(self.unit.group[i])]
