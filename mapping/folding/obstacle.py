"""Why a population is not exact."""

from __future__ import annotations

from typing import NamedTuple

from .. import trained
from ..certificate.neurons import Exhausted, Undecided, Unproved
from ..certificate.second import ENUMERATED
from ..claims import Cause
from ..value import WIDTH_MAX

#: Bits of the data's lattice, beside which thresholds, starts and v * num have room.
DATA_BITS = WIDTH_MAX - 5


class Obstacle(NamedTuple):
    """What keeps a population from a proof.

    Attributes
    ----------
        cause: for programs. reason: one sentence about this population, for people.
    """

    cause: Cause
    reason: str


def met(error: Unproved) -> Obstacle:
    """Return what a search has met."""
    if isinstance(error, Undecided):
        return Obstacle(Cause.UNDECIDED, str(error))
    return Obstacle(Cause.BUDGET if isinstance(error, Exhausted) else Cause.WIDTH, str(error))


def too_wide(bits: int) -> Obstacle:
    """Say that data takes so many bits that none are left for a proof."""
    what = f"its data alone takes {bits} bits, and a proof has room for {DATA_BITS}"
    return Obstacle(Cause.WIDTH, what)


def too_many(count: int, values: str) -> Obstacle:
    """Say that so many lattice values are not gone through."""
    what = f"{count:,} values of {values} are too many to go through ({ENUMERATED:,} at most)"
    return Obstacle(Cause.COUNT, what)


def gate_obstacle(gate: trained.Gate) -> Obstacle:
    """Name a gate that no table of integers is."""
    if gate.table is None and gate.constant is None:
        return Obstacle(Cause.GATE, "its gate is a table of the sigmoid")
    what = "factors are not all multiples of 1/256 below 1"
    if gate.table is None:
        return Obstacle(Cause.GATE, f"its gate's constant {what}, and were rounded")
    return Obstacle(Cause.GATE, f"its gate's table was rounded: its {what}, or its sums too fine")
