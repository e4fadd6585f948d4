"""Parameters and widths of a population, as its neuron unit takes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .history import History, remembers
from .tables import Table


@dataclass(frozen=True)
class Widths:
    """Bits of a neuron unit's signals, all from ``network.facts``; signed but for raw.

    ``signed`` says of each connection whether its raw sums are; they are not where it is empty.
    ``terms`` are those of ``gain * acc + bias`` of each connection that stands apart, and ``gates``
    those of a factor of its gate.
    """

    raw: tuple[int, ...]
    drive: int
    scaled: int
    v: int
    state: int
    signed: tuple[bool, ...] = ()
    terms: Mapping[int, int] = field(default_factory=dict)
    gates: Mapping[int, int] = field(default_factory=dict)

    @property
    def currents(self) -> dict[str, int]:
        """The terms by name."""
        return {current(j): bits for j, bits in self.terms.items()}


def current(j: int) -> str:
    """Return what the current of a connection that stands apart is called, before its shift."""
    return f"current_{j}"


@dataclass(frozen=True)
class Apart:
    """What a connection with a shift or a gate has for itself: its constant is not merged.

    Attributes
    ----------
        constant: one per channel. shift: of its current.
        gated: whether it has a gate. each: whether that has a factor for each channel.
        counts: whether factors depend on sums of the whole map.
    """

    constant: list[int]
    shift: int = 0
    gated: bool = False
    each: bool = False
    counts: bool = False


@dataclass(frozen=True)
class Parameters:
    """Numbers of a population, one per channel; gain has one list per connection.

    ``threshold`` is None for a population that never fires. ``v_reset`` is needed for reset
    "zero" and where a neuron may be held, ``rho`` for reset "subtract".
    ``memory`` names the columns that are kept in the ROM even if uniform, with their widths.
    ``apart`` has the connections whose currents are not merged, by their number.
    """

    num: int
    q: int
    gain: tuple[list[int], ...]
    constant: list[int]
    v_init: list[int]
    threshold: list[int] | None = None
    v_reset: list[int] | None = None
    memory: dict[str, int] = field(default_factory=dict)
    reset: str = "zero"
    rho: list[int] | None = None
    history: History = History()
    apart: Mapping[int, Apart] = field(default_factory=dict)

    @property
    def remembers(self) -> bool:
        """Whether anything of a timestep is left in the next."""
        return remembers(self.num, self.history)

    @property
    def gated(self) -> bool:
        """Whether a connection has a gate."""
        return any(a.gated for a in self.apart.values())

    @property
    def counts(self) -> bool:
        """Whether a gate needs all sums of a map before any of them is used."""
        return any(a.counts for a in self.apart.values())

    @property
    def multiplies(self) -> bool:
        """Whether a gain differs from channel to channel, or may."""
        columns = Table(self.columns(), 1, self.memory).columns
        return any(name.startswith("gain_") for name in columns)

    @property
    def drive_at(self) -> int:
        """Stage in which the drive is there, counted from a beat's selection.

        Its sums are registered in 2; products with gains take a stage, those with gates two.
        """
        return 3 + self.multiplies + 2 * self.gated

    @property
    def gate_at(self) -> int:
        """Stage in which the factors of gates are used."""
        return 3 + self.multiplies

    def columns(self) -> dict[str, list[int]]:
        """Return the columns of the parameter table."""
        named = {f"gain_{k}": gain for k, gain in enumerate(self.gain)}
        named |= {f"constant_{k}": a.constant for k, a in self.apart.items()}
        named["constant"] = self.constant
        if self.remembers:
            named["v_init"] = self.v_init
        if self.threshold is not None:
            named["threshold"] = self.threshold
            zero = self.reset == "zero" and self.remembers
            if zero or self.history.holds:
                named["v_reset"] = self.v_reset
            if self.reset == "subtract" and self.remembers:
                named["rho"] = self.rho
        return named
