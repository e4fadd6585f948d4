"""Arg-max: the largest of several values that come at once, the first of equal ones."""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Const, Module, Mux, Signal, Value


def levels(count: int) -> int:
    """Return the levels of comparisons of so many values: a cycle each."""
    return (count - 1).bit_length()


def highest(m: Module, values: Sequence[Value], name: str) -> tuple[Value, Value]:
    """Return the largest value and its place, ``levels(len(values))`` cycles later.

    Neighbours are compared, then those that are left; of equal ones the lower place is kept.
    """
    size = max(1, levels(len(values)))
    found: list[tuple[Value, Value]] = [(v, Const(k, size)) for k, v in enumerate(values)]
    for level in range(levels(len(values))):
        left = []
        for k in range(0, len(found), 2):
            value, place = found[k]
            if k + 1 < len(found):
                other, there = found[k + 1]
                more = other > value
                value, place = Mux(more, other, value), Mux(more, there, place)
            kept = Signal(values[0].shape(), name=f"{name}_{level}_{k // 2}", reset_less=True)
            at = Signal(size, name=f"{name}_at_{level}_{k // 2}", reset_less=True)
            m.d.sync += [kept.eq(value), at.eq(place)]
            left.append((kept, at))
        found = left
    return found[0]
