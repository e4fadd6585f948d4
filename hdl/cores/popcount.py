"""Popcount: how many bits agree, through a tree of adders with registers."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Signal, Value

from .counting import later

#: Bits that are counted before the first register, and counts that are added before each next.
GROUP, ADDED = 8, 4


def stages(width: int) -> int:
    """Return the registers of a popcount of so many bits."""
    counts, registers = -(-width // GROUP), 1
    while counts > 1:
        counts, registers = -(-counts // ADDED), registers + 1
    return registers


def total(level: list[Value]) -> Value:
    """Return a sum as a balanced tree of adders."""
    while len(level) > 1:
        pairs = [level[i] + level[i + 1] for i in range(0, len(level) - 1, 2)]
        level = pairs + level[2 * len(pairs) :]
    return level[0]


def ones(bits: list[Value]) -> Value:
    """Return the count of a few bits: full adders where three are left of a weight, no carries."""
    columns: list[list[Value]] = [list(bits)]
    weight = 0
    while weight < len(columns):
        column = columns[weight]
        while len(column) > 1:
            three = [column.pop(0) for _ in range(min(3, len(column)))]
            low = three[0] ^ three[1]
            carry = three[0] & three[1]
            if len(three) == 3:
                carry = carry | (low & three[2])
                low = low ^ three[2]
            column.append(low)
            if weight + 1 == len(columns):
                columns.append([])
            columns[weight + 1].append(carry)
        weight += 1
    return Cat(column[0] for column in columns)


def popcount(m: Module, bits: Value, registers: int, name: str) -> Value:
    """Add a popcount whose result comes ``registers`` cycles later, at least ``stages``."""
    width, most = len(bits), 0
    counts: list[Value] = []
    for at in range(0, width, GROUP):
        size = min(GROUP, width - at)
        count = Signal(range(size + 1), name=f"{name}_group_{at // GROUP}", reset_less=True)
        m.d.sync += count.eq(ones([bits[at + k] for k in range(size)]))
        counts.append(count)
    spent, most = 1, GROUP
    while len(counts) > 1:
        most *= ADDED
        sums: list[Value] = []
        for at in range(0, len(counts), ADDED):
            few = counts[at : at + ADDED]
            part = Signal(
                range(min(most, width) + 1), name=f"{name}_{spent}_{at // ADDED}", reset_less=True
            )
            m.d.sync += part.eq(total(few))
            sums.append(part)
        counts, spent = sums, spent + 1
    return later(m, counts[0], registers - spent, f"{name}_late")
