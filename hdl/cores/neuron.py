"""Neuron unit: sums of every connection in, membranes and spikes out, ``lanes`` neurons a cycle.

With raw_k = acc_k + m_k * n_neg_k (contract, section 2; ``numbers.surplus`` is m)::

    drive = sum_k gate_k * (gain_k * raw_k + c_k) >> shift_k   c_k = bias_k - gain_k * m_k * n_neg_k
    v     = ((v * num) >> q) + drive                           (v_reset where held)
    spike = v >= threshold                                     (never, without a threshold)
    v     = v_reset where spike                                (reset "zero"; "subtract": v - rho)

A neuron is held, or fires whatever its membrane, as its History says (contract, section 1).
Constants of connections without gate and shift are one. ``passes`` says what is selected, ``drive``
how sums become the drive, ``membranes`` what is kept; with num = 0 that is nothing.
"""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .counting import later
from .drive import Lane, laned
from .membranes import Membranes
from .order import REVISIT, Order
from .parameters import Parameters, Widths
from .passes import selected
from .tables import Table, times

__all__ = ["REVISIT", "NeuronUnit", "Order", "Parameters", "Widths", "latency"]


def latency(parameters: Parameters, order: Order) -> int:
    """Return the cycles from the selection of sums to what comes of them."""
    return 1 + parameters.drive_at + order.in_memory


