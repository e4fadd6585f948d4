# amaranth: UnusedElaboratable=no
"""The popcount against Python's, cycle by cycle, at every width that changes its tree."""

from __future__ import annotations

import pytest
from amaranth.hdl import Const, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from clocked import played

from hdl.cores.popcount import LEVELS, popcount, prefixes, stages


class Popcount(wiring.Component):
    """The count of some bits, so many registers later; coded: through prefix parities.

    What agrees with a word of ones is what is set; with ``coded`` the parities of x alone count.
    """

    def __init__(self, width: int, registers: int, coded: bool = False) -> None:
        self.width, self.registers, self.coded = width, registers, coded
        super().__init__({"bits": In(width), "total": Out(width.bit_length())})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        x = prefixes(self.bits) if self.coded else self.bits
        w = Const(0 if self.coded else -1, self.width)
        m.d.comb += self.total.eq(popcount(m, x, w, self.registers, "ones", self.coded))
        return m


@pytest.mark.parametrize("coded", [False, True])
@pytest.mark.parametrize("more", [0, 2])
@pytest.mark.parametrize("width", [1, 2, 3, 7, 8, 9, 17, 32, 33, 129])
def test_bits_are_counted_so_many_cycles_later(width, more, coded, rng) -> None:
    words = [0, (1 << width) - 1, *(1 << k for k in range(width))]
    words += [int.from_bytes(rng.bytes(20), "little") % (1 << width) for _ in range(20)]
    registers = stages(width) + more
    seen = played(
        Popcount(width, registers, coded), [{"bits": w} for w in words] + [{"bits": 0}] * registers
    )
    assert [s["total"] for s in seen][registers:] == [w.bit_count() for w in words]


def test_every_byte_is_counted() -> None:
    late = stages(8)
    seen = played(Popcount(8, late), [{"bits": w} for w in range(256)] + [{}] * late)
    assert [s["total"] for s in seen][late:] == [bin(w).count("1") for w in range(256)]


@pytest.mark.parametrize(("width", "levels"), [(1, 0), (2, 0), (7, 1), (8, 3), (32, 7)])
def test_a_register_for_the_chains_and_one_for_every_two_levels(width, levels) -> None:
    assert stages(width) == 1 + -(-levels // LEVELS)
