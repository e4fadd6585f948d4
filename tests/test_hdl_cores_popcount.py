# amaranth: UnusedElaboratable=no
"""The popcount against Python's, cycle by cycle, at every width that changes its tree."""

from __future__ import annotations

import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from clocked import played

from hdl.cores.popcount import popcount, stages


class Popcount(wiring.Component):
    """The count of some bits, so many registers later."""

    def __init__(self, width: int, registers: int) -> None:
        self.width, self.registers = width, registers
        super().__init__({"bits": In(width), "total": Out(width.bit_length())})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.d.comb += self.total.eq(popcount(m, self.bits, self.registers, "ones"))
        return m


@pytest.mark.parametrize("more", [0, 2])
@pytest.mark.parametrize("width", [1, 2, 3, 7, 8, 9, 17, 32, 33, 129])
def test_bits_are_counted_so_many_cycles_later(width, more, rng) -> None:
    words = [0, (1 << width) - 1, *(1 << k for k in range(width))]
    words += [int.from_bytes(rng.bytes(20), "little") % (1 << width) for _ in range(20)]
    registers = stages(width) + more
    seen = played(
        Popcount(width, registers), [{"bits": w} for w in words] + [{"bits": 0}] * registers
    )
    assert [s["total"] for s in seen][registers:] == [w.bit_count() for w in words]


def test_every_byte_is_counted() -> None:
    seen = played(Popcount(8, 1), [{"bits": w} for w in range(256)] + [{}])
    assert [s["total"] for s in seen][1:] == [bin(w).count("1") for w in range(256)]


@pytest.mark.parametrize(
    ("width", "registers"), [(1, 1), (8, 1), (9, 2), (32, 2), (33, 3), (128, 3), (129, 4)]
)
def test_a_register_for_eight_bits_and_one_for_every_four_counts(width, registers) -> None:
    assert stages(width) == registers
