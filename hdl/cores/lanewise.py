"""Lanewise unit: sums, maxima and weighted sums of which each is of one channel alone.

Pools, identities and depthwise convolutions; a lane is a channel and a timestep. For lane c, with
the elements x_k of its channel at the places k of a window, and its weights w_k::

    raw_c = sum_k x_k           sum; the source itself for one place
            max_k x_k           max; the OR of spikes
            sum_k w_k x_k       weighted

Elements are taken whole, with all their bits. Sums are without a constant: what a bipolar weight
takes off is subtracted, and nothing is merged into the bias.

A pass goes tap by tap through the window, and in each tap through the ``pe / simd`` words of the
tile. So the lanes that a word belongs to come round: there is one adder for each lane of a word,
and the accumulators of the tile move past it, a word a step.
"""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .counting import count, later
from .lane_shape import LaneShape


class Lanewise(wiring.Component):
    """Accumulate lane by lane; a pass of ``cycles`` words, a word whenever ``issue`` is set.

    It never waits: whoever issues words knows that the sums of the pass before are used up when
    those of the next come, ``latency`` cycles after its last word.

    Parameters
    ----------
    shape : LaneShape. silences : whether there is a port ``silent``.

    Members
    -------
    issue : a word is taken
    silent : zeros are taken instead: beyond the map, or in a timestep before anything comes
    x : the word, one cycle later; ``simd`` elements of ``bits``, for each of ``steps`` timesteps
    again : with weights, the same tile once more (another place, or a further chunk of timesteps)
    row, weights : with weights, address in the ROM, and its row, one cycle later
    select : which ``lanes`` sums of the last pass, and of which timestep, are asked for
    raw : those sums, one cycle later
    """

    def __init__(self, shape: LaneShape, silences: bool = False) -> None:
        self.shape, self.silences = shape, silences
        super().__init__(
            {
                "issue": In(1),
                **({"silent": In(1)} if silences else {}),
                "x": In(shape.simd * shape.bits * shape.steps),
                "again": In(1),
                **(
                    {"row": Out(range(max(2, shape.rows))), "weights": In(shape.rom_bits)}
                    if shape.weight_bits
                    else {}
                ),
                "select": In(range(max(2, shape.groups))),
                "raw": Out(shape.lanes * shape.raw_bits),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Silence; be late; register; multiply; accumulate; keep."""
        m = Module()
        s = self.shape
        word, end = count(m, s.cycles, self.issue, "word_at")
        if s.weight_bits:
            rows = s.rows_of
            m.d.comb += self.row.eq(rows.address(m, word, self.issue, end, Const(1, 1), self.again))
        wait = min(s.registers, s.slack)  # a flag's alone: accumulators keep what they hold
        late = s.registers - wait + s.reads
        x: Value = self.x
        if self.silences:
            heard = Signal(len(x), name="heard")
            m.d.comb += heard.eq(Mux(later(m, self.silent, 1, "silent"), 0, x))
            x = heard
        x = later(m, x, late, "x")
        weights = later(m, self.weights, late, "weights") if s.weight_bits else None
        arrives = 1 + late + s.multiplies
        valid = later(m, self.issue, arrives, "valid", reset=True)
        done = later(m, self.issue & end, arrives + wait, "finish", reset=True)
        held = [self._lane(m, t, x, weights, valid, done, wait) for t in range(s.steps)]
        groups = [Cat(row[at : at + s.lanes]) for row in held for at in range(0, s.pe, s.lanes)]
        if len(groups) == 1:
            m.d.comb += self.raw.eq(groups[0])
            return m
        chosen = Signal(len(groups[0]), name="chosen")
        with m.Switch(self.select):
            for k, group in enumerate(groups):
                with m.Case(k) if k + 1 < len(groups) else m.Default():
                    m.d.comb += chosen.eq(group)
        kept = Signal(len(groups[0]), name="raw_late", reset_less=True)
        m.d.sync += kept.eq(chosen)
        m.d.comb += self.raw.eq(kept)
        return m

    def _lane(
        self, m: Module, t: int, x: Value, weights: Value | None, valid: Value, done: Value,
        wait: int,
    ) -> list[Value]:  # fmt: skip
        """Add the lanes of a timestep; return the sums of the last pass, lane by lane."""
        s = self.shape
        shape = signed(s.raw_bits) if s.signed and s.kind == "sum" else unsigned(s.raw_bits)
        # With the sign inverted, a greater number is a greater bit pattern, and 0 is the least.
        sign = 1 << s.raw_bits - 1 if s.signed and s.kind == "max" else 0
        held: list[Value] = []
        for j in range(s.simd):
            at = (t * s.simd + j) * s.bits
            mine = x[at : at + s.bits]
            if s.signed_x:
                mine = mine.as_signed()
            if sign:
                mine = (mine ^ Const(-sign, signed(s.raw_bits)))[: s.raw_bits]
            weight = None
            if weights is not None:
                weight = weights[j * s.weight_bits : (j + 1) * s.weight_bits]
            name = f"{j}_{t}" if s.steps > 1 else f"{j}"
            kept = [Signal(shape, name=f"held_{name}_{k}", reset_less=True) for k in range(s.parts)]
            held += kept
            if s.cycles == 1 and not wait:
                total = Signal(shape, name=f"total_{name}")
                m.d.comb += total.eq(self._grown(m, None, mine, weight, name))
                with m.If(done):
                    m.d.sync += kept[0].eq(total ^ sign)
                continue
            sums = [Signal(shape, name=f"sum_{name}_{k}") for k in range(s.parts)]
            grown = Signal(shape, name=f"grown_{name}")
            before = None if s.taps == 1 else sums[0]
            m.d.comb += grown.eq(self._grown(m, before, mine, weight, name))
            after = [*sums[1:], grown]
            with m.If(valid):
                m.d.sync += [a.eq(b) for a, b in zip(sums, after, strict=True)]
            with m.If(done):
                complete = sums if wait else after
                m.d.sync += [a.eq(b ^ sign) for a, b in zip(kept, complete, strict=True)]
                m.d.sync += [a.eq(0) for a in sums]
        # Lane j of word k is channel k * simd + j of the tile.
        return [held[j * s.parts + k] for k in range(s.parts) for j in range(s.simd)]

    def _grown(
        self, m: Module, sums: Value | None, mine: Value, weight: Value | None, name: str
    ) -> Value:
        """Return a sum and one element more; of one place, the element."""
        s = self.shape
        if weight is None:
            if sums is None:
                return mine
            if s.kind == "sum":
                return sums + mine
            if s.bits == 1:
                return sums | mine
            return Mux(mine > sums, mine, sums)
        term: Value
        if s.weight_bits == 1 and s.bits > 1:  # plus, or minus: its complement, and a carry in
            minus = ~weight
            before = Cat(Const(1, 1), Const(0, 1) if sums is None else sums)
            return (before.as_signed() + Cat(minus, mine ^ minus.as_signed()).as_signed()) >> 1
        if s.weight_bits == 1:
            term = Mux(weight, mine, -mine)
        elif s.bits == 1:
            gated = Mux(mine[0], weight, 0).as_signed()
            term = -gated if s.signed_x else gated
        else:
            term = Signal(signed(s.weight_bits + s.bits + 1), name=f"product_{name}")
            m.d.sync += term.eq(mine * weight.as_signed())
        return term if sums is None else sums + term
