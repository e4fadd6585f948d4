"""Drive: what a neuron unit makes of the sums of its connections.

Stage 0 is the cycle in which a beat is selected. Its sums and its numbers come in stage 1 and are
registered; with gains in a ROM, products take a stage of their own; the drive is there in the next.
"""

from __future__ import annotations

from amaranth.hdl import Const, Module, Signal, Value, signed

from .counting import later
from .parameters import Parameters, Widths, multiplies
from .tables import Table, times


def drive_at(parameters: Parameters) -> int:
    """Return the stage in which the drive is there."""
    return 3 + multiplies(parameters)


class Lane:
    """Sums and numbers of one lane, both from stage 2 on; constants are always there."""

    def __init__(
        self,
        m: Module,
        lane: int,
        raws: list[Value],
        numbers: dict[str, Value],
        parameters: Parameters,
    ) -> None:
        self._m, self.lane, self.raws, self.numbers = m, lane, raws, numbers
        self.multiplies = multiplies(parameters)
        self.drive_at = drive_at(parameters)
        self.constant = self._late("constant", int(self.multiplies), f"constant_{lane}")

    def _late(self, number: str, cycles: int, name: str) -> Value:
        value = self.numbers[number]
        return value if isinstance(value, Const) else later(self._m, value, cycles, name)

    def at(self, number: str, stage: int) -> Value:
        """Return a number in a stage."""
        return self._late(number, stage - 2, f"{number}_{self.lane}_{stage}")

    def sum(self, bits: int) -> Signal:
        """Return the sum of all currents, a cycle before the drive is there."""
        total: Value = self.constant
        for k, raw in enumerate(self.raws):
            name = f"term_{k}_{self.lane}"
            term = times(raw, self.numbers[f"gain_{k}"], signed(bits), self._m, name)
            total = total + (later(self._m, term, 1, name) if self.multiplies else term)
        # A term may lie outside the drive's range: only within its bits is their sum the drive.
        found = Signal(signed(bits), name=f"sum_{self.lane}")
        self._m.d.comb += found.eq(total)
        return found


def laned(
    m: Module, parameters: Parameters, widths: Widths, table: Table, words: list[Value],
    numbers: Value | None,
) -> list[Lane]:  # fmt: skip
    """Return every lane.

    Args:
        words: the sums of each connection. numbers: the word of the ROM, or None without one; both
            in stage 1.
    """
    row: Value = Const(0, 1) if numbers is None else later(m, numbers, 1, "numbers")
    late = [later(m, word, 1, f"raw_{k}") for k, word in enumerate(words)]
    lanes = []
    for lane in range(table.lanes):
        mine = [
            raw[lane * bits : (lane + 1) * bits] for raw, bits in zip(late, widths.raw, strict=True)
        ]
        for k, is_signed in enumerate(widths.signed):
            mine[k] = mine[k].as_signed() if is_signed else mine[k]
        lanes.append(Lane(m, lane, mine, table.read(row, lane), parameters))
    return lanes
