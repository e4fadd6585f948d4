"""Network top: the cores of a Plan, and the streams and credits between them."""

from __future__ import annotations

import functools
import operator

from amaranth.hdl import Cat, Const, Module, Value
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from . import leaving
from .contents import memories
from .cores.buffer import BlockBuffer
from .cores.counting import later
from .cores.delay import Delay
from .cores.entry import ERRORS, Entry
from .cores.gather import Gather
from .cores.line_entry import LineEntry
from .cores.lines import LineBuffer
from .cores.sequencer import Sequencer
from .planned import Plan, label
from .rewriting import PORTS, Rewriting
from .summing import Summing

#: LUTs that a block RAM is worth, at least.
WORTH = 24


class NetworkTop(wiring.Component):
    """Populations, each with a sequencer, its connections' matrix-vector units and a neuron unit.

    Parameters
    ----------
    plan : Plan

    Members
    -------
    i_valid, i_ready, i_data, i_first, i_last : input beats
    o_valid, o_ready, o_data, o_first, o_last : output beats of the plan's output population; or
    c_valid, c_ready, c_class, c_score, .. : a beat a sample, see ``Reading.ports``
    error : sticky bits, see ``cores.entry.ERRORS``
    trace_0_valid, trace_0_index, .. : every population's neurons as they are computed, never
        waiting; see ``PlannedPopulation.trace``
    w_valid, w_ready, w_data, w_first, w_last, w_good, w_crc : of a loadable plan alone, see
        ``cores.loader``
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        super().__init__(
            {
                "i_valid": In(1),
                "i_ready": Out(1),
                "i_data": In(plan.enter.beat_bits),
                "i_first": In(1),
                "i_last": In(1),
                **leaving.ports(plan),
                "error": Out(len(ERRORS)),
                **{
                    f"trace_{k}_{name}": Out(bits)
                    for k, p in enumerate(plan.populations)
                    for name, bits in p.trace.items()
                },
                **(PORTS if plan.loadable else {}),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Make every core, then join them source by source."""
        m = Module()
        plan = self.plan
        self._contents = memories(plan, plan.network)
        self._buffers: dict[tuple[int, int], BlockBuffer | LineBuffer] = {}
        self._reserve: dict[int, Value] = {}
        self._rewriting = Rewriting(m, self, plan) if plan.loadable else None
        for k, p in enumerate(plan.populations):
            for j, c in enumerate(p.connections):
                buffer: BlockBuffer | LineBuffer
                if c.sweep is None:
                    buffer = BlockBuffer(c.placing, c.banks, c.tokens, plan.loadable)
                else:
                    buffer = LineBuffer(
                        c.placing, c.sweep, c.banks, c.constant, c.tokens, plan.loadable
                    )
                m.submodules[f"buffer_{label(self.plan, k, j)}"] = buffer
                self._buffers[k, j] = buffer
        units = [self._population(m, k) for k in range(len(plan.populations))]
        self._enter(m)
        for k in range(len(units)):
            self._spread(m, k, units[k])
        return m

    def _population(self, m: Module, k: int) -> wiring.Component:
        """Add a population's cores."""
        plan = self.plan
        p, values = plan.populations[k], plan.network.populations[k]
        contents = self._contents
        unit = p.unit(values)
        sequencer = Sequencer(
            plan.blocks, tiles=p.tiles // (p.lines * p.places), period=p.period,
            cycles=[c.shape.cycles for c in p.connections],
            constant=[c.constant for c in p.connections],
            late=[c.steps if c.constant else 0 for c in p.connections],
            back=[c.back for c in p.connections],
            leader=p.leader, latency=p.connections[0].shape.latency - 1,
            skips=[c.shape.skips for c in p.connections], least=p.least,
            places=p.places, lines=p.lines, swept=p.swept, runs=p.runs, fills=plan.fills,
        )  # fmt: skip
        m.submodules[f"sequencer_{k}"] = sequencer
        m.submodules[f"neurons_{k}"] = unit
        summing = Summing(m, plan, contents, self._buffers, self._rows)
        for j in range(len(p.connections)):
            summing.add(k, j, sequencer, unit)
        m.d.comb += [
            unit.loaded.eq(sequencer.loaded),
            unit.begins.eq(sequencer.begins),
            unit.ends.eq(sequencer.ends),
        ]
        if unit.table.row_bits:
            name = f"parameters_{k}"
            m.d.comb += unit.numbers.eq(
                self._rows(m, contents[name], unit.table.row_bits, name, unit.row)
            )
        for name in p.trace:
            m.d.comb += getattr(self, f"trace_{k}_{name}").eq(getattr(unit, name))
        if p.runs > 1:
            m.d.comb += unit.counting.eq(sequencer.counting)
        sends = sequencer.start & sequencer.sends if p.runs > 1 else sequencer.start
        self._reserve[k] = sends
        rooms = [self._buffers[reader].room for reader in plan.readers(k)]
        if k == plan.output:  # of which a block is reserved as it begins
            self._leave = leave = leaving.made(plan)
            m.submodules.leave = leave
            rooms.append(leave.room | ~sequencer.opens if p.rounds > 1 else leave.room)
            self._opens = sends & sequencer.opens if p.rounds > 1 else sends
        room = _all(rooms)
        m.d.comb += sequencer.room.eq(room | ~sequencer.sends if p.runs > 1 else room)
        return unit

    def _enter(self, m: Module) -> None:
        """Carry the input to everyone who reads it."""
        plan = self.plan
        placing = plan.enter
        sizes = {"beats": placing.beats, "beats_first": placing.beats_first}
        entry: Entry | LineEntry
        if plan.fills:
            entry = LineEntry(
                placing.word_bits, **sizes, lines=plan.rows, blocks=placing.blocks.count
            )
        else:
            entry = Entry(
                placing.word_bits, **sizes, blocks=placing.blocks.count,
                drops=plan.answer is not None and plan.answer.stop,
            )  # fmt: skip
        abort = Const(0, 1) if isinstance(entry, LineEntry) else entry.abort
        m.submodules.entry = entry
        readers = plan.readers(-1)
        rooms = [self._buffers[r].room for r in readers]
        if self._rewriting is not None:
            rooms.append(self._rewriting.may_begin(entry))
        m.d.comb += [
            entry.i.valid.eq(self.i_valid),
            entry.i.p.data.eq(self.i_data),
            entry.i.p.first.eq(self.i_first),
            entry.i.p.last.eq(self.i_last),
            self.i_ready.eq(entry.i.ready),
            self.error.eq(entry.error),
            entry.room.eq(_all(rooms)),
        ]
        for k, j in readers:
            self._carry(m, k, j, entry.o, entry.reserve, abort)
        if self._rewriting is not None:
            self._rewriting.waits(m, entry, self._buffers.values())

    def _rows(self, m: Module, rows: list[int], width: int, name: str, address: Value) -> Value:
        """Add a memory that a population reads; return its word, one cycle after the address."""
        if self._rewriting is None:
            return _rom(m, rows, width, name, address)
        block = style(width, len(rows))
        attrs = {} if block is None else {"ram_style": block}
        return self._rewriting.rows(m, rows, width, name, address, attrs)

    def _carry(
        self, m: Module, k: int, j: int, beats: wiring.PureInterface, reserve: Value, abort: Value
    ) -> None:
        """Bring beats to a connection's buffer, through its delay."""
        c, buffer = self.plan.populations[k].connections[j], self._buffers[k, j]
        m.d.comb += buffer.reserve.eq(reserve)
        if c.steps and not c.constant:
            delay = Delay(c.stream, c.steps)
            m.submodules[f"delay_{label(self.plan, k, j)}"] = delay
            m.d.comb += [
                delay.i.valid.eq(beats.valid),
                delay.i.payload.eq(beats.payload),
                delay.abort.eq(abort),
            ]
            beats = delay.o
            abort = later(m, abort, Delay.latency, f"abort_{label(self.plan, k, j)}", True)
        m.d.comb += [buffer.i.valid.eq(beats.valid), buffer.i.payload.eq(beats.payload)]
        if not isinstance(buffer, LineBuffer):
            m.d.comb += buffer.abort.eq(abort)

    def _spread(self, m: Module, k: int, unit: wiring.Component) -> None:
        """Carry a population's output to everyone who reads it; readers of one width share."""
        plan = self.plan
        p = plan.populations[k]
        gathers: dict[tuple[int, int], Gather] = {}

        def gathered(wide: int, bits: int) -> Gather:
            if (wide, bits) not in gathers:
                gather = Gather(p.order.lanes, wide, bits)
                narrow = not p.spiking and bits < p.widths.v  # never negative
                m.submodules[f"gather_{k}_{wide}{'_narrow' * narrow}"] = gather
                gathers[wide, bits] = gather
                sent = unit.spike if p.spiking else unit.v
                if narrow:
                    lanes = range(p.order.lanes)
                    sent = Cat(unit.v.word_select(i, p.widths.v)[:bits] for i in lanes)
                m.d.comb += [
                    gather.valid.eq(unit.valid),
                    gather.data.eq(sent),
                    gather.end.eq(unit.end),
                    gather.first.eq(unit.first),
                    gather.last.eq(unit.last),
                ]
            return gathers[wide, bits]

        for reader in plan.readers(k):
            c = plan.populations[reader[0]].connections[reader[1]]
            beats = gathered(c.placing.granule, c.placing.bits).o
            self._carry(m, *reader, beats, self._reserve[k], Const(0, 1))
        if k == plan.output and plan.answer:
            leaving.read(m, plan, unit, self._leave, self._opens, self)
        elif k == plan.output:
            leave = self._leave
            gather = gathered(plan.leaves.granule, plan.leaves.bits)
            m.d.comb += [
                leave.i.valid.eq(gather.o.valid),
                leave.i.payload.eq(gather.o.payload),
                leave.reserve.eq(self._opens),
                self.o_valid.eq(leave.o.valid),
                self.o_data.eq(leave.o.p.data),
                self.o_first.eq(leave.o.p.first),
                self.o_last.eq(leave.o.p.last),
                leave.o.ready.eq(self.o_ready),
            ]


def _rom(m: Module, rows: list[int], width: int, name: str, address: Value) -> Value:
    """Add a ROM; return its word, one cycle after the address. One row is a constant."""
    if len(rows) == 1:
        return Const(rows[0], width)
    attrs = {} if style(width, len(rows)) is None else {"rom_style": style(width, len(rows))}
    m.submodules[name] = rom = Memory(shape=width, depth=len(rows), init=rows, attrs=attrs)
    port = rom.read_port()
    m.d.comb += port.addr.eq(address)
    return port.data


def style(width: int, depth: int) -> str | None:
    """Return "block" for a ROM that would take more LUTs than a block RAM is worth.

    A LUT holds 16 rows of a bit. Counted in blocks of at least 18 kbit and at most 36 bits a row.
    """
    luts = width * -(-depth // 16)
    blocks = max(-(-width // 36), -(-width * depth // 18432))
    return "block" if luts >= WORTH * blocks else None


def _all(bits: list[Value]) -> Value:
    return functools.reduce(operator.and_, bits, Const(1, 1))
