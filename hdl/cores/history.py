"""History: what a neuron's spikes leave behind, as bits beside its membrane.

A neuron is held while it has refractory steps left, and after ``max_spikes`` spikes. A neuron that
has not fired before timestep ``fire_by`` fires there. A network that uses none of this has no bits.
"""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.hdl import Const, Mux, Value


@dataclass(frozen=True)
class History:
    """Which of it a population needs; ``None`` and 0 are without.

    ``refractory`` and ``fire_by`` lie below the timesteps of a sample: more cannot be told apart.
    """

    max_spikes: int | None = None
    refractory: int = 0
    fire_by: int | None = None

    @property
    def holds(self) -> bool:
        """Whether a neuron may be held."""
        return self.max_spikes is not None or self.refractory > 0

    @property
    def most(self) -> int:
        """Largest count of spikes that is told apart; 0 where none is kept."""
        return self.max_spikes or (1 if self.fire_by else 0)

    @property
    def fields(self) -> dict[str, int]:
        """Unsigned bits of what is kept of each neuron, by name."""
        sizes = {"fired": self.most, "rest": self.refractory}
        return {name: size.bit_length() for name, size in sizes.items() if size}

    def held(self, kept: dict[str, Value]) -> Value:
        """Return whether a neuron is held."""
        held: Value = Const(0)
        if self.refractory:
            held = held | (kept["rest"] != 0)
        if self.max_spikes is not None:
            held = held | (kept["fired"] == self.max_spikes)
        return held

    def late(self, kept: dict[str, Value], now: Value) -> Value:
        """Return whether a neuron fires whatever its membrane; now: it is timestep fire_by."""
        return now & (kept["fired"] == 0) if self.fire_by else now

    def after(self, kept: dict[str, Value], spike: Value) -> dict[str, Value]:
        """Return what is kept after this timestep."""
        after: dict[str, Value] = {}
        if self.most:  # a held neuron does not fire: the count stays within its bits
            fired = kept["fired"]
            after["fired"] = fired | spike if self.most == 1 else fired + spike
        if self.refractory:
            rest = kept["rest"]
            after["rest"] = Mux(spike, self.refractory, Mux(rest == 0, 0, rest - 1))
        return after


def remembers(num: int, history: History) -> bool:
    """Return whether neurons of this leak keep anything from one timestep to the next.

    With ``num`` = 0 nothing is left of a membrane: streams, pools, joins, memoryless neurons.
    """
    return num != 0 or bool(history.fields)
