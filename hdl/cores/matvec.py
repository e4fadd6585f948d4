"""Matrix-vector unit: words of inputs and of weights in, the sums of a tile of neurons out.

For output o with weights w in {-1, +1} (bit 1 is +1), and bit plane b of the inputs::

    raw_o = sum_b 2**b * popcount(xnor(x_b, w_o))                    contract, section 2

which is ``sum_i w_oi x_i`` plus ``(2**bits - 1) * n_neg_o``; that constant stands in the neurons'
bias. ``pe`` outputs, ``simd`` inputs and ``steps`` timesteps are taken each cycle.
"""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from . import popcount
from .counting import count, later


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
            population has more.
        unused: bits of the last word that no input stands in, whatever is there.
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
        return 3 + self.registers


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
                "word": Out(range(max(2, shape.words))),
                "x": In(shape.simd * shape.bits * shape.steps),
                "row": Out(range(max(2, shape.tiles * shape.words))),
                "weights": In(shape.pe * shape.simd),
                "select": In(range(max(2, shape.pe // shape.lanes * shape.steps))),
                "raw": Out(shape.lanes * shape.raw_bits),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Read; register what was read; popcount; accumulate; keep."""
        m = Module()
        s = self.shape
        word, end_word = count(m, s.words, self.issue, "word_at")
        plane, end_plane = count(m, s.bits, self.issue & end_word, "plane")
        finish = Signal(name="finish")
        m.d.comb += [finish.eq(end_word & end_plane), self.word.eq(word)]
        if s.tiles * s.words > 1:
            row = Signal(range(s.tiles * s.words), name="row_at")
            base = Signal(range(s.tiles * s.words), name="row_base")
            m.d.comb += self.row.eq(row)
            # The first row of the next tile; after the last one, the first of all.
            following = Mux(row == s.tiles * s.words - 1, 0, row + 1)
            with m.If(self.issue):
                m.d.sync += row.eq(row + 1)
                with m.If(end_word):
                    m.d.sync += row.eq(base)
                    with m.If(end_plane & ~self.again):
                        m.d.sync += [row.eq(following), base.eq(following)]

        flags = {
            "valid": self.issue,
            "begin": (word == 0) & (plane == 0),
            "double": (word == 0) & (plane != 0),
            "finish": finish & self.issue,
        }
        partial = later(m, end_word, 2, "partial")
        silent = later(m, self.silent, 2, "silent") if self.silences else None
        shown = later(m, plane, 1, "plane")
        x = self._plane(m, shown)
        read = Signal(s.simd * s.steps, name="x_read", reset_less=True)
        weights = Signal(s.pe * s.simd, name="weights_read", reset_less=True)
        m.d.sync += [read.eq(x), weights.eq(self.weights)]
        rows = []
        for t in range(s.steps):
            bits = [read[t * s.simd + j] for j in range(s.simd)]
            bits = [b & ~partial if j in s.unused else b for j, b in enumerate(bits)]
            rows.append([b & ~silent for b in bits] if self.silences else bits)

        cycles = 2 + s.registers
        begin = later(m, flags["begin"], cycles, "begin")
        double = later(m, flags["double"], cycles, "double")
        valid = later(m, flags["valid"], cycles, "valid", reset=True)
        done = later(m, flags["finish"], cycles, "finish", reset=True)
        held: list[list[Signal]] = []
        for t in range(s.steps):
            held.append([])
            for lane in range(s.pe):
                name = f"{lane}_{t}" if s.steps > 1 else f"{lane}"
                agree = Signal(s.simd, name=f"agree_{name}")
                mine = weights[lane * s.simd : (lane + 1) * s.simd]
                m.d.comb += agree.eq(~(Cat(rows[t]) ^ mine))
                ones = popcount.popcount(m, agree, s.registers, f"ones_{name}")
                raw = Signal(s.raw_bits, name=f"raw_{name}", reset_less=True)
                grown = Signal(s.raw_bits, name=f"grown_{name}")
                kept = Mux(double, raw << 1, raw) if s.bits > 1 else raw
                m.d.comb += grown.eq(Mux(begin, 0, kept) + ones)
                with m.If(valid):
                    m.d.sync += raw.eq(grown)
                keep = Signal(s.raw_bits, name=f"held_{name}", reset_less=True)
                with m.If(done):
                    m.d.sync += keep.eq(grown)
                held[t].append(keep)
        groups = [
            Cat(row[at : at + s.lanes]) for row in held for at in range(0, s.pe, s.lanes)
        ]
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
                    m.d.comb += x.eq(
                        Cat(self.x[j * s.bits + bit] for j in range(s.simd * s.steps))
                    )
        return x
