"""Read-out: the class and the score of every sample, from the output population as it is computed.

It listens to a neuron unit as a trace does, and never waits: whether there is a place for its
answer is asked before a block begins (``Leave``).
"""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from .argmax import highest
from .counting import count, later
from .order import Order
from .reading import Reading
from .tables import times


class ReadoutUnit(wiring.Component):
    """Throughput: a beat a cycle. Latency: ``reading.latency(lanes)`` from a block's last beat.

    Parameters
    ----------
    reading : Reading. order : of the neuron unit. v_bits : of a membrane.

    Members
    -------
    valid, index, end, v, spike, starts, final, first : of the neuron unit
    ended : a block has ended. data : its answer, ``class``, ``score`` and ``fired`` from the
        lowest bit on, and in the highest bit whether there is one.
    begun : a sample's first beat; decided : an answer comes before its sample has ended
    """

    def __init__(self, reading: Reading, order: Order, v_bits: int) -> None:
        self.reading, self.order, self.v_bits = reading, order, v_bits
        super().__init__(
            {
                "valid": In(1),
                "index": In(range(max(2, order.rows))),
                "end": In(1),
                "v": In(order.lanes * v_bits),
                "spike": In(order.lanes),
                "starts": In(1),
                "final": In(1),
                "first": In(1),
                "ended": Out(1),
                "data": Out(reading.beat_bits),
                "begun": Out(1),
                "decided": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Take the largest of a beat, level by level; then of all beats, row after row.

        Rows come in the order of their neurons, so that of equal ones the first is kept. Where
        tiles go through several timesteps, a later tile may fire earlier: times are compared.
        """
        m = Module()
        r, lanes = self.reading, self.order.lanes
        beat = self._place(m)
        spikes = [self.spike[k] for k in range(lanes)]
        values = [self.v[k * self.v_bits : (k + 1) * self.v_bits].as_signed() for k in range(lanes)]
        if r.kind == "count":
            values = self._tally(m, beat, values if r.membranes else spikes)
        at = r.latency(lanes) - 2
        now = {n: later(m, flag, at, n, n == "valid") for n, flag in beat.items()}

        fired: Value = Const(0, 1)
        late = best = None
        if r.kind == "first_spike":
            hit, lane = highest(m, spikes, "spike")
            fired = Signal(name="fired")
            late = _Best(m, now, now["time"], lane, "time")
            newer: Value = now["begin"] | ~fired
            if self.order.repeats:
                newer = newer | (now["time"] < late.value)
            with m.If(now["valid"]):
                m.d.sync += fired.eq(hit | (fired & ~now["begin"]))
                with m.If(hit & newer):
                    m.d.sync += late.replaced
        if r.kind != "first_spike" or r.fallback:
            value, lane = highest(m, values, "value")
            best = _Best(m, now, value, lane, "value")
            begins = now["index"] == 0
            with m.If(now["valid"] & now["read"] & (begins | (value > best.value))):
                m.d.sync += best.replaced
        self._answer(m, now, fired, late, best)
        return m

    def _answer(
        self, m: Module, now: dict[str, Value], fired: Value, late: _Best | None,
        best: _Best | None,
    ) -> None:  # fmt: skip
        """Say class and score once a sample, the cycle after all of it is part of what is kept."""
        r, lanes = self.reading, self.order.lanes
        begun, ended, final = (
            later(m, now["valid"] & now[n], 1, f"{n}_kept", True)
            for n in ("begin", "block_end", "final")
        )
        answer: Value = ended & final
        if r.stop:
            answered, unanswered = Signal(name="answered"), Signal(name="unanswered")
            m.d.comb += unanswered.eq(begun | ~answered)
            answer = ended & (final | fired) & unanswered
            m.d.sync += answered.eq(answer | ~unanswered)
            m.d.comb += [self.begun.eq(begun), self.decided.eq(answer & ~final)]
        place, score = Const(0, 1), Const(0, 1)
        if best:
            place, score = best.place(m, lanes), best.value
        if late:
            place, score = Mux(fired, late.place(m, lanes), place), Mux(fired, late.value, score)
        names = ("class_out", "score_out", "fired_out")
        shapes = (r.class_bits, signed(r.bits), 1)
        kept = [
            Signal(s, name=n, reset_less=True) for n, s in zip(names, shapes, strict=True)
        ]  # fmt: skip
        has = Signal(name="has_answer")
        m.d.sync += [k.eq(v) for k, v in zip(kept, (place, score, fired), strict=True)]
        m.d.sync += [self.ended.eq(ended), has.eq(answer)]
        m.d.comb += self.data.eq(Cat(*kept[: len(r.ports)], has))

    def _place(self, m: Module) -> dict[str, Value]:
        """Count positions in a block, and timesteps; return the flags of a beat."""
        r, blocks = self.reading, self.order.blocks
        # With one timestep a block, tile follows tile within it.
        groups = self.order.groups if self.order.repeats else self.order.rows
        group, end_group = count(m, groups, self.valid, "group")
        turned = Signal(name="turned")
        m.d.comb += turned.eq(self.valid & (end_group | self.end))
        position: Value = Const(0, 1)
        now: Value = position
        if blocks.block > 1:
            position = now = Signal(range(blocks.block), name="position")
            skipped = blocks.block - blocks.first
            if skipped:
                now = Signal.like(position, name="position_now")
                m.d.comb += now.eq(Mux(self.first & (position == 0), skipped, position))
        end_tile = now == blocks.block - 1
        with m.If(turned):
            if isinstance(group, Signal):
                m.d.sync += group.eq(0)
            if isinstance(position, Signal):
                m.d.sync += position.eq(Mux(end_tile, 0, now + 1))
        flags = {
            "valid": self.valid,
            "index": self.index,
            "begin": self.starts & (self.index == 0),
            "block_end": self.end & end_tile,
            "final": self.final,
            "read": self.final,
        }
        last = blocks.timesteps - 1
        if r.kind != "first_spike" and r.step in (None, last):
            return flags
        time = Signal(range(blocks.timesteps), name="time_at")
        flags["time"] = Signal.like(time, name="time_now")
        m.d.comb += flags["time"].eq(Mux(self.starts, 0, time))
        with m.If(turned):
            m.d.sync += time.eq(flags["time"] + 1)
            if not blocks.whole and blocks.block > 1:
                base = Signal.like(time, name="time_base")
                with m.If(end_tile & self.end):
                    m.d.sync += base.eq(flags["time"] + 1)
                with m.Elif(end_tile):  # where a sample begins, starts says so
                    m.d.sync += time.eq(base)
        if r.step is not None and r.step < last:
            before = flags["time"] < r.step
            flags["read"] = (flags["time"] == r.step) | (self.final & before)
        return flags

    def _tally(self, m: Module, beat: dict[str, Value], values: list[Value]) -> list[Value]:
        """Add to what is kept of each neuron; return the sums, a cycle later.

        It is read and written in one cycle, as a neuron may come again in the next.
        """
        width, depth = self.reading.tally(self.order)
        if depth > 1:
            m.submodules.tally = memory = Memory(
                shape=unsigned(width), depth=depth, init=[], attrs={"ram_style": "auto"}
            )
            read, write = memory.read_port(domain="comb"), memory.write_port()
            m.d.comb += [read.addr.eq(self.index), write.addr.eq(self.index)]
            kept, enable, after = read.data, write.en, write.data
        else:
            kept = Signal(width, name="tally", reset_less=True)
            enable, after = Signal(name="tally_enable"), Signal(width, name="tally_after")
            with m.If(enable):
                m.d.sync += kept.eq(after)
        bits, sums = self.reading.bits, []
        for k, value in enumerate(values):
            total = Signal(signed(bits), name=f"total_{k}")
            before = kept[k * bits : (k + 1) * bits].as_signed()
            m.d.comb += total.eq(Mux(self.starts, 0, before) + value)
            sums.append(total)
        m.d.comb += [enable.eq(self.valid), after.eq(Cat(*sums))]
        return [later(m, total, 1, f"total_{k}") for k, total in enumerate(sums)]


class _Best:
    """Registers of the best so far: its value, and where it stands."""

    def __init__(
        self, m: Module, now: dict[str, Value], value: Value, lane: Value, name: str
    ) -> None:
        self.value = Signal(value.shape(), name=f"best_{name}", reset_less=True)
        self.row = Signal.like(now["index"], name=f"row_{name}", reset_less=True)
        self.lane = Signal.like(lane, name=f"lane_{name}", reset_less=True)
        self.replaced = [self.value.eq(value), self.row.eq(now["index"]), self.lane.eq(lane)]

    def place(self, m: Module, lanes: int) -> Value:
        """Return its neuron."""
        if lanes == 1:
            return self.row
        first = times(self.row, lanes, len(self.row) + lanes.bit_length(), m, self.row.name + "_at")
        return first + self.lane
