"""The two ends that both network values share: how inputs enter, and how a class is read out."""

from __future__ import annotations

from dataclasses import dataclass

from .ops import Shape
from .value import Value, choice, integer, name, real

#: The name by which connections read the network's input.
INPUT = "input"


@dataclass(frozen=True, eq=False, repr=False)
class Input(Value):
    """What one sample looks like, and how it becomes one tensor per timestep.

    Attributes
    ----------
        shape: of one timestep, ``(n,)`` or ``(channels, rows, cols)``.
        bits: unsigned bits p of each value; 1 is a spike.
        coding: ``"steps"``: a sample holds every timestep, (T, *shape); ``"direct"``: it holds
            one tensor, (*shape), presented at every timestep; ``"latency"``: one tensor whose
            large values spike early.
        unit: what the integer 1 is worth in the trained network (1/255 for pixels).
    """

    shape: Shape
    bits: int = 1
    coding: str = "steps"
    unit: float = 1.0

    def __post_init__(self) -> None:
        shape = self.shape if isinstance(self.shape, (tuple, list)) else (self.shape,)
        if len(shape) not in (1, 3):
            raise ValueError(f"input shape must be (n,) or (channels, rows, cols), not {shape}")
        unit = real(self.unit, "input unit")
        if unit <= 0:
            raise ValueError(f"input unit must be positive, not {unit}")
        self.set(
            shape=tuple(integer(n, "input shape", 1) for n in shape),
            bits=integer(self.bits, "input bits", 1, 16),
            coding=choice(self.coding, "input coding", ("steps", "direct", "latency")),
            unit=unit,
        )

    @property
    def top(self) -> int:
        """Largest value of an input element."""
        return (1 << self.bits) - 1


@dataclass(frozen=True, eq=False, repr=False)
class Readout(Value):
    """Which population's activity is the answer; ties go to the lowest class index.

    Attributes
    ----------
        source: a population's name.
        kind: ``"count"``: spikes of a sample; ``"membrane"``: the membrane after the last
            timestep (of an integrator, leak 1 and no threshold, that is the sum of its drive);
            ``"first_spike"``: the earliest spike.
        fallback: for ``"first_spike"`` when none fired: ``"membrane"``.
    """

    source: str
    kind: str = "count"
    fallback: str | None = None

    def __post_init__(self) -> None:
        name(self.source, "read-out source")
        choice(self.kind, "read-out kind", ("count", "membrane", "first_spike"))
        if self.fallback is not None:
            choice(self.fallback, "read-out fallback", ("membrane",))
            if self.kind != "first_spike":
                raise ValueError(f"a read-out of kind {self.kind!r} has no fallback")
