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

Weights of 2 to 8 bits are taken whole, two inputs at a time (``pairs``), in as many cycles; their
sums are signed. Inputs in two's complement come with their highest plane inverted, which is
x + 2**(bits - 1). The constants that any of these sums lack are those of ``sums``.
"""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from . import pairs, popcount
from .counting import count, later
from .matvec_shape import Shape


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
        if s.signed_x:
            x = self._lifted(m, x, shown)
        read = Signal(s.simd * s.steps, name="x_read", reset_less=True)
        weights = Signal(s.rom_bits, name="weights_read", reset_less=True)
        m.d.sync += [read.eq(x), weights.eq(self.weights)]
        unused = () if s.wide else s.unused  # a weight of 0 hears nothing
        with m.If(partial):
            m.d.sync += [read[t * s.simd + j].eq(0) for t in range(s.steps) for j in unused]
        if self.silences and not s.signed_x:
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
        step = {"double": double, "valid": valid, "done": done}
        held: list[list[Value]] = []
        lacks: list[Value] = []  # what the sums of a timestep lack, all alike
        for t in range(s.steps):
            held.append([])
            for lane in range(s.pe):
                name = f"{lane}_{t}" if s.steps > 1 else f"{lane}"
                wide = s.rom_bits // s.pe if s.wide else s.simd
                mine = weights[lane * wide : (lane + 1) * wide]
                if s.wide:
                    ones = pairs.summed(
                        m, rows[t], mine, s.weight_bits, s.registers, f"ones_{name}"
                    )
                else:
                    ones = popcount.popcount(m, rows[t], mine, s.registers, f"ones_{name}", s.coded)
                if minus is not None:
                    at = lane * s.minus_bits
                    sums = Signal(signed(s.minus_bits + 1), name=f"sums_{name}", reset_less=True)
                    m.d.sync += sums.eq(ones - minus[at : at + s.minus_bits])
                    ones = sums
                held[t].append(self._held(m, ones, name, **step))
            if s.wide:
                lack = pairs.ones(m, rows[t], s.weight_bits, s.registers, f"zeros_{t}")
                lacks.append(self._held(m, lack, f"lack_{t}", **step))
        groups = [
            Cat(row[at : at + s.lanes], lacks[t : t + 1])
            for t, row in enumerate(held)
            for at in range(0, s.pe, s.lanes)
        ]
        chosen: Value = groups[0]
        if len(groups) > 1:
            chosen = Signal(len(groups[0]), name="chosen")
            with m.Switch(self.select):
                for k, group in enumerate(groups):
                    with m.Case(k) if k + 1 < len(groups) else m.Default():
                        m.d.comb += chosen.eq(group)
        if s.wide:  # twice the sums, less a constant; the lowest bit is that constant's
            each = s.raw_bits + 1
            lack = chosen[s.lanes * each :]
            cut = [chosen[k * each : (k + 1) * each] for k in range(s.lanes)]
            chosen = Cat((value + lack)[1:each] for value in cut)
        late = Signal(len(chosen), name="raw_late", reset_less=True)
        m.d.sync += late.eq(chosen)
        m.d.comb += self.raw.eq(late)
        return m

    def _held(
        self, m: Module, ones: Value, name: str, double: Value, valid: Value, done: Value
    ) -> Value:
        """Add up what the words of a pass give; return the sum of the last pass."""
        s = self.shape
        bits = s.raw_bits + s.wide
        grown = Signal(bits, name=f"grown_{name}")
        keep = Signal(bits, name=f"held_{name}", reset_less=True)
        with m.If(done):
            m.d.sync += keep.eq(grown)
        if s.cycles == 1:
            m.d.comb += grown.eq(ones)
            return keep
        raw = Signal(bits, name=f"raw_{name}")
        kept = Mux(double, raw << 1, raw) if s.bits > 1 else raw
        m.d.comb += grown.eq(kept + ones)
        with m.If(valid):
            m.d.sync += raw.eq(grown)
        with m.If(done):
            m.d.sync += raw.eq(0)
        return keep

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

    def _lifted(self, m: Module, x: Value, shown: Value) -> Value:
        """Return a plane of x + 2**(bits - 1): the highest one inverted, silent words too."""
        if self.silences:
            x = Mux(later(m, self.silent, 1, "silent"), 0, x)
        highest: Value = Const(1, 1) if self.shape.bits == 1 else shown == 0
        return x ^ highest.replicate(len(x))
