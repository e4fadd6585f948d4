"""Shape of a matrix-vector unit: its sizes, widths and cycles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mapping.ops.op import Op

from . import pairs, popcount, sums
from .weights import Rows


@dataclass(frozen=True)
class Shape:
    """What a matrix-vector unit computes.

    Attributes
    ----------
        fan_in, neurons: inputs, outputs. bits: of an input.
        pe, simd, steps: outputs, inputs and timesteps at once.
        lanes: sums that are handed over at once; divides pe.
        raw_bits: of a sum, in two's complement where ``signed``.
        registers: of the popcount (``stages``); more than it needs where another connection of the
            same population has more, or skips words and this one does not.
        unused: bits of the last word that no input stands in, whatever is there.
        coded: whether weights are prefix parities (see popcount): a cycle more, fewer LUTs.
        skips: whether words may be left out: a cycle more, signed sums.
        weight_bits: of a weight: 1, which is -1 or +1, or up to 8, symmetric.
        signed_x: whether inputs are in two's complement.
    """

    fan_in: int
    neurons: int
    bits: int
    pe: int
    simd: int
    steps: int
    lanes: int
    raw_bits: int
    registers: int
    unused: tuple[int, ...] = ()
    coded: bool = False
    skips: bool = False
    weight_bits: int = 1
    signed_x: bool = False

    def __post_init__(self) -> None:
        if (self.wide or self.signed_x) and self.skips:
            raise ValueError("words are skipped only of unsigned inputs and one-bit weights")
        if self.wide and self.coded:
            raise ValueError("only one-bit weights are prefix parities")

    @property
    def wide(self) -> bool:
        """Whether weights have more than one bit."""
        return self.weight_bits > 1

    @property
    def signed(self) -> bool:
        """Whether sums are in two's complement."""
        return self.skips or self.wide

    def lack(self, op: Op) -> np.ndarray | int:
        """Return what is to be added to the sums of an op with these weights, (out,) int64 or 0."""
        if self.skips:
            return 0
        flat = op.weights.reshape(len(op.weights), -1)
        return sums.constant(flat, self.bits, self.weight_bits, self.signed_x)

    @property
    def words(self) -> int:
        """Words of inputs."""
        return -(-self.fan_in // self.simd)

    @property
    def tiles(self) -> int:
        """Tiles of ``pe`` neurons."""
        return -(-self.neurons // self.pe)

    @property
    def cycles(self) -> int:
        """Cycles of one pass: the sums of a tile, for ``steps`` timesteps."""
        return self.words * self.bits

    @property
    def latency(self) -> int:
        """Cycles from the pass's last word to the sums that it completes."""
        return 3 + self.coded + self.registers + self.skips

    @property
    def minus_bits(self) -> int:
        """Bits in which the ROM says how many of an output's weights of a word are -1."""
        return self.simd.bit_length() if self.skips else 0

    @property
    def rom_bits(self) -> int:
        """Bits of a row of the ROM: the weights of all outputs, then their numbers of -1."""
        if self.wide:
            return self.pe * pairs.row_bits(self.simd, self.weight_bits)
        return self.pe * (self.simd + self.minus_bits)

    @property
    def rows_of(self) -> Rows:
        """How its weights stand in the ROM."""
        return Rows(self.words, self.tiles, self.rom_bits)

    @property
    def aligned(self) -> bool:
        """Whether each tile's words begin at a power of two: where it costs no address bit."""
        return self.rows_of.aligned

    @property
    def stride(self) -> int:
        """Rows of the ROM from one tile to the next."""
        return self.rows_of.stride

    @property
    def rows(self) -> int:
        """Rows of the ROM."""
        return self.rows_of.depth


def stages(simd: int, weight_bits: int = 1) -> int:
    """Return the registers that a sum over a word takes, at least."""
    return popcount.stages(simd) if weight_bits == 1 else pairs.stages(simd, weight_bits)
