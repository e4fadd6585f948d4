"""Shape of a lanewise unit: its sizes, widths and cycles; how its weights stand in their ROM."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mapping.intervals import Interval, planes, uniform
from mapping.ops.op import Op

from .weights import Rows


@dataclass(frozen=True)
class LaneShape:
    """What a lanewise unit computes.

    Attributes
    ----------
        kind: ``"sum"`` or ``"max"``. taps: places of a window, padding included.
        neurons: channels. bits: of an element; signed_x: in two's complement.
        weight_bits: 0 without weights, 1 bipolar, 2 to 8 symmetric in two's complement; of sums.
        pe, simd, steps: channels of a tile, of a word, and timesteps at once. simd divides pe.
        lanes: sums that are handed over at once; divides pe.
        raw_bits: of a sum (``raw_bits``); in two's complement where ``signed``.
        registers: cycles that it is later than it needs, as another connection of the same
            population is.
        slack: cycles that surely lie between the last word of a pass and the first of the next.
            So many of the registers are a flag's alone, and not those of a word.
    """

    kind: str
    taps: int
    neurons: int
    bits: int
    pe: int
    simd: int
    steps: int
    lanes: int
    raw_bits: int
    registers: int = 0
    signed_x: bool = False
    weight_bits: int = 0
    slack: int = 0
    skips: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if self.pe % self.simd or self.pe % self.lanes:
            raise ValueError(f"SIMD {self.simd} and lanes {self.lanes} must divide PE {self.pe}")
        if self.kind != "sum" and self.weight_bits:
            raise ValueError(f"a {self.kind} has no weights")

    def lack(self, op: Op) -> int:
        """Return what is to be added to its sums: nothing."""
        return 0

    @property
    def signed(self) -> bool:
        """Whether sums are in two's complement."""
        return self.signed_x or self.weight_bits > 0

    @property
    def parts(self) -> int:
        """Words of a tap."""
        return self.pe // self.simd

    @property
    def cycles(self) -> int:
        """Cycles of one pass: the sums of a tile, for ``steps`` timesteps."""
        return self.taps * self.parts

    @property
    def tiles(self) -> int:
        """Tiles of ``pe`` channels."""
        return -(-self.neurons // self.pe)

    @property
    def groups(self) -> int:
        """Rows of ``lanes`` sums that a pass gives."""
        return self.pe // self.lanes * self.steps

    @property
    def reads(self) -> bool:
        """Whether a word is registered before anything is computed of it."""
        plain = self.taps == 1 or (self.kind == "max" and self.bits == 1)
        return self.weight_bits > 0 or not plain

    @property
    def multiplies(self) -> bool:
        """Whether products take a register of their own."""
        return self.weight_bits > 1 and self.bits > 1

    @property
    def latency(self) -> int:
        """Cycles from the pass's last word to the sums that it completes."""
        return 1 + (self.groups > 1) + self.reads + self.multiplies + self.registers

    @property
    def rows_of(self) -> Rows:
        """How its weights stand in the ROM."""
        return Rows(self.cycles, self.tiles, self.rom_bits)

    @property
    def rom_bits(self) -> int:
        """Bits of a row of the ROM; 0 without weights."""
        return self.simd * self.weight_bits

    @property
    def rows(self) -> int:
        """Rows of the ROM; 0 without weights."""
        return self.rows_of.depth if self.weight_bits else 0


def raw_bits(
    op: Op, source: Interval, shape: tuple[int, ...], signed_x: bool | None = None,
    others: bool = False,
) -> int:  # fmt: skip
    """Return the bits of an op's sums, partial ones and those of silent words included.

    In two's complement where ``LaneShape.signed`` says so. A sum of the first taps lies within that
    of a whole window which may hold zeros, as each tap can add nothing; and a maximum within the
    source and 0.

    Args:
        op: Pool, Identity or a depthwise Conv. source: what it reads. shape: of the source.
        signed_x: whether the source comes in two's complement; where it must, unless told.
        others: whether any weights of as many bits may stand in place of the op's own.
    """
    wide = op.interval(source.with_zero(), shape)
    if others and op.bits:
        top = max(1, (1 << op.bits - 1) - 1)
        most = op.fan_in * top * max(map(abs, source.span))
        wide = uniform(-most, most, 1)
    needed, is_signed = planes(wide)
    return needed + (not is_signed and (op.bits > 0 or bool(signed_x)))


def packed(weights: np.ndarray, shape: LaneShape) -> list[int]:
    """Return the ROM's rows: those of a tile tap by tap, and in a tap word by word.

    Element j of a row is the weight of lane j of its word, ``weight_bits`` bits of two's
    complement; of bipolar weights one bit, 1 for +1.

    Args:
        weights: (neurons, taps), taps in the order in which a window is read.
    """
    s = shape
    full = np.ones((s.tiles * s.pe, s.taps), np.int64)
    full[: s.neurons] = weights
    if s.weight_bits == 1:
        full = full > 0
    cube = full.reshape(s.tiles, s.parts, s.simd, s.taps).transpose(0, 3, 1, 2)
    return s.rows_of.joined(cube, s.weight_bits)
