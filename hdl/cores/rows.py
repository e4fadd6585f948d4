"""Rows: a memory that a population reads like a ROM, and that the loader writes and reads back."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, unsigned
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from .buffer import UNCHECKED

#: Bits that are written at once.
WORD = 32


def words(bits: int) -> list[int]:
    """Return the bits of each word of a row."""
    return [min(WORD, bits - at) for at in range(0, bits, WORD)]


class Rows(wiring.Component):
    """Rows of any width, in memories of a word each; one row alone stands in registers.

    A row comes one cycle after its address. Writing one word touches no other, without byte
    enables, which not every tool makes a block RAM of.

    Parameters
    ----------
    name : of the memories, with the number of their word behind it. bits : of a row.
    rows : what stands there first; a reset keeps what was written. attrs : of the memories.

    Members
    -------
    row : address that the population reads
    loading, place : the address is ``place`` instead
    write, word : which words of that row become ``word``
    data : the row that was addressed one cycle ago
    """

    def __init__(self, name: str, bits: int, rows: list[int], attrs: dict[str, str]) -> None:
        self.name, self.bits, self.rows, self.attrs = name, bits, rows, attrs
        address = range(max(2, len(rows)))
        super().__init__(
            {
                "row": In(address),
                "loading": In(1),
                "place": In(address),
                "write": In(len(words(bits))),
                "word": In(WORD),
                "data": Out(bits),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Keep what was written: nothing here is reset."""
        m = Module()
        depth, total = len(self.rows), self.bits * len(self.rows)
        if depth == 1:
            kept = Signal(self.bits, name="kept", init=self.rows[0], reset_less=True)
            for k, bits in enumerate(words(self.bits)):
                with m.If(self.write[k]):
                    m.d.sync += kept[k * WORD : k * WORD + bits].eq(self.word[:bits])
            m.d.comb += self.data.eq(kept)
            return m
        parts = []
        for k, bits in enumerate(words(self.bits)):
            name = f"{self.name}_{k}"
            init = [row >> k * WORD & ((1 << bits) - 1) for row in self.rows]
            attrs = self.attrs | UNCHECKED | {"loaded": total}
            m.submodules[name] = memory = Memory(
                shape=unsigned(bits), depth=depth, init=init, attrs=attrs
            )
            write, read = memory.write_port(), memory.read_port()
            m.d.comb += [
                write.addr.eq(self.place),
                write.data.eq(self.word[:bits]),
                write.en.eq(self.write[k]),
                read.addr.eq(Mux(self.loading, self.place, self.row)),
            ]
            shown = Signal(bits, name=f"data_{k}")
            m.d.comb += shown.eq(read.data)
            parts.append(shown)
        m.d.comb += self.data.eq(Cat(parts))
        return m
