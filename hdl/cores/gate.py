"""Gate: a factor from a table, chosen by the sums of a whole map (contract, section 5).

With raw sums in place of acc, what they hold beside it is part of the offset::

    total  = sum_c weight_c * (sum of raw_c over the map) + offset     (or of each channel alone)
    factor = table[t, clamp(total >> shift)]                           0 <= . < entries

The passes of a block come twice to the neuron unit. In the first run the gate hears the sums that
the unit selects, and adds them to a total of each timestep of the block; in the second it tells the
factor of every beat. A table that is the same at every total needs no first run. Totals are right
in the bits of ``network.facts``, as every sum of them is taken modulo these.
"""

from __future__ import annotations

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from .buffer import UNCHECKED
from .counting import later
from .gating import GateWidths, Gating
from .order import Order
from .tables import Table, times


class GateUnit(wiring.Component):
    """Hears a beat a cycle, and tells the factors of a beat a cycle; it never waits.

    Latency: 3 cycles from a beat's selection to its factors. From the last beat that is heard in a
    block to the first whose factors are used it takes at least ``gap`` cycles; what is heard of the
    next block may come right behind.

    Parameters
    ----------
    gating : Gating. widths : GateWidths. order : of the neuron unit.

    Members
    -------
    heard, opens, step, row, time : of the neuron unit, of what is selected
    raw : the sums of the connection, one cycle after select
    numbers : the word of its ROM at ``row``, one cycle later
    place_0, entry_0, .. : address in the table's ROM, and its word, one cycle later; one, or one of
        each lane
    gate : the factors of a beat, 3 cycles after select
    """

    def __init__(self, gating: Gating, widths: GateWidths, order: Order) -> None:
        self.gating, self.widths, self.order = gating, widths, order
        self.table = Table(gating.columns(), order.lanes, gating.memory)
        blocks = order.blocks
        self.totals = gating.totals(order)
        self.depth = len(gating.rows(order, widths.factor))
        members = {"gate": Out(self.totals * widths.factor)}
        if gating.counts:
            members |= {
                "heard": In(1),
                "opens": In(1),
                "step": In(range(max(2, blocks.block))),
                "row": In(range(max(2, order.channel_rows))),
                "raw": In(order.lanes * widths.raw),
            }
            if self.table.row_bits:
                members["numbers"] = In(self.table.row_bits)
        if gating.timed:
            members["time"] = In(range(max(2, blocks.count * blocks.block)))
        for k in range(self.totals):
            members[f"place_{k}"] = Out(range(max(2, self.depth)))
            members[f"entry_{k}"] = In(widths.factor)
        super().__init__(members)

    @property
    def weighs(self) -> bool:
        """Whether weights differ from channel to channel, or may: products take a stage."""
        return "weight" in self.table.columns

    @property
    def gap(self) -> int:
        """Least cycles from the selection of a block's last beat heard to its first one used."""
        return self._added if self.gating.counts else 0

    @property
    def _added(self) -> int:
        """Stage in which what is heard of a beat is added to its total."""
        return 3 + (self.weighs and self.totals == 1 and self.order.lanes > 1)

    @property
    def in_memory(self) -> bool:
        """Whether totals stand in a memory, not in registers."""
        return self.gating.in_memory(self.order)

    @property
    def depth_of_totals(self) -> int:
        """Rows of totals that are kept."""
        return self.gating.depth_of_totals(self.order)

    def elaborate(self, platform: object) -> Module:
        """Weigh; add; in the second run read, shift, clamp, and look up."""
        m = Module()
        g, bits = self.gating, self.widths.factor
        time: Value = later(m, self.time, 1, "time") if g.timed else Const(0, 0)
        if g.counts:
            totals = self._totals(m)
            places = [Cat(self._clamped(m, t, k), time) for k, t in enumerate(totals)]
        else:
            places = [time]
        for k, place in enumerate(places):
            port, entry = getattr(self, f"place_{k}"), getattr(self, f"entry_{k}")
            late = Signal(len(port), name=f"place_{k}_2", reset_less=True)
            m.d.sync += late.eq(place)
            m.d.comb += [port.eq(late), self.gate[k * bits : (k + 1) * bits].eq(entry)]
        return m

    def _clamped(self, m: Module, total: Value, k: int) -> Value:
        """Return the place of a total's factor."""
        g = self.gating
        index = Signal(signed(max(1, self.widths.total - g.shift)), name=f"index_{k}")
        place = Signal(g.place_bits, name=f"clamped_{k}")
        m.d.comb += [index.eq(total >> g.shift), place.eq(index)]
        with m.If(index < 0):
            m.d.comb += place.eq(0)
        with m.Elif(index > g.entries - 1):
            m.d.comb += place.eq(g.entries - 1)
        return place

    def _totals(self, m: Module) -> list[Value]:
        """Add what is heard; return the totals of what is selected, in stage 1."""
        g, o, bits, at = self.gating, self.order, self.widths.total, self._added
        numbers = later(m, self.numbers, 1, "numbers") if self.table.row_bits else Const(0, 1)
        lanes = [self.table.read(numbers, k) for k in range(o.lanes)]
        heard = later(m, self.heard, at, "heard", reset=True)
        opens = self.opens if g.each else self.opens & (self.row == 0)
        opens = later(m, opens, at, "opens")
        summands = self._summands(m, [lane["weight"] for lane in lanes])
        offsets = [
            x if isinstance(x, Const) else later(m, x, at - 2, f"offset_{k}")
            for k, x in enumerate(lane["offset"] for lane in lanes[: self.totals])
        ]
        place: Value = Const(0, 1)
        if self.depth_of_totals > 1:
            place = self.step
            if g.each:
                place = Signal(range(self.depth_of_totals), name="total_at")
                m.d.comb += place.eq(self.step * o.channel_rows + self.row)
        after = Signal(self.totals * bits, name="totals_after")
        if self.in_memory:
            before, stored = self._remembered(m, place, heard, after)
        else:
            kept = [
                Signal(len(after), name=f"totals_{k}", reset_less=True)
                for k in range(self.depth_of_totals)
            ]
            before = kept[0] if len(kept) == 1 else Array(kept)[later(m, place, at, "place")]
            stored = kept[0] if len(kept) == 1 else Array(kept)[later(m, place, 1, "asked")]
            with m.If(heard):
                m.d.sync += before.eq(after)
        for k in range(self.totals):
            mine = before[k * bits : (k + 1) * bits]
            more = Mux(opens, offsets[k], mine.as_signed()) + summands[k]
            m.d.comb += after[k * bits : (k + 1) * bits].eq(more)
        return [stored[k * bits : (k + 1) * bits].as_signed() for k in range(self.totals)]

    def _remembered(
        self, m: Module, place: Value, heard: Value, after: Value
    ) -> tuple[Value, Value]:
        """Add the memory of totals; return its word for what is heard, and for what is asked.

        One port reads both, as they never come in one cycle.
        """
        at = self._added
        m.submodules.totals = memory = Memory(
            shape=unsigned(len(after)), depth=self.depth_of_totals, init=[], attrs=UNCHECKED
        )
        read, write = memory.read_port(), memory.write_port()
        soon = later(m, self.heard, at - 1, "heard_before", reset=True)
        early = later(m, place, at - 1, "place")
        m.d.comb += [
            read.addr.eq(Mux(soon, early, place)),
            write.addr.eq(later(m, early, 1, "place_after")),
            write.data.eq(after),
            write.en.eq(heard),
        ]
        return read.data, read.data

    def _summands(self, m: Module, weights: list[Value]) -> list[Value]:
        """Return what a beat adds to each total, in the stage in which it is added.

        Weights that are constant are not multiplied by: with one total, once for all lanes.
        """
        raw, bits = self.widths.raw, self.widths.total
        word = later(m, self.raw, 1, "raw")
        sums = [word[k * raw : (k + 1) * raw] for k in range(self.order.lanes)]
        if self.widths.signed:
            sums = [x.as_signed() for x in sums]
        if self.weighs:
            sums = [
                later(m, times(x, w, signed(bits), m, f"weighed_{k}"), 1, f"weighed_{k}")
                for k, (x, w) in enumerate(zip(sums, weights, strict=True))
            ]
        if self.totals == 1 and len(sums) > 1:
            beat = Signal(signed(bits), name="beat")
            m.d.comb += beat.eq(sum(sums[1:], sums[0]))
            sums = [later(m, beat, 1, "beat")]
        elif not self.weighs:
            sums = [later(m, x, 1, f"sum_{k}") for k, x in enumerate(sums)]
        if self.weighs:
            return sums
        return [times(x, weights[0], signed(bits), m, f"weighed_{k}") for k, x in enumerate(sums)]
