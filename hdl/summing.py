"""Summing: what stands between a population's buffers and its neurons, in the network top."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from amaranth.hdl import Const, Module, Value
from amaranth.lib import wiring

from .cores.buffer import BlockBuffer
from .cores.gate import GateUnit, GateWidths
from .cores.lane_shape import LaneShape
from .cores.lanewise import Lanewise
from .cores.lines import LineBuffer
from .cores.matvec import MatVec
from .cores.sequencer import Sequencer
from .cores.skipping import Skipping
from .planned import Plan, PlannedConnection, label


@dataclass(frozen=True)
class Summing:
    """Adds connections to the module of a plan's top.

    Attributes
    ----------
        contents: rows of every memory by name. buffers: by population and connection.
        rows: adds a memory of some rows, width, name and address; returns its word.
    """

    m: Module
    plan: Plan
    contents: Mapping[str, list[int]]
    buffers: Mapping[tuple[int, int], BlockBuffer | LineBuffer]
    rows: Callable[[Module, list[int], int, str, Value], Value]

    def add(self, k: int, j: int, sequencer: Sequencer, unit: wiring.Component) -> None:
        """Add what sums connection j into population k; join it to its buffer and its neurons."""
        m, plan = self.m, self.plan
        p = plan.populations[k]
        c, buffer = p.connections[j], self.buffers[k, j]
        late = c.back or (c.constant and c.steps > 0)
        silences = late or (c.sweep is not None and c.sweep.pads)
        called = label(plan, k, j)
        core: MatVec | Lanewise
        if isinstance(c.shape, LaneShape):
            m.submodules[f"lanewise_{called}"] = core = Lanewise(c.shape, silences)
        else:
            m.submodules[f"matvec_{called}"] = core = MatVec(c.shape, silences)
        if (name := f"weights_{called}") in self.contents:
            rom = self.rows(m, self.contents[name], c.rom[0], name, core.row)
            m.d.comb += core.weights.eq(rom)
        again: Value = sequencer.again
        if c.constant and not c.steps:
            again = Const(0, 1)
        m.d.comb += [
            sequencer.full[j].eq(
                self._skip(k, j, sequencer, core) if c.shape.skips else buffer.full
            ),
            sequencer.first[j].eq(buffer.first),
            sequencer.last[j].eq(buffer.last),
            core.issue.eq(sequencer.issue[j]),
            core.again.eq(again),
            core.x.eq(buffer.data),
            core.select.eq(unit.shared if c.shape.steps == 1 else unit.select),
            getattr(unit, f"raw_{j}").eq(core.raw),
        ]
        if (gate := p.gates.get(j)) is not None:
            self._gate(k, j, gate, unit, core.raw)
        if not c.constant:
            m.d.comb += buffer.chunk.eq(sequencer.chunk)
        silent: Value = sequencer.silent[j] if late else Const(0, 1)
        if isinstance(buffer, LineBuffer):
            silent = self._sweep(j, c, sequencer, buffer) | silent
        else:
            m.d.comb += [
                buffer.start.eq(sequencer.take[j]),
                buffer.release.eq(sequencer.release[j]),
                buffer.word.eq(core.word),
            ]
        if silences:
            m.d.comb += core.silent.eq(silent)

    def _gate(self, k: int, j: int, widths: GateWidths, unit: wiring.Component, raw: Value) -> None:
        """Add the gate of connection j into population k, with its tables."""
        m = self.m
        called, order = label(self.plan, k, j), self.plan.populations[k].order
        gating = self.plan.gating(self.plan.network, k, j)
        m.submodules[f"gate_{called}"] = gate = GateUnit(gating, widths, order)
        if gating.counts:
            m.d.comb += [gate.raw.eq(raw)]
            m.d.comb += [
                getattr(gate, name).eq(getattr(unit, name))
                for name in ("heard", "opens", "step", "row")
            ]
            if gate.table.row_bits:
                name = f"weighing_{called}"
                m.d.comb += gate.numbers.eq(
                    self.rows(m, self.contents[name], gate.table.row_bits, name, unit.row)
                )
        if gating.timed:
            m.d.comb += gate.time.eq(unit.time)
        for t in range(gate.totals):
            name = f"factors_{called}" if gate.totals == 1 else f"factors_{called}_{t}"
            rows = self.contents[f"factors_{called}"]
            place = getattr(gate, f"place_{t}")
            m.d.comb += getattr(gate, f"entry_{t}").eq(
                self.rows(m, rows, widths.factor, name, place)
            )
        m.d.comb += getattr(unit, f"gate_{j}").eq(gate.gate)

    def _sweep(
        self, j: int, c: PlannedConnection, sequencer: Sequencer, buffer: LineBuffer
    ) -> Value:
        """Let a buffer follow a sequencer; return whether windows lie beyond the map."""
        self.m.d.comb += [
            buffer.line.eq(sequencer.line),
            buffer.start.eq(sequencer.start),
            buffer.release.eq(sequencer.ended),
            buffer.issue.eq(sequencer.issue[j]),
            *(
                getattr(buffer, name).eq(getattr(sequencer, name))
                for name in ("done", "again", "placed", "lined")
            ),
        ]
        if c.constant:
            self.m.d.comb += buffer.ends.eq(sequencer.over)
        return buffer.silent

    def _skip(self, k: int, j: int, sequencer: Sequencer, core: MatVec) -> Value:
        """Let a connection read only its words that are not zero; return whether it is full."""
        m = self.m
        c, buffer = self.plan.populations[k].connections[j], self.buffers[k, j]
        m.submodules[f"skipping_{label(self.plan, k, j)}"] = skipping = Skipping(
            c.list, c.banks, c.tokens
        )
        m.d.comb += [
            skipping.valid.eq(buffer.i.valid),
            skipping.data.eq(buffer.i.p.data),
            skipping.abort.eq(buffer.abort),
            getattr(sequencer, f"turns_{j}").eq(skipping.turns),
            skipping.start.eq(sequencer.take[j]),
            skipping.issue.eq(sequencer.issue[j]),
            skipping.finish.eq(sequencer.finish),
            core.listed.eq(skipping.word),
            core.opens.eq(skipping.opens),
            core.closes.eq(skipping.closes),
        ]
        return skipping.full
