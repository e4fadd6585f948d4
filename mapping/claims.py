"""What a certificate claims, and what keeps it from claiming more: names for programs.

The sentence beside them is for people, and may be reworded at any time.
"""

from __future__ import annotations

from enum import Enum


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
