"""Per-channel parameters of a population: constants where they are uniform, else one ROM."""

from __future__ import annotations

from amaranth.hdl import Const, Module, Signal, Value, signed
from amaranth.lib import data
from amaranth.lib.memory import Memory

from mapping.intervals import bits


class Table:
    """Parameters by neuron index, read with one cycle of latency.

    Parameters
    ----------
    columns : name to one integer per channel
    widths : name to signed bits; columns named here are kept in the ROM even if uniform (so that
        other values can be written there), the others get the width that they need
    """

    def __init__(self, columns: dict[str, list[int]], widths: dict[str, int] | None = None) -> None:
        widths = widths or {}
        self.depth = len(next(iter(columns.values())))
        self.constants = {
            name: column[0]
            for name, column in columns.items()
            if len(set(column)) == 1 and name not in widths
        }
        self.columns = {n: c for n, c in columns.items() if n not in self.constants}
        fields = {
            name: signed(widths.get(name, bits(min(column), max(column))))
            for name, column in self.columns.items()
        }
        self.layout = data.StructLayout(fields) if fields else None

    def rows(self) -> list[int]:
        """Return the ROM words."""
        return [
            sum(
                (column[i] & ((1 << self.layout[name].width) - 1)) << self.layout[name].offset
                for name, column in self.columns.items()
            )
            for i in range(self.depth)
        ]

    def elaborate(self, m: Module, index: Value, enable: Value) -> dict[str, Value]:
        """Add the ROM to a module; return each parameter, valid one cycle after its index."""
        out: dict[str, Value] = {n: Const(c, signed(bits(c, c))) for n, c in self.constants.items()}
        if self.layout is not None:
            rom = Memory(shape=self.layout.size, depth=self.depth, init=self.rows())
            m.submodules.parameters = rom
            port = rom.read_port()
            m.d.comb += [port.addr.eq(index), port.en.eq(enable)]
            view = data.View(self.layout, port.data)
            for name in self.columns:
                out[name] = view[name]
        return out


def times(value: Signal, factor: Value | int, shape: object, m: Module, name: str) -> Signal:
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
