"""Drive: what a neuron unit makes of the sums of its connections.

Stage 0 is the cycle in which a beat is selected. Its sums and its numbers come in stage 1 and are
registered; with gains in a ROM, products take a stage. A connection with a gate takes two more, in
which the others wait: its current is registered, and then its product with the gate.
"""

from __future__ import annotations

from amaranth.hdl import Const, Module, Signal, Value, signed

from .counting import later
from .parameters import Apart, Parameters, Widths
from .tables import Table, times


class Lane:
    """Sums and numbers of one lane, both from stage 2 on; constants are always there."""

    def __init__(
        self, m: Module, lane: int, parameters: Parameters, widths: Widths, raws: list[Value],
        numbers: dict[str, Value],
    ) -> None:  # fmt: skip
        self._m, self.lane, self.parameters, self.widths = m, lane, parameters, widths
        self.raws, self.numbers = raws, numbers
        self._multiplied = int(parameters.multiplies)
        self._constant = self._late("constant", self._multiplied, f"constant_{lane}")

    def _late(self, number: str, cycles: int, name: str) -> Value:
        value = self.numbers[number]
        return value if isinstance(value, Const) else later(self._m, value, cycles, name)

    def at(self, number: str, stage: int) -> Value:
        """Return a number in a stage."""
        return self._late(number, stage - 2, f"{number}_{self.lane}_{stage}")

    def sum(self, factors: dict[int, Value]) -> Signal:
        """Return the sum of all currents, a cycle before the drive is there.

        Args:
            factors: of this lane, by connection, in stage ``parameters.gate_at``.
        """
        m, bits = self._m, self.widths.drive
        total, gated = self._constant, []
        for k in range(len(self.raws)):
            apart = self.parameters.apart.get(k)
            if apart is None:
                total = total + self._product(k, bits)
            elif k in factors:
                gated.append(self._gated(k, apart, factors[k]))
            else:
                total = total + (self._apart(k) >> apart.shift)
        if gated:
            if not isinstance(total, Const):
                waits = Signal(signed(bits), name=f"ungated_{self.lane}")
                m.d.comb += waits.eq(total)
                total = later(m, waits, 2, f"ungated_{self.lane}")
            total = sum(gated, total)
        # A term may lie outside the drive's range: only within its bits is their sum the drive.
        found = Signal(signed(bits), name=f"sum_{self.lane}")
        m.d.comb += found.eq(total)
        return found

    def _product(self, k: int, bits: int) -> Value:
        """Return the sums of a connection times its gain, in the stage after products."""
        name = f"term_{k}_{self.lane}"
        term = times(self.raws[k], self.numbers[f"gain_{k}"], signed(bits), self._m, name)
        return later(self._m, term, 1, name) if self._multiplied else term

    def _apart(self, k: int) -> Signal:
        """Return ``gain * acc + bias`` of a connection that stands apart, in the same stage."""
        bits, name = self.widths.terms[k], f"current_{k}_{self.lane}"
        constant = self._late(f"constant_{k}", self._multiplied, f"constant_{k}_{self.lane}")
        current = Signal(signed(bits), name=name)
        self._m.d.comb += current.eq(self._product(k, bits) + constant)
        return current

    def _gated(self, k: int, apart: Apart, factor: Value) -> Value:
        """Return the current of a connection times its gate's factor, two stages later.

        Only as many of its bits matter as are left in the drive after the shift.
        """
        current = later(self._m, self._apart(k), 1, f"current_{k}_{self.lane}")
        bits = min(len(current) + len(factor), self.widths.drive + apart.shift)
        product = times(current, factor, signed(bits), self._m, f"gated_{k}_{self.lane}")
        return later(self._m, product, 1, f"gated_{k}_{self.lane}") >> apart.shift


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
        lanes.append(Lane(m, lane, parameters, widths, mine, table.read(row, lane)))
    return lanes
