"""Neuron unit: sums of every connection in, membranes and spikes out, ``lanes`` neurons a cycle.

With c the merged constant ``sum_k (bias_k - gain_k * (2**bits_k - 1) * n_neg_k)``::

    drive = sum_k gain_k * raw_k + c
    v     = ((v * num) >> q) + drive                           (v_reset where held)
    spike = v >= threshold                                     (never, without a threshold)
    v     = v_reset where spike                                (reset "zero"; "subtract": v - rho)

A neuron is held, or fires whatever its membrane, as its History says (contract, section 1).
``passes`` says what is selected, ``drive`` how sums become the drive, ``membranes`` what is kept.
"""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .counting import later
from .drive import Lane, drive_at, laned
from .membranes import Membranes
from .order import REVISIT, Order
from .parameters import Parameters, Widths
from .passes import selected
from .tables import Table, times

__all__ = ["REVISIT", "NeuronUnit", "Order", "Parameters", "Widths", "latency"]


def latency(parameters: Parameters, order: Order) -> int:
    """Return the cycles from the selection of sums to what comes of them."""
    return 1 + drive_at(parameters) + order.in_memory


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
        super().__init__(members)

    def elaborate(self, platform: object) -> Module:
        """Select; read numbers; sum the drive; update the membrane; compare.

        In a memory, v, the comparison and what is left after it are three stages; in registers v
        and v minus the threshold are made side by side, and all is one stage.
        """
        m = Module()
        p, o, widths = self.parameters, self.order, self.widths
        by = p.history.fire_by if p.threshold is not None else None
        seen = selected(m, o, self.loaded, self.begins, self.ends, by)
        m.d.comb += [
            self.select.eq(seen.select), self.shared.eq(seen.shared), self.row.eq(seen.row)
        ]  # fmt: skip
        words = [getattr(self, f"raw_{k}") for k in range(len(widths.raw))]
        numbers = self.numbers if self.table.row_bits else None
        lanes = laned(m, p, widths, self.table, words, numbers)
        at = drive_at(p)

        drives, against = [], []
        for k, lane in enumerate(lanes):
            now = lane.sum(widths.drive)
            drive = Signal(signed(widths.drive), name=f"drive_{k}", reset_less=True)
            m.d.sync += drive.eq(now)
            drives.append(drive)
            if p.threshold is not None and not o.in_memory:
                over = now - lane.at("threshold", at - 1)
                above = Signal(over.shape(), name=f"above_{k}", reset_less=True)
                m.d.sync += above.eq(over)
                against.append(above)
        flags = {n: later(m, seen.beat[n], at, n, n == "valid") for n in seen.beat}
        kept = Membranes(o, widths.state, p.history, self.table.constants.get("v_init"))
        stored_after = Signal(kept.row_bits, name="state_after", reset_less=True)
        stored = kept.stored(m, seen.beat, flags, stored_after, at)

        word, results = [], []
        for k, lane in enumerate(lanes):
            state, past = kept.read(m, stored, flags["starts"], k)
            before = Signal(signed(widths.state), name=f"before_{k}")
            init = lane.at("v_init", at)
            m.d.comb += before.eq(state if kept.begun else Mux(flags["starts"], init, state))
            scaled = times(before, p.num, signed(widths.scaled), m, f"scaled_{k}")
            leaked = scaled >> p.q
            v, spike, after, left = self._update(m, lane, leaked, drives[k], against, past, flags)
            results.append((v, spike))
            word += [after, *left.values()]
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

    def _update(
        self, m: Module, lane: Lane, leaked: Value, drive: Value, against: list[Value],
        kept: dict[str, Value], flags: dict[str, Value],
    ) -> tuple[Value, Value, Value, dict[str, Value]]:  # fmt: skip
        """Return v, spike, the membrane after it, and what is kept, all of one stage."""
        p, o, widths = self.parameters, self.order, self.widths
        k, at = lane.lane, lane.drive_at
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
        m.d.comb += after.eq(v)
        left: dict[str, Value] = {}
        if spiking:
            if o.in_memory:
                fires = v >= lane.at("threshold", at)
            else:
                fires = (leaked + against[k]) >= 0
            if p.history.fire_by is not None:
                fires = fires | p.history.late(kept, due)
            m.d.comb += spike.eq(fires & ~resting)
            if p.reset != "none":
                number = lane.at("v_reset" if p.reset == "zero" else "rho", at)
                with m.If(spike):
                    m.d.comb += after.eq(number if p.reset == "zero" else v - number)
            bits = p.history.fields
            for name, value in p.history.after(kept, spike).items():
                left[name] = Signal(bits[name], name=f"{name}_after_{k}")
                m.d.comb += left[name].eq(value)
        return v, spike, after, left
