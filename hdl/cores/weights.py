"""Rows of weights in a ROM: in which bits a weight stands, where tiles begin, how addresses run."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from amaranth.hdl import Cat, Module, Mux, Signal, Value

from .counting import count

#: Bits of rows that hold nothing, at most, for an address that needs no counter of its own.
LOST = 1 << 15


@dataclass(frozen=True)
class Rows:
    """``words`` rows of ``bits`` for each of ``tiles`` tiles, in the order of the passes."""

    words: int
    tiles: int
    bits: int

    @property
    def aligned(self) -> bool:
        """Whether each tile's words begin at a power of two.

        That is so where it costs no address bit and few rows.
        """
        within = (self.words - 1).bit_length()
        apart = within + (self.tiles - 1).bit_length()
        lost = ((1 << within) - self.words) * (self.tiles - 1) * self.bits
        return lost <= LOST and apart == (self.tiles * self.words - 1).bit_length()

    @property
    def stride(self) -> int:
        """Rows from one tile to the next."""
        return 1 << (self.words - 1).bit_length() if self.aligned else self.words

    @property
    def depth(self) -> int:
        """Rows in all."""
        return (self.tiles - 1) * self.stride + self.words

    def address(
        self, m: Module, word: Value, issue: Value, end_word: Value, end_plane: Value,
        again: Value, skips: bool = False,
    ) -> Value:  # fmt: skip
        """Return the row that belongs to a word: of the same tile until all planes are through.

        Args:
            word: that is issued. end_word, end_plane: it is the last of its plane, of its pass.
            again: the tile comes once more. skips: whether words are left out.
        """
        if self.aligned:
            tile, _ = count(m, self.tiles, issue & end_word & end_plane & ~again, "tile")
            return Cat(word[: (self.words - 1).bit_length()], tile)
        if skips:
            base = Signal(range(self.depth), name="row_base")
            with m.If(issue & end_word & end_plane & ~again):
                last = base == (self.tiles - 1) * self.stride
                m.d.sync += base.eq(Mux(last, 0, base + self.stride))
            return (base + word)[: len(base)]
        row = Signal(range(self.depth), name="row_at")
        base = Signal(range(self.depth), name="row_base")
        # The first row of the next tile; after the last one, the first of all.
        following = Mux(row == self.depth - 1, 0, row + 1)
        with m.If(issue):
            m.d.sync += row.eq(row + 1)
            with m.If(end_word):
                m.d.sync += row.eq(base)
                with m.If(end_plane & ~again):
                    m.d.sync += [row.eq(following), base.eq(following)]
        return row

    def joined(self, fields: np.ndarray, bits: int) -> list[int]:
        """Return the ROM's rows.

        Args:
            fields: integers (tiles, words, fields of a row), the first lowest.
            bits: of a field, in two's complement.
        """
        flat = fields.reshape(self.tiles, self.words, -1).astype(np.int64)
        each = flat[..., None] >> np.arange(bits) & 1
        table = np.zeros((self.tiles, self.stride, flat.shape[-1] * bits), np.uint8)
        table[:, : self.words] = each.reshape(self.tiles, self.words, -1)
        packed = np.packbits(table.reshape(-1, table.shape[-1]), 1, bitorder="little")
        return [int.from_bytes(row.tobytes(), "little") for row in packed[: self.depth]]
