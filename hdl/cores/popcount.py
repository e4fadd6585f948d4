"""Popcount: how many bits agree, through full adders with registers; sums of columns of bits.

Bits stand in columns by weight. A full adder takes three bits of a column and leaves one there and
one in the next; it takes two LUTs of four inputs, and there is one for about every bit that is
counted. So the first column decides: a full adder of the running sum and of two agreements
``x ^ w ^ 1`` has five inputs. With the *prefix parities* of x and of w in place of the bits::

    P_k(x) = x_1 ^ .. ^ x_k        Q_k(w) = (w_1 ^ 1) ^ .. ^ (w_k ^ 1)

the running sum after k of them is ``S_k = P_k ^ Q_k`` at once, and the carry of the next two is a
function of ``S_k, S_k+1, S_k+2``: one LUT a bit instead of one and a half. Q stands in the ROM in
place of w, and P is made once for all outputs, so it pays where there are some of them.

A group, within which parities run, is every ``groups(width)``-th bit.
"""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Signal, Value

from .counting import later

#: Most bits of a group; levels of full adders between two registers.
GROUP, LEVELS = 7, 2


def groups(width: int) -> int:
    """Return the groups of a word of so many bits."""
    return -(-width // GROUP)


def stages(width: int) -> int:
    """Return the registers of a popcount of so many bits."""
    return registers(_sizes(width))


def registers(sizes: list[int], levels: int = LEVELS) -> int:
    """Return the registers of a sum of columns of so many bits, the first of them registered."""
    return 1 + -(-len(_adders(sizes)) // levels)


def prefixes(bits: Value) -> Value:
    """Return the running parities of each group of a word."""
    apart = groups(len(bits))
    rows = [bits[at : at + apart] for at in range(0, len(bits), apart)]
    for k in range(1, len(rows)):
        rows[k] = rows[k - 1][: len(rows[k])] ^ rows[k]
    return Cat(rows)


def _sizes(width: int) -> list[int]:
    """Return bits of weight one and two after the first register."""
    apart = groups(width)
    carries = sum(min(apart, width - at) for at in range(apart, width, 2 * apart))
    return [apart, carries] if carries else [apart]


def _adders(sizes: list[int]) -> list[list[int]]:
    """Return, level by level, the bits that each column's adders take: threes, or two at last.

    Two are added only in the lowest column that is not done, where no third can come.
    """
    sizes, plan = list(sizes), []
    while max(sizes) > 1:
        taken, gone = [], [0] * (len(sizes) + 1)
        done = True  # the columns below
        for k, size in enumerate(sizes):
            taken.append(2 if size == 2 and done else size // 3 * 3)
            adders = -(-taken[k] // 3)
            gone[k] += adders - taken[k]
            gone[k + 1] += adders
            done = done and size == 1
        plan.append(taken)
        sizes = [s + g for s, g in zip([*sizes, 0], gone, strict=True)]
        while not sizes[-1]:
            sizes.pop()
    return plan


def popcount(
    m: Module, x: Value, w: Value, registers: int, name: str, coded: bool = False
) -> Value:
    """Add a popcount of the bits in which two words agree.

    Args:
        x, w: words; with ``coded``, their P and Q. registers: cycles that it takes, at least
            ``stages``.
    """
    return added(m, [c for c in _chains(x, w, coded) if len(c)], registers, name)


def added(
    m: Module, columns: list[Value], registers: int, name: str, levels: int = LEVELS
) -> Value:
    """Add columns of bits, of weight 1, 2, 4, ..; return their sum, unsigned.

    Args:
        registers: cycles that it takes, at least those of ``registers``; the first one stands
            before any adder. levels: of full adders between two registers.
    """
    spent = 0

    def registered() -> list[Value]:
        late = []
        for k, column in enumerate(columns):
            late.append(Signal(len(column), name=f"{name}_{spent}_{k}", reset_less=True))
            m.d.sync += late[k].eq(column)
        return late

    plan = _adders([len(c) for c in columns])
    columns, spent = registered(), 1
    for level, taken in enumerate(plan):
        rest = [column[most:] for column, most in zip(columns, taken, strict=True)] + [Cat()]
        for k, most in enumerate(taken):
            size = -(-most // 3)
            few = [columns[k][at : at + size] for at in range(0, most, max(1, size))]
            if few:
                low, high = _add(few)
                rest[k] = Cat(rest[k], low)
                rest[k + 1] = Cat(rest[k + 1], high)
        columns = rest if len(rest[-1]) else rest[:-1]
        if level % levels == levels - 1 or level == len(plan) - 1:
            columns = registered()
            spent += 1
        elif level % LEVELS == LEVELS - 1:  # named, as each term would be written out twice
            wires = [Signal(len(c), name=f"{name}_{level}_at_{k}") for k, c in enumerate(columns)]
            m.d.comb += [wire.eq(column) for wire, column in zip(wires, columns, strict=True)]
            columns = wires
    return later(m, Cat(columns), registers - spent, f"{name}_late")


def _chains(x: Value, w: Value, coded: bool) -> tuple[Value, Value]:
    """Count all groups: their sums' lowest bits, and a carry for every two bits after the first."""
    apart = groups(len(x))
    # Bits of a place are taken out first: CXXRTL is slow with words wider than 32 bits.
    places = [x[at : at + apart] ^ w[at : at + apart] for at in range(0, len(x), apart)]
    if not coded:
        places = [~place for place in places]
    low, carries = places[0], []
    for k in range(1, len(places), 2):
        middle = places[k]
        few = len(middle)
        last = places[k + 1] if k + 1 < len(places) else middle[:0]
        three, two = len(last), few - len(last)
        sums, high = [], []
        for at, size, last_part in ((0, three, last), (three, two, None)):
            if not size:
                continue
            part, mine = low[at : at + size], middle[at : at + size]
            if not coded:
                s, c = _add([part, mine] if last_part is None else [part, mine, last_part])
            elif last_part is None:
                s, c = mine, part & ~mine
            else:  # agreements part ^ mine and mine ^ last beside a sum of part
                s = last_part
                c = (part & ~(mine & last_part)) | (~part & mine & ~last_part)
            sums.append(s)
            high.append(c)
        low = Cat(*sums, low[few:])
        carries += high
    return low, Cat(carries)


def _add(few: list[Value]) -> tuple[Value, Value]:
    """Return the sums and the carries of two or three words, bit by bit."""
    if len(few) == 2:
        return few[0] ^ few[1], few[0] & few[1]
    half = few[0] ^ few[1]
    return half ^ few[2], (few[0] & few[1]) | (half & few[2])
