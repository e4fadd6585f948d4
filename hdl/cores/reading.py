"""Reading: what a read-out makes of the output population.

With s[t] and v[t] a neuron's spike and membrane at timestep t, a class is a neuron, and its score::

    count        sum_t s[t], or sum_t v[t] of a population that never fires; the largest wins
    membrane     v[step], v of the last timestep where a sample ends before; the largest wins
    first spike  the least t with s[t] = 1, which wins; of a sample without a spike the largest
                 membrane, or class 0 with score 0

Ties go to the lowest class.
"""

from __future__ import annotations

from dataclasses import dataclass

from .argmax import levels
from .order import Order


@dataclass(frozen=True)
class Reading:
    """What is read.

    Attributes
    ----------
        kind: count, membrane or first_spike. membranes: membranes are summed, not spikes counted.
        step: timestep of the membrane that is read; None: the last. fallback: the largest membrane
            decides where nothing fired.
        bits: of a score, signed. classes: neurons.
        stop: the answer comes after the block in which the first spike is.
    """

    kind: str
    classes: int
    bits: int
    membranes: bool = False
    step: int | None = None
    fallback: bool = False
    stop: bool = False

    @property
    def class_bits(self) -> int:
        """Bits of a class."""
        return max(1, (self.classes - 1).bit_length())

    @property
    def ports(self) -> dict[str, int]:
        """Ports of an answer, and their bits; ``fired`` is 0 where a sample had no spike."""
        fired = {"fired": 1} if self.kind == "first_spike" else {}
        return {"class": self.class_bits, "score": self.bits, **fired}

    @property
    def beat_bits(self) -> int:
        """Bits of what is kept of a block: its answer, and whether it has one."""
        return sum(self.ports.values()) + 1

    def latency(self, lanes: int) -> int:
        """Return the cycles from a block's last beat to its answer."""
        return (self.kind == "count") + levels(lanes) + 2

    def tally(self, order: Order) -> tuple[int, int]:
        """Return width and depth of what is counted."""
        return (order.lanes * self.bits, order.rows) if self.kind == "count" else (0, 0)
