"""Neuron unit: sums of every connection in, membranes and spikes out, ``lanes`` neurons a cycle.

With c the merged constant ``sum_k (bias_k - gain_k * (2**bits_k - 1) * n_neg_k)``::

    drive = sum_k gain_k * raw_k + c
    v     = ((v * num) >> q) + drive                           (v_reset where held)
    spike = v >= threshold                                     (never, without a threshold)
    v     = v_reset where spike                                (reset "zero"; "subtract": v - rho)

A neuron is held, or fires whatever its membrane, as its History says (contract, section 1).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ..streams import Blocks
from .buffer import UNCHECKED
from .counting import after as following
from .counting import count, later
from .history import History
from .tables import Table, times

#: Cycles after which a membrane that was read from the memory may be read again.
REVISIT = 5


@dataclass(frozen=True)
class Widths:
    """Bits of a neuron unit's signals, all from ``network.facts``; signed but for raw.

    ``signed`` says of each connection whether its raw sums are; they are not where it is empty.
    """

    raw: tuple[int, ...]
    drive: int
    scaled: int
    v: int
    state: int
    signed: tuple[bool, ...] = ()


@dataclass(frozen=True)
class Parameters:
    """Numbers of a population, one per neuron; gain has one list per connection.

    ``threshold`` is None for a population that never fires. ``v_reset`` is needed for reset
    "zero" and where a neuron may be held, ``rho`` for reset "subtract".
    ``memory`` names the columns that are kept in the ROM even if uniform, with their widths.
    """

    num: int
    q: int
    gain: tuple[list[int], ...]
    constant: list[int]
    v_init: list[int]
    threshold: list[int] | None = None
    v_reset: list[int] | None = None
    memory: dict[str, int] = field(default_factory=dict)
    reset: str = "zero"
    rho: list[int] | None = None
    history: History = History()

    def columns(self) -> dict[str, list[int]]:
        """Return the columns of the parameter table."""
        named = {f"gain_{k}": gain for k, gain in enumerate(self.gain)}
        named |= {"constant": self.constant, "v_init": self.v_init}
        if self.threshold is not None:
            named["threshold"] = self.threshold
            if self.reset == "zero" or self.history.holds:
                named["v_reset"] = self.v_reset
            if self.reset == "subtract":
                named["rho"] = self.rho
        return named


@dataclass(frozen=True)
class Order:
    """In which order a neuron unit takes its neurons.

    Attributes
    ----------
        neurons: of the population. lanes: at once; divides tile and neurons. tile: neurons of a
            pass. blocks: how timesteps come.
        revisit: least cycles between two timesteps of one neuron.
    """

    neurons: int
    lanes: int
    tile: int
    blocks: Blocks
    revisit: int

    @property
    def repeats(self) -> bool:
        """Whether a tile comes more than once in a block."""
        return self.blocks.block > 1

    @property
    def rows(self) -> int:
        """Beats of all neurons."""
        return self.neurons // self.lanes

    @property
    def groups(self) -> int:
        """Beats of a tile."""
        return self.tile // self.lanes

    @property
    def states(self) -> int:
        """Membranes that are kept at a time, in rows of ``lanes``."""
        return min(self.groups, self.rows) if self.blocks.whole else self.rows

    @property
    def in_memory(self) -> bool:
        """Whether membranes stand in a memory, not in registers."""
        return self.revisit >= REVISIT and self.states > 1


def multiplies(parameters: Parameters) -> bool:
    """Return whether a gain differs from neuron to neuron, or may."""
    columns = Table(parameters.columns(), 1, parameters.memory).columns
    return any(name.startswith("gain_") for name in columns)


def latency(parameters: Parameters, order: Order) -> int:
    """Return the cycles from the selection of sums to what comes of them."""
    return 4 + multiplies(parameters) + order.in_memory


class NeuronUnit(wiring.Component):
    """LIF, IF, single-spike and integrator neurons; it never waits.

    Throughput: ``lanes`` neurons a cycle. Latency: ``latency(..)`` cycles from the selection
    of a beat's sums to its membranes and spikes.

    Parameters
    ----------
    parameters : Parameters. widths : Widths. order : Order.

    Members
    -------
    loaded, begins, ends : from the sequencer: a pass's sums can be selected from the next cycle on
    select : group of ``lanes`` sums within the pass; shared: the same of a constant connection
    raw_0, raw_1, .. : the sums of each connection, one cycle after select
    row, numbers : address in the parameter ROM, and its word, one cycle later
    valid : a beat. index : its row of neurons. end : it is the last one. v, spike : of each lane.
    starts, final : its timestep is the sample's first, last
    first, last : its block is
    """

    def __init__(self, parameters: Parameters, widths: Widths, order: Order) -> None:
        self.parameters, self.widths, self.order = parameters, widths, order
        self.table = Table(parameters.columns(), order.lanes, parameters.memory)
        self.multiplies = multiplies(parameters)
        lanes = order.lanes
        members = {
            "loaded": In(1),
            "begins": In(1),
            "ends": In(1),
            "select": Out(range(max(2, order.groups * order.blocks.parallel))),
            "shared": Out(range(max(2, order.groups))),
            **{f"raw_{k}": In(lanes * bits) for k, bits in enumerate(widths.raw)},
            "row": Out(range(max(2, order.rows))),
            "valid": Out(1),
            "index": Out(range(max(2, order.rows))),
            "end": Out(1),
            "v": Out(lanes * widths.v),
            "spike": Out(lanes),
            "starts": Out(1),
            "final": Out(1),
            "first": Out(1),
            "last": Out(1),
        }
        if self.table.row_bits:
            members["numbers"] = In(self.table.row_bits)
        super().__init__(members)

    def elaborate(self, platform: object) -> Module:
        """Select; read numbers; sum the drive; update the membrane; compare.

        A membrane in a memory takes three cycles, for v, for the comparison and for what is left
        after it, as a neuron does not come again within REVISIT cycles; where v_init and v_reset
        are constants, its registers are set to them, without multiplexers. In registers it takes
        one cycle: v and v minus the threshold are made side by side.
        """
        m = Module()
        p, o, widths = self.parameters, self.order, self.widths
        beat = self._count(m)
        drive_at = 3 + self.multiplies  # the stage in which the drive is there
        raws, numbers = self._numbers(m, beat)

        drives, against = [], []
        for lane in range(o.lanes):
            total: Value = numbers[lane]["constant"]
            for k, raw in enumerate(raws[lane]):
                term = times(
                    raw, numbers[lane][f"gain_{k}"], signed(widths.drive), m, f"term_{k}_{lane}"
                )
                total = total + (later(m, term, 1, f"term_{k}_{lane}") if self.multiplies else term)
            # A term may lie outside the drive's range: only within its bits is their sum the drive.
            sum_now = Signal(signed(widths.drive), name=f"sum_{lane}")
            m.d.comb += sum_now.eq(total)
            drive = Signal(signed(widths.drive), name=f"drive_{lane}", reset_less=True)
            m.d.sync += drive.eq(sum_now)
            drives.append(drive)
            if p.threshold is not None and not o.in_memory:
                over = sum_now - self._at(m, numbers, lane, "threshold", drive_at - 1)
                above = Signal(over.shape(), name=f"above_{lane}", reset_less=True)
                m.d.sync += above.eq(over)
                against.append(above)
        flags = {n: later(m, beat[n], drive_at, n, n == "valid") for n in beat}
        stored_after = Signal(o.lanes * self._lane_bits(), name="state_after", reset_less=True)
        stored = self._stored(m, beat, flags, stored_after, drive_at)

        word, results = [], []
        for lane in range(o.lanes):
            state, kept = self._state(m, stored, flags["starts"], lane)
            before = Signal(signed(widths.state), name=f"before_{lane}")
            init = self._at(m, numbers, lane, "v_init", drive_at)
            stands = o.in_memory and self._init() is not None  # it is in the state already
            m.d.comb += before.eq(state if stands else Mux(flags["starts"], init, state))
            scaled = times(before, p.num, signed(widths.scaled), m, f"scaled_{lane}")
            leaked = scaled >> p.q
            v, spike, after, left = self._update(
                m, lane, leaked, drives[lane], against, kept, flags, numbers, drive_at
            )
            results.append((v, spike))
            word += [after, *left.values()]
        domain = "sync" if o.in_memory else "comb"
        m.d[domain] += stored_after.eq(Cat(word))
        out = {n: later(m, flags[n], 1 + o.in_memory, f"{n}_out", n == "valid") for n in flags}
        for lane, (v, spike) in enumerate(results):
            late_v = later(m, v, 1, f"v_{lane}")
            late_spike = later(m, spike, 1, f"spike_{lane}")
            m.d.comb += [
                self.v[lane * widths.v : (lane + 1) * widths.v].eq(late_v),
                self.spike[lane].eq(late_spike),
            ]
        m.d.comb += [getattr(self, n).eq(out[n]) for n in ("valid", "starts", "final")]
        m.d.comb += [self.first.eq(out["begins"]), self.last.eq(out["ends"])]
        m.d.comb += [self.index.eq(out["index"]), self.end.eq(out["end"])]
        return m

    def _count(self, m: Module) -> dict[str, Value]:
        """Count what is selected; return the flags of the beat in stage 0."""
        o, blocks = self.order, self.order.blocks
        active = Signal(name="active")
        begins, ends = (Signal(name=n, reset_less=True) for n in ("pass_begins", "pass_ends"))
        row: Value = Const(0, 1)
        end_row: Value = Const(1, 1)
        if o.rows > 1:
            row = Signal(range(o.rows), name="row_at")
            end_row = row == o.rows - 1
        group, end_group = count(m, o.groups, active, "group")
        turned = Signal(name="turned")
        m.d.comb += turned.eq(end_group | end_row)
        step, end_step = Const(0, 1), Const(1, 1)
        if blocks.parallel > 1:
            step, end_step = count(m, blocks.parallel, active & turned, "step")
        chunk: Value = Const(0, 1)
        now: Value = chunk
        if blocks.chunks > 1:
            chunk = now = Signal(range(blocks.chunks), name="chunk")
            if blocks.skipped:
                now = Signal.like(chunk, name="chunk_now")
                m.d.comb += now.eq(Mux(begins & (chunk == 0), blocks.skipped, chunk))
        end_chunk = now == blocks.chunks - 1
        end_pass = turned & end_step
        with m.If(self.loaded):
            m.d.sync += [active.eq(1), begins.eq(self.begins), ends.eq(self.ends)]
        with m.Elif(active & end_pass):
            m.d.sync += active.eq(0)
        with m.If(active):
            if isinstance(group, Signal):
                with m.If(turned):
                    m.d.sync += group.eq(0)
            if isinstance(chunk, Signal):
                with m.If(end_pass):
                    m.d.sync += chunk.eq(Mux(end_chunk, 0, now + 1))
            if o.rows > 1:
                m.d.sync += row.eq(following(row))
                with m.If(end_row):
                    m.d.sync += row.eq(0)
                if o.repeats:
                    base = Signal(range(o.rows), name="row_base")
                    with m.If(turned & end_step & end_chunk):
                        m.d.sync += base.eq(Mux(end_row, 0, row + 1))
                    with m.Elif(turned):
                        m.d.sync += row.eq(base)
        size = o.groups
        m.d.comb += [self.select.eq(step * size + group), self.shared.eq(group), self.row.eq(row)]
        starts = begins & (now == blocks.skipped) & (step == 0)
        beat = {
            "valid": active,
            "index": row,
            "group": group,
            "starts": starts,
            "final": ends & end_chunk & end_step,
            "begins": begins,
            "ends": ends,
            "end": end_row,
        }
        due = self._due(m, active & end_pass & end_chunk & end_row, begins, now, step)
        return beat if due is None else {**beat, "due": due}

    def _due(
        self, m: Module, ended: Value, begins: Value, chunk: Value, step: Value
    ) -> Value | None:
        """Return whether it is timestep fire_by, or None where nobody asks."""
        at = self.parameters.history.fire_by
        if at is None or self.parameters.threshold is None:
            return None
        blocks = self.order.blocks
        at_block, rest = divmod(at + blocks.block - blocks.first, blocks.block)
        at_chunk, at_step = divmod(rest, blocks.parallel)
        there = (chunk == at_chunk) & (step == at_step)
        if at_block == 0:
            return begins & there
        # The count may wrap: after fire_by there is no neuron left that has not fired.
        block = Signal(range(at_block + 1), name="block")
        now = Signal(range(at_block + 1), name="block_now")
        m.d.comb += now.eq(Mux(begins, 0, block))
        with m.If(ended):
            m.d.sync += block.eq(now + 1)
        return (now == at_block) & there

    def _numbers(
        self, m: Module, beat: dict[str, Value]
    ) -> tuple[list[list[Value]], list[dict[str, Value]]]:
        """Return sums and numbers of each lane, both in stage 2; constants are always there."""
        o, widths = self.order, self.widths
        raws: list[list[Value]] = []
        numbers = []
        row: Value = Const(0, 1)
        if self.table.row_bits:
            row = later(m, self.numbers, 1, "numbers")
        late = [later(m, getattr(self, f"raw_{k}"), 1, f"raw_{k}") for k in range(len(widths.raw))]
        for lane in range(o.lanes):
            mine = [
                raw[lane * bits : (lane + 1) * bits]
                for raw, bits in zip(late, widths.raw, strict=True)
            ]
            for k, is_signed in enumerate(widths.signed):
                mine[k] = mine[k].as_signed() if is_signed else mine[k]
            raws.append(mine)
            numbers.append(self.table.read(row, lane))
            if self.multiplies:  # a stage more, for all that does not take part
                numbers[lane]["constant"] = self._late(
                    m, numbers[lane]["constant"], 1, f"constant_{lane}"
                )
        return raws, numbers

    def _late(self, m: Module, value: Value, cycles: int, name: str) -> Value:
        return value if isinstance(value, Const) else later(m, value, cycles, name)

    def _at(
        self, m: Module, numbers: list[dict[str, Value]], lane: int, name: str, stage: int
    ) -> Value:
        """Return a number in a later stage."""
        return self._late(m, numbers[lane][name], stage - 2, f"{name}_{lane}_{stage}")

    def _init(self) -> int | None:
        """Return what a row of membranes begins with, if it is a constant."""
        init = self.table.constants.get("v_init")
        if init is None:
            return None
        lane = init & ((1 << self.widths.state) - 1)
        return sum(lane << k * self._lane_bits() for k in range(self.order.lanes))

    def _lane_bits(self) -> int:
        return self.widths.state + sum(self.parameters.history.fields.values())

    def _stored(
        self, m: Module, beat: dict[str, Value], flags: dict[str, Value], after: Signal,
        drive_at: int,
    ) -> Value:  # fmt: skip
        """Add the membranes; return what they hold of the beat whose drive is there."""
        o = self.order
        place = "group" if o.blocks.whole else "index"
        if o.in_memory:
            m.submodules.membranes = memory = Memory(
                shape=unsigned(len(after)), depth=o.states, init=[], attrs=UNCHECKED
            )
            read, write = memory.read_port(), memory.write_port()
            m.d.comb += [
                read.addr.eq(later(m, beat[place], drive_at - 2, "state_read")),
                write.addr.eq(later(m, flags[place], 2, "state_write")),
                write.data.eq(after),
                write.en.eq(later(m, flags["valid"], 2, "state_enable", reset=True)),
            ]
            state = Signal(len(after), name="state", reset_less=True)
            m.d.sync += state.eq(read.data)
            if self._init() is not None:
                with m.If(later(m, beat["starts"], drive_at - 1, "state_starts")):
                    m.d.sync += state.eq(self._init())
            return state
        kept = [Signal(len(after), name=f"state_{k}", reset_less=True) for k in range(o.states)]
        stored = kept[0] if o.states == 1 else Array(kept)[flags[place]]
        with m.If(flags["valid"]):
            m.d.sync += stored.eq(after)
        return stored

    def _state(
        self, m: Module, stored: Value, starts: Value, lane: int
    ) -> tuple[Value, dict[str, Value]]:
        """Return a lane's membrane and what is kept of its spikes."""
        at = lane * self._lane_bits()
        state = Signal(signed(self.widths.state), name=f"stored_{lane}")
        m.d.comb += state.eq(stored[at : at + self.widths.state])
        at += self.widths.state
        kept = {}
        for name, width in self.parameters.history.fields.items():
            kept[name] = Signal(width, name=f"{name}_{lane}")
            m.d.comb += kept[name].eq(Mux(starts, 0, stored[at : at + width]))
            at += width
        return state, kept

    def _update(
        self, m: Module, lane: int, leaked: Value, drive: Value, against: list[Value],
        kept: dict[str, Value], flags: dict[str, Value], numbers: list[dict[str, Value]], at: int,
    ) -> tuple[Value, Value, Value, dict[str, Value]]:  # fmt: skip
        """Return v, spike, the membrane after it, and what is kept, all of one stage."""
        p, o, widths = self.parameters, self.order, self.widths
        v = Signal(signed(widths.v), name=f"membrane_{lane}")
        m.d.comb += v.eq(leaked + drive)
        spiking = p.threshold is not None
        resting: Value = Const(0, 1)
        if spiking and p.history.holds:
            resting = Signal(name=f"resting_{lane}")
            rest = self._at(m, numbers, lane, "v_reset", at)
            m.d.comb += resting.eq(p.history.held(kept))
            with m.If(resting):
                m.d.comb += v.eq(rest)
        due = flags.get("due", Const(0, 1))
        if o.in_memory:
            v = later(m, v, 1, f"v_now_{lane}")
            kept = {n: later(m, k, 1, f"{n}_now_{lane}") for n, k in kept.items()}
            resting = later(m, resting, 1, f"resting_{lane}")
            due = later(m, due, 1, f"due_{lane}")
            at += 1
        spike, after = (
            Signal(name=f"fires_{lane}"),
            Signal(signed(widths.state), name=f"after_{lane}"),
        )
        m.d.comb += after.eq(v)
        left: dict[str, Value] = {}
        if spiking:
            if o.in_memory:
                fires = v >= self._at(m, numbers, lane, "threshold", at)
            else:
                fires = (leaked + against[lane]) >= 0
            if p.history.fire_by is not None:
                fires = fires | p.history.late(kept, due)
            m.d.comb += spike.eq(fires & ~resting)
            if p.reset != "none":
                name = "v_reset" if p.reset == "zero" else "rho"
                number = self._at(m, numbers, lane, name, at)
                with m.If(spike):
                    m.d.comb += after.eq(number if p.reset == "zero" else v - number)
            bits = p.history.fields
            for name, value in p.history.after(kept, spike).items():
                left[name] = Signal(bits[name], name=f"{name}_after_{lane}")
                m.d.comb += left[name].eq(value)
        return v, spike, after, left