class NeuronUnit(wiring.Component):
    """LIF, IF, single-spike neurons, integrators, streams; it never waits.

    Throughput: ``lanes`` neurons a cycle. Latency: ``latency(..)`` cycles from the selection
    of a beat's sums to its membranes and spikes.

    Where a gate needs the sums of a whole map, all passes of a block come twice: first those that
    are only counted, of which nothing is updated or sent, then, at least ``GateUnit.gap`` cycles
    after the last of their beats, those that are used.

    Parameters
    ----------
    parameters : Parameters. widths : Widths. order : Order.

    Members
    -------
    loaded, begins, ends : from the sequencer: a pass's sums can be selected from the next cycle on
    select : group of ``lanes`` sums within the pass; shared: the same of a constant connection
    raw_0, raw_1, .. : the sums of each connection, one cycle after select
    row, numbers : address in the parameter ROM, and its word, one cycle later
    counting : as begins, where gates count: the pass is one of those that are only counted
    heard, opens, step, time : where there are gates, of what is selected: it is only counted; it is
        of the map's first place; its timestep in the block; in the sample, see ``passes``
    gate_0, .. : of a connection with a gate: its factor, or one of each lane, 3 cycles after select
    valid : a beat. index : its row of neurons. end : it is the last one. v, spike : of each lane.
    starts, final : its timestep is the sample's first, last
    first, last : its block is
    """

    def __init__(self, parameters: Parameters, widths: Widths, order: Order) -> None:
        if order.remembers != parameters.remembers:
            raise ValueError(f"order.remembers must be {parameters.remembers}, as of its numbers")
        self.parameters, self.widths, self.order = parameters, widths, order
        self.table = Table(parameters.columns(), order.lanes, parameters.memory)
        lanes = order.lanes
        members = {
            "loaded": In(1),
            "begins": In(1),
            "ends": In(1),
            "select": Out(range(max(2, order.groups * order.blocks.parallel))),
            "shared": Out(range(max(2, order.groups))),
            **{f"raw_{k}": In(lanes * bits) for k, bits in enumerate(widths.raw)},
            "row": Out(range(max(2, order.channel_rows))),
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
        if parameters.counts:
            members["counting"] = In(1)
        if parameters.gated:
            blocks = order.blocks
            members |= {
                "heard": Out(1),
                "opens": Out(1),
                "step": Out(range(max(2, blocks.block))),
                "time": Out(range(max(2, blocks.count * blocks.block))),
            }
        for k, apart in parameters.apart.items():
            if apart.gated:
                members[f"gate_{k}"] = In((lanes if apart.each else 1) * widths.gates[k])
        super().__init__(members)

    def elaborate(self, platform: object) -> Module:
        """Select; read numbers; sum the drive; update the membrane; compare.

        In a memory, v, the comparison and what is left after it are three stages; in registers v
        and v minus the threshold are made side by side, and all is one stage.
        """
        m = Module()
        p, o, widths = self.parameters, self.order, self.widths
        by = p.history.fire_by if p.threshold is not None else None
        counting = self.counting if p.counts else None
        seen = selected(m, o, self.loaded, self.begins, self.ends, by, counting, p.gated)
        shown = (
            "select",
            "shared",
            "row",
            *(("heard", "opens", "step", "time") if p.gated else ()),
        )
        m.d.comb += [getattr(self, name).eq(getattr(seen, name)) for name in shown]
        words = [getattr(self, f"raw_{k}") for k in range(len(widths.raw))]
        numbers = self.numbers if self.table.row_bits else None
        lanes = laned(m, p, widths, self.table, words, numbers)
        at = p.drive_at
        drives, against = self._drives(m, lanes)
        flags = {n: later(m, seen.beat[n], at, n, n == "valid") for n in seen.beat}
        kept, stored_after, stored = None, None, Const(0, 1)
        if p.remembers:
            kept = Membranes(o, widths.state, p.history, self.table.constants.get("v_init"))
            stored_after = Signal(kept.row_bits, name="state_after", reset_less=True)
            stored = kept.stored(m, seen.beat, flags, stored_after, at)

        word, results = [], []
        for k, lane in enumerate(lanes):
            leaked, past = Const(0, 1), {}
            if kept is not None:
                leaked, past = self._leaked(m, lane, kept, stored, flags["starts"])
            v, spike, left = self._update(m, lane, leaked, drives[k], against, past, flags)
            results.append((v, spike))
            word += left
        if kept is not None:
            domain = "sync" if o.in_memory else "comb"
            m.d[domain] += stored_after.eq(Cat(word))
        out = {n: later(m, flags[n], 1 + o.in_memory, f"{n}_out", n == "valid") for n in flags}
        for k, (v, spike) in enumerate(results):
            late_v = later(m, v, 1, f"v_{k}")
            late_spike = later(m, spike, 1, f"spike_{k}")
            m.d.comb += [
                self.v[k * widths.v : (k + 1) * widths.v].eq(late_v),
                self.spike[k].eq(late_spike),
            ]
        m.d.comb += [getattr(self, n).eq(out[n]) for n in ("valid", "starts", "final")]
        m.d.comb += [self.first.eq(out["begins"]), self.last.eq(out["ends"])]
        m.d.comb += [self.index.eq(out["index"]), self.end.eq(out["end"])]
        return m

    def _drives(self, m: Module, lanes: list[Lane]) -> tuple[list[Value], list[Value]]:
        """Return the drive of every lane, and by how much it is above the threshold."""
        p, bits = self.parameters, self.widths.drive
        factors = {k: getattr(self, f"gate_{k}") for k, a in p.apart.items() if a.gated}
        factors = {k: later(m, g, p.gate_at - 3, f"gate_{k}") for k, g in factors.items()}
        drives, against = [], []
        for k, lane in enumerate(lanes):
            mine = {}
            for j, g in factors.items():
                size = self.widths.gates[j]
                first = k * size if p.apart[j].each else 0
                mine[j] = g[first : first + size].as_signed()
            now = lane.sum(mine)
            drive = Signal(signed(bits), name=f"drive_{k}", reset_less=True)
            m.d.sync += drive.eq(now)
            drives.append(drive)
            if p.threshold is not None and not self.order.in_memory:
                over = now - lane.at("threshold", p.drive_at - 1)
                above = Signal(over.shape(), name=f"above_{k}", reset_less=True)
                m.d.sync += above.eq(over)
                against.append(above)
        return drives, against

    def _leaked(
        self, m: Module, lane: Lane, kept: Membranes, stored: Value, starts: Value
    ) -> tuple[Value, dict[str, Value]]:
        """Return what is left of a lane's membrane, and what is kept of its spikes."""
        p, widths, k = self.parameters, self.widths, lane.lane
        state, past = kept.read(m, stored, starts, k)
        before = Signal(signed(widths.state), name=f"before_{k}")
        init = lane.at("v_init", p.drive_at)
        m.d.comb += before.eq(state if kept.begun else Mux(starts, init, state))
        return times(before, p.num, signed(widths.scaled), m, f"scaled_{k}") >> p.q, past

    def _update(
        self, m: Module, lane: Lane, leaked: Value, drive: Value, against: list[Value],
        kept: dict[str, Value], flags: dict[str, Value],
    ) -> tuple[Value, Value, list[Value]]:  # fmt: skip
        """Return v, spike, and what is kept: the membrane after it and the rest; of one stage."""
        p, o, widths = self.parameters, self.order, self.widths
        k, at = lane.lane, p.drive_at
        v = Signal(signed(widths.v), name=f"membrane_{k}")
        m.d.comb += v.eq(leaked + drive)
        spiking = p.threshold is not None
        resting: Value = Const(0, 1)
        if spiking and p.history.holds:
            resting = Signal(name=f"resting_{k}")
            rest = lane.at("v_reset", at)
            m.d.comb += resting.eq(p.history.held(kept))
            with m.If(resting):
                m.d.comb += v.eq(rest)
        due = flags.get("due", Const(0, 1))
        if o.in_memory:
            v = later(m, v, 1, f"v_now_{k}")
            kept = {n: later(m, x, 1, f"{n}_now_{k}") for n, x in kept.items()}
            resting = later(m, resting, 1, f"resting_{k}")
            due = later(m, due, 1, f"due_{k}")
            at += 1
        spike = Signal(name=f"fires_{k}")
        after = Signal(signed(widths.state), name=f"after_{k}")
        left: list[Value] = []
        if p.remembers:
            m.d.comb += after.eq(v)
            left.append(after)
        if spiking:
            if o.in_memory:
                fires = v >= lane.at("threshold", at)
            else:
                fires = (leaked + against[k]) >= 0
            if p.history.fire_by is not None:
                fires = fires | p.history.late(kept, due)
            m.d.comb += spike.eq(fires & ~resting)
        if spiking and p.remembers:
            if p.reset != "none":
                number = lane.at("v_reset" if p.reset == "zero" else "rho", at)
                with m.If(spike):
                    m.d.comb += after.eq(number if p.reset == "zero" else v - number)
            bits = p.history.fields
            for name, value in p.history.after(kept, spike).items():
                left.append(Signal(bits[name], name=f"{name}_after_{k}"))
                m.d.comb += left[-1].eq(value)
        return v, spike, left
