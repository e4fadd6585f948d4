"""What a certificate claims, and what keeps it from claiming more: names for programs.

The sentences beside them are for people, and may be reworded at any time.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np

from .value import WIDTH_MAX, Value, choice, frozen, integer


class _Name(str, Enum):
    """A string of a few, which prints and is stored as such."""

    def __str__(self) -> str:
        return str(self.value)

    def __repr__(self) -> str:
        return repr(self.value)


class Kind(_Name):
    """What holds of a population against the trained one, given equal inputs, for every input."""

    #: It fires as the trained one.
    SPIKES = "spikes"
    #: Its integers are the trained numbers, in one unit for each channel; so it fires alike too.
    WHOLE = "whole"
    #: It orders the classes as the trained one, after every step.
    CLASSES = "classes"
    #: It fires as the trained one would with the gate's own table in the place of its gate.
    TABLE = "table"
    #: Its membranes keep the bound; nothing else is proved.
    ROUNDED = "rounded"


class Cause(_Name):
    """Why a population is not exact; the first that was met."""

    #: It fires as trained, but the order of membranes that are read out is not proved.
    ORDER = "order"
    #: A gate that no table of integers is.
    GATE = "gate"
    #: A leak that is not dyadic.
    LEAK = "leak"
    #: Real scales that have no common lattice.
    SCALES = "scales"
    #: A reset beside which nothing is proved.
    RESET = "reset"
    #: More bits than there are.
    WIDTH = "width"
    #: More values than are gone through.
    COUNT = "count"
    #: A comparison that no precision within reach decides.
    UNDECIDED = "undecided"
    #: A search that ended at its number of steps.
    BUDGET = "budget"


@dataclass(frozen=True, eq=False, repr=False)
class Certificate(Value):
    """What is known of one population against the trained one, given equal inputs.

    Attributes
    ----------
        exact: it does exactly what the trained population does, for every input.
        kind: what is proved of it.
        reason: why it is exact, or why it is only bounded; one sentence, for people.
        cause: why it is not exact; None if it is.
        fraction_bits: F. Of neurons that are proved the unit connection's gain is 2**F (0 where
            one fires by its bias alone); of rounded ones, F is that of the finest channel. Of a
            population without threshold, the bits by which its unit was made finer.
        lattice: (tables, T, C) int64, or None: the constants c of contract section 4, clamped
            to the reachable range. After n + 1 steps without a reset the trained neuron fires
            iff its lattice value reaches lattice[k, n]; table 0 counts from v_reset, table 1
            (present if it differs) from v_init.
        bound: of |v * unit - u| in units of the trained network, given equal inputs and the same
            spikes so far, or None; u is counted from v_rest where there is a threshold.
        unit: (C,) float64: what the integer 1 of v is worth in the trained network; 0 where a
            neuron fires by its bias alone. With a bound it is this very number, else the float64
            next to what may be irrational. A proved neuron fires alike, but biases far beyond
            the reach of its data may have been made smaller, so that v need not be u.
        failed: the ways to fold it that were tried before, each with the sentence why it failed.
    """

    exact: bool
    kind: Kind
    reason: str
    cause: Cause | None = None
    fraction_bits: int = 0
    lattice: np.ndarray | None = None
    bound: float | None = None
    unit: np.ndarray | None = None
    failed: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.exact, (bool, np.bool_)) or not isinstance(self.reason, str):
            raise TypeError("a Certificate must have a bool and a sentence")
        lattice, unit = self.lattice, self.unit
        kind = Kind(choice(self.kind, "kind of a Certificate", tuple(k.value for k in Kind)))
        cause = self.cause
        if cause is not None:
            cause = Cause(choice(cause, "cause of a Certificate", tuple(c.value for c in Cause)))
        if bool(self.exact) != (cause is None) or (self.exact and kind is Kind.ROUNDED):
            raise ValueError("a Certificate is exact, or has a cause why it is not")
        if not self.exact and kind is not Kind.SPIKES and self.bound is None:
            raise ValueError("a Certificate that is not exact must have a bound, or prove spikes")
        failed = tuple(tuple(pair) for pair in self.failed)
        if not all(len(pair) == 2 and all(isinstance(x, str) for x in pair) for pair in failed):
            raise TypeError("failed of a Certificate must be pairs of a way and a sentence")
        self.set(
            failed=failed,
            exact=bool(self.exact),
            kind=kind,
            cause=cause,
            fraction_bits=integer(self.fraction_bits, "fraction_bits", -WIDTH_MAX, WIDTH_MAX),
            lattice=None if lattice is None else frozen(np.asarray(lattice, np.int64)),
            bound=None if self.bound is None else float(self.bound),
            unit=None if unit is None else frozen(np.asarray(unit, np.float64)),
        )
