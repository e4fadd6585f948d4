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
            value x spikes once, at timestep ``(top - x) * t_max // top``.
        unit: what the integer 1 is worth in the trained network (1/255 for pixels).
        t_max: of coding "latency", the timestep at which 0 spikes; T - 1 unless given.
    """

    shape: Shape
    bits: int = 1
    coding: str = "steps"
    unit: float = 1.0
    t_max: int | None = None

    def __post_init__(self) -> None:
        shape = self.shape if isinstance(self.shape, (tuple, list)) else (self.shape,)
        if len(shape) not in (1, 3):
            raise ValueError(f"input shape must be (n,) or (channels, rows, cols), not {shape}")
        unit = real(self.unit, "input unit")
        if unit <= 0:
            raise ValueError(f"input unit must be positive, not {unit}")
        coding = choice(self.coding, "input coding", ("steps", "direct", "latency"))
        if self.t_max is not None and coding != "latency":
            raise ValueError(f"t_max is of input coding 'latency', not {coding!r}")
        self.set(
            shape=tuple(integer(n, "input shape", 1) for n in shape),
            bits=integer(self.bits, "input bits", 1, 16),
            coding=coding,
            unit=unit,
            t_max=None if self.t_max is None else integer(self.t_max, "t_max", 0, 1 << 16),
        )

    @property
    def top(self) -> int:
        """Largest value of an element of a sample."""
        return (1 << self.bits) - 1

    @property
    def span(self) -> tuple[int, int]:
        """Least and largest value that enters at a timestep: spikes where coded by latency."""
        return (0, 1) if self.coding == "latency" else (0, self.top)


@dataclass(frozen=True, eq=False, repr=False)
class Readout(Value):
    """Which population's activity is the answer; ties go to the lowest class index.

    Attributes
    ----------
        source: a population's name.
        kind: ``"count"``: spikes of a sample; ``"membrane"``: the membrane after the last
            timestep (of an integrator, leak 1 and no threshold, that is the sum of its drive);
            ``"first_spike"``: the earliest spike.
        fallback: for ``"first_spike"``: ``"membrane"``, the largest membrane of a sample in
            which none fired; None: class 0.
        step: timestep of the membrane that is read; the last one run unless given.
    """

    source: str
    kind: str = "count"
    fallback: str | None = None
    step: int | None = None

    def __post_init__(self) -> None:
        name(self.source, "read-out source")
        choice(self.kind, "read-out kind", ("count", "membrane", "first_spike"))
        if self.fallback is not None:
            choice(self.fallback, "read-out fallback", ("membrane",))
            if self.kind != "first_spike":
                raise ValueError(f"a read-out of kind {self.kind!r} has no fallback")
        if self.step is not None:
            if not self.reads_membrane:
                raise ValueError("step is of a read-out that reads a membrane")
            self.set(step=integer(self.step, "read-out step", 0, 1 << 16))

    @property
    def reads_spikes(self) -> bool:
        """Whether it needs the source's spikes."""
        return self.kind != "membrane"

    @property
    def reads_membrane(self) -> bool:
        """Whether it needs the source's membrane."""
        return self.kind == "membrane" or self.fallback is not None
