"""Matrix-vector unit: words of inputs and of weights in, the sums of a tile of neurons out.

For output o with weights w in {-1, +1} (bit 1 is +1), and bit plane b of the inputs::

    raw_o = sum_b 2**b * popcount(xnor(x_b, w_o))                    contract, section 2

which is ``sum_i w_oi x_i`` plus ``(2**bits - 1) * n_neg_o``; that constant stands in the neurons'
bias. ``pe`` outputs, ``simd`` inputs and ``steps`` timesteps are taken each cycle.

Where zero words are skipped, a zero word must add nothing, and popcount(xnor(0, w)) is the -1
weights of the word. So their number stands beside the weights of each word in the ROM and is taken
off its popcount, which leaves the sum itself::

    raw_o = sum_b 2**b * sum_words (popcount(xnor(x_b, w_o)) - n_neg of the word) = sum_i w_oi x_i

Signed, and without a constant. The other way, ``2 * popcount(x & w) - popcount(x)``, needs no bit
in the ROM, but a second popcount, and there are no prefix parities of an AND: half a LUT more for
each bit, where this takes a subtraction an output.
"""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from . import popcount
from .counting import count, later
from .weights import Rows


@dataclass(frozen=True)
class Shape:
    """What a matrix-vector unit computes.

    Attributes
    ----------
        fan_in, neurons: inputs, outputs. bits: unsigned bits of an input.
        pe, simd, steps: outputs, inputs and timesteps at once.
        lanes: sums that are handed over at once; divides pe.
        raw_bits: unsigned bits of a sum.
        registers: of the popcount; more than it needs where another connection of the same
            population has more, or skips words and this one does not.
        unused: bits of the last word that no input stands in, whatever is there.
        coded: whether weights are prefix parities (see popcount): a cycle more, fewer LUTs.
        skips: whether words may be left out: a cycle more, signed sums.
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
        return self.pe * (self.simd + self.minus_bits)

    @property
    def rows_of(self) -> Rows:
        """How its weights stand in the ROM."""
        return Rows(self.words, self.tiles)

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


class MatVec(wiring.Component):
    """XNOR-accumulate; a pass of ``cycles`` words, a word whenever ``issue`` is set.

    It never waits: whoever issues words knows that the sums of the pass before are used up when
    those of the next come, ``latency`` cycles after its last word.

    Parameters
    ----------
    shape : Shape. silences : whether there is a port ``silent``.

    Members
    -------
    issue : a word is taken. again : the same tile once more (a further chunk of timesteps)
    silent : zeros are taken instead
    listed, opens, closes : where words are skipped: the word to take, and whether it is the first,
        the last of its bit plane
    word, x : address of the word, and the word, one cycle later
    row, weights : address in the ROM, and its word, one cycle later
    select : which ``lanes`` sums of the last pass, and of which timestep, are asked for
    raw : those sums, one cycle later
    """

    def __init__(self, shape: Shape, silences: bool = False) -> None:
        self.shape, self.silences = shape, silences
        super().__init__(
            {
                "issue": In(1),
                "again": In(1),
                **({"silent": In(1)} if silences else {}),
                **(
                    {"listed": In(range(shape.words)), "opens": In(1), "closes": In(1)}
                    if shape.skips
                    else {}
                ),
                "word": Out(range(max(2, shape.words))),
                "x": In(shape.simd * shape.bits * shape.steps),
                "row": Out(range(max(2, shape.rows))),
                "weights": In(shape.rom_bits),
                "select": In(range(max(2, shape.pe // shape.lanes * shape.steps))),
                "raw": Out(shape.lanes * shape.raw_bits),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Read; register what was read; popcount; accumulate; keep."""
        m = Module()
        s = self.shape
        word, end_word, opens = self._word(m)
        plane, end_plane = count(m, s.bits, self.issue & end_word, "plane")
        finish = Signal(name="finish")
        m.d.comb += [finish.eq(end_word & end_plane), self.word.eq(word)]
        row = s.rows_of.address(m, word, self.issue, end_word, end_plane, self.again, skips=s.skips)
        m.d.comb += self.row.eq(later(m, row, int(s.coded), "row"))

        flags = {
            "valid": self.issue,
            "double": opens & (plane != 0),
            "finish": finish & self.issue,
        }
        final = self.listed == s.words - 1 if s.skips and s.unused else end_word
        partial = later(m, final, 1, "partial")
        shown = later(m, plane, 1, "plane")
        x = self._plane(m, shown)
        read = Signal(s.simd * s.steps, name="x_read", reset_less=True)
        weights = Signal(s.rom_bits, name="weights_read", reset_less=True)
        m.d.sync += [read.eq(x), weights.eq(self.weights)]
        with m.If(partial):
            m.d.sync += [read[t * s.simd + j].eq(0) for t in range(s.steps) for j in s.unused]
        if self.silences:
            with m.If(later(m, self.silent, 1, "silent")):
                m.d.sync += read.eq(0)
        rows: list[Value] = [read[t * s.simd : (t + 1) * s.simd] for t in range(s.steps)]
        if s.coded:
            rows = [later(m, popcount.prefixes(x), 1, f"prefix_{t}") for t, x in enumerate(rows)]

        minus = later(m, weights[s.pe * s.simd :], s.registers, "minus") if s.skips else None
        cycles = s.latency - 1
        # A sum is cleared as it is handed over; a first word finds 0.
        double = later(m, flags["double"], cycles, "double")
        valid = later(m, flags["valid"], cycles, "valid", reset=True)
        done = later(m, flags["finish"], cycles, "finish", reset=True)
        held: list[list[Signal]] = []
        for t in range(s.steps):
            held.append([])
            for lane in range(s.pe):
                name = f"{lane}_{t}" if s.steps > 1 else f"{lane}"
                mine = weights[lane * s.simd : (lane + 1) * s.simd]
                ones = popcount.popcount(m, rows[t], mine, s.registers, f"ones_{name}", s.coded)
                if minus is not None:
                    at = lane * s.minus_bits
                    sums = Signal(signed(s.minus_bits + 1), name=f"sums_{name}", reset_less=True)
                    m.d.sync += sums.eq(ones - minus[at : at + s.minus_bits])
                    ones = sums
                grown = Signal(s.raw_bits, name=f"grown_{name}")
                keep = Signal(s.raw_bits, name=f"held_{name}", reset_less=True)
                with m.If(done):
                    m.d.sync += keep.eq(grown)
                held[t].append(keep)
                if s.cycles == 1:
                    m.d.comb += grown.eq(ones)
                    continue
                raw = Signal(s.raw_bits, name=f"raw_{name}")
                kept = Mux(double, raw << 1, raw) if s.bits > 1 else raw
                m.d.comb += grown.eq(kept + ones)
                with m.If(valid):
                    m.d.sync += raw.eq(grown)
                with m.If(done):
                    m.d.sync += raw.eq(0)
        groups = [Cat(row[at : at + s.lanes]) for row in held for at in range(0, s.pe, s.lanes)]
        chosen: Value = groups[0]
        if len(groups) > 1:
            chosen = Signal(len(groups[0]), name="chosen")
            with m.Switch(self.select):
                for k, group in enumerate(groups):
                    with m.Case(k) if k + 1 < len(groups) else m.Default():
                        m.d.comb += chosen.eq(group)
        late = Signal(len(groups[0]), name="raw_late", reset_less=True)
        m.d.sync += late.eq(chosen)
        m.d.comb += self.raw.eq(late)
        return m

    def _word(self, m: Module) -> tuple[Value, Value, Value]:
        """Return the word that is taken, whether it is its plane's last, and its first."""
        if self.shape.skips:
            return self.listed, self.closes, self.opens
        word, end = count(m, self.shape.words, self.issue, "word_at")
        return word, end, word == 0

    def _plane(self, m: Module, shown: Value) -> Value:
        """Return the plane that is asked for, the highest first, of every timestep."""
        s = self.shape
        if s.bits == 1:
            return self.x
        x = Signal(s.simd * s.steps, name="x_plane")
        with m.Switch(shown):
            for p in range(s.bits):
                with m.Case(p):
                    bit = s.bits - 1 - p
                    m.d.comb += x.eq(Cat(self.x[j * s.bits + bit] for j in range(s.simd * s.steps)))
        return x
