"""Parameters and widths of a population, as its neuron unit takes them."""

from __future__ import annotations

from dataclasses import dataclass, field

from .history import History
from .tables import Table


@dataclass(frozen=True)
class Widths:
    """Bits of a neuron unit's signals, all from ``network.facts``; signed but for raw.

    ``signed`` says of each connection whether its raw sums are; they are not where it is empty.
    """

    raw: tuple[int, ...]
    drive: int
    scaled: int
    v: int
    state: int
    signed: tuple[bool, ...] = ()


@dataclass(frozen=True)
class Parameters:
    """Numbers of a population, one per channel; gain has one list per connection.

    ``threshold`` is None for a population that never fires. ``v_reset`` is needed for reset
    "zero" and where a neuron may be held, ``rho`` for reset "subtract".
    ``memory`` names the columns that are kept in the ROM even if uniform, with their widths.
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

    def columns(self) -> dict[str, list[int]]:
        """Return the columns of the parameter table."""
        named = {f"gain_{k}": gain for k, gain in enumerate(self.gain)}
        named |= {"constant": self.constant, "v_init": self.v_init}
        if self.threshold is not None:
            named["threshold"] = self.threshold
            if self.reset == "zero" or self.history.holds:
                named["v_reset"] = self.v_reset
            if self.reset == "subtract":
                named["rho"] = self.rho
        return named


def multiplies(parameters: Parameters) -> bool:
    """Return whether a gain differs from channel to channel, or may."""
    columns = Table(parameters.columns(), 1, parameters.memory).columns
    return any(name.startswith("gain_") for name in columns)
