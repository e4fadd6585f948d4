"""Counters and delay lines that several cores need."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value

#: Bits up to which a counter steps by XORs: on the FPGAs at hand a carry chain takes some cells
#: to enter and to leave, which it wins back only where it is longer.
CARRYLESS = 9


def after(value: Value) -> Value:
    """Return ``value + 1`` in the bits of value, modulo."""
    if len(value) > CARRYLESS:
        return (value + 1)[: len(value)]
    return Cat(~value[0], *(value[k] ^ value[:k].all() for k in range(1, len(value))))


def before(value: Value) -> Value:
    """Return ``value - 1`` in the bits of value, modulo."""
    if len(value) > CARRYLESS:
        return (value - 1)[: len(value)]
    return Cat(~value[0], *(value[k] ^ ~value[:k].any() for k in range(1, len(value))))


def count(m: Module, size: int, enable: Value, name: str, init: int = 0) -> tuple[Value, Value]:
    """Add a counter of 0 .. size - 1; return it and whether it stands at its end.

    A counter of one is a constant, and takes nothing.
    """
    if size == 1:
        return Const(0, 1), Const(1, 1)
    value = Signal(range(size), name=name, init=init)
    end = Signal(name=f"{name}_end")
    m.d.comb += end.eq(value == size - 1)
    with m.If(enable):
        m.d.sync += value.eq(after(value))
        if size & (size - 1):  # else it wraps by itself
            with m.If(end):
                m.d.sync += value.eq(0)
    return value, end


def later(m: Module, value: Value, cycles: int, name: str, reset: bool = False) -> Value:
    """Return a value some cycles later.

    Data needs no reset: a valid flag says when it means something. Flags are reset.
    """
    for k in range(cycles):
        if isinstance(value, Const):
            return value
        late = Signal(value.shape(), name=f"{name}_{k + 1}", reset_less=not reset)
        m.d.sync += late.eq(value)
        value = late
    return value


def greater(m: Module, a: Value, b: Value, k: int) -> Value:
    """Return the greater of two values."""
    if isinstance(a, Const) and isinstance(b, Const):
        return Const(max(a.value, b.value), max(len(a), len(b)))
    found = Signal(max(len(a), len(b)), name=f"longest_{k}")
    m.d.comb += found.eq(Mux(a > b, a, b))
    return found
