"""Numbers and widths of a gate, as its core takes them (``gate`` has its equation)."""

from __future__ import annotations

from dataclasses import dataclass, field

from .order import Order


@dataclass(frozen=True)
class GateWidths:
    """Bits of a sum, and whether it is signed; signed bits of a total and of a factor."""

    raw: int
    signed: bool
    total: int
    factor: int


@dataclass(frozen=True)
class Gating:
    """Numbers of a gate.

    Attributes
    ----------
        weight, offset: one per channel; with one total, all offsets are the same.
        shift: of a total. table: factors by timestep and total. each: a total for each channel.
        memory: columns (weight, offset) that are kept in the ROM even if uniform; their widths.
    """

    weight: list[int]
    offset: list[int]
    shift: int
    table: tuple[tuple[int, ...], ...]
    each: bool = False
    memory: dict[str, int] = field(default_factory=dict)

    @property
    def entries(self) -> int:
        """Factors of a timestep; one where no total matters."""
        return len(self.table[0]) if any(len(set(row)) > 1 for row in self.table) else 1

    @property
    def counts(self) -> bool:
        """Whether factors depend on totals."""
        return self.entries > 1

    @property
    def timed(self) -> bool:
        """Whether factors depend on the timestep."""
        return len(set(self.table)) > 1

    @property
    def place_bits(self) -> int:
        """Bits of an entry's place within its timestep."""
        return (self.entries - 1).bit_length()

    def totals(self, order: Order) -> int:
        """Return the totals that are added to at once."""
        return order.lanes if self.each and self.counts else 1

    def in_memory(self, order: Order) -> bool:
        """Whether totals stand in a memory, not in registers.

        There a total is read in the cycle before it is added to, so that it must not come in two
        cycles in a row: between its beats are those of all other rows.
        """
        return self.each and self.counts and order.channel_rows > 1

    def depth_of_totals(self, order: Order) -> int:
        """Rows of totals that are kept: of each timestep of a block, and row of channels."""
        return order.blocks.block * (order.channel_rows if self.each else 1)

    def columns(self) -> dict[str, list[int]]:
        """Return the columns of its numbers' table."""
        return {"weight": self.weight, "offset": self.offset}

    def rows(self, order: Order, bits: int) -> list[int]:
        """Return the rows of its table in a ROM, of so many bits.

        Timesteps begin at powers of two, and are counted as if a sample's first block were whole:
        rows in front of it are 0.
        """
        blocks = order.blocks
        kept = self.table[: blocks.timesteps] if self.timed else self.table[:1]
        before = blocks.block - blocks.first if self.timed else 0
        rows = [0] * (before << self.place_bits)
        for t, row in enumerate(kept):
            rows += [0] * (((before + t) << self.place_bits) - len(rows))
            rows += [x & ((1 << bits) - 1) for x in row[: self.entries]]
        return rows
