"""Per-channel numbers of a population: constants where they are uniform, else columns of a ROM."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from amaranth.hdl import Const, Module, Signal, Value, signed

from mapping.intervals import bits


class Table:
    """Columns of integers, ``lanes`` channels a row.

    Parameters
    ----------
    columns : name to one integer per channel. lanes : channels a row; divides them.
    widths : name to signed bits; columns named here are kept in the ROM even if uniform (so that
        other values can be written there), the others get the width that they need
    """

    def __init__(
        self, columns: Mapping[str, Sequence[int]], lanes: int,
        widths: Mapping[str, int] | None = None,
    ) -> None:  # fmt: skip
        widths = widths or {}
        self.lanes = lanes
        self.channels = len(next(iter(columns.values())))
        self.depth = self.channels // lanes
        self.constants = {
            name: int(column[0])
            for name, column in columns.items()
            if len(set(column)) == 1 and name not in widths
        }
        self.columns = {n: c for n, c in columns.items() if n not in self.constants}
        self.widths = {
            name: widths.get(name, bits(min(column), max(column)))
            for name, column in self.columns.items()
        }
        self.lane_bits = sum(self.widths.values())

    @property
    def row_bits(self) -> int:
        """Bits of a ROM word; 0 where every column is a constant."""
        return self.lanes * self.lane_bits

    def rows(self) -> list[int]:
        """Return the ROM words: lane after lane, column after column, the first lowest."""
        rows = [0] * self.depth
        for channel in range(self.channels):
            at = channel % self.lanes * self.lane_bits
            for name, column in self.columns.items():
                width = self.widths[name]
                rows[channel // self.lanes] |= (int(column[channel]) & ((1 << width) - 1)) << at
                at += width
        return rows

    def read(self, row: Value, lane: int) -> dict[str, Value]:
        """Return every number of one lane: constants, and fields of a ROM word."""
        out: dict[str, Value] = {n: Const(c, signed(bits(c, c))) for n, c in self.constants.items()}
        at = lane * self.lane_bits
        for name, width in self.widths.items():
            out[name] = row[at : at + width].as_signed()
            at += width
        return out


def times(value: Value, factor: Value | int, shape: object, m: Module, name: str) -> Signal:
    """Return ``value * factor`` in a signal of the given shape; shifts if factor is a constant."""
    product = Signal(shape, name=name)
    if isinstance(factor, Const):
        factor = factor.value
    if isinstance(factor, int):
        terms = [value << k for k in range(abs(factor).bit_length()) if abs(factor) >> k & 1]
        total = sum(terms[1:], terms[0]) if terms else Const(0)
        m.d.comb += product.eq(-total if factor < 0 else total)
    else:
        m.d.comb += product.eq(value * factor)
    return product
