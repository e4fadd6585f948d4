# amaranth: UnusedElaboratable=no
"""A neuron unit with the gates of its population, played against the reference of a network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from amaranth.hdl import Const, Module, Value
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from blocks import order
from clocked import Bench, clocked, joined, lanes

from hdl.cores.buffer import Placing
from hdl.cores.gate import GateUnit
from hdl.cores.neuron import REVISIT, NeuronUnit, Order, Widths, latency
from hdl.cores.sums import constant
from hdl.gates import fixed, gate_widths, gating
from hdl.numbers import history, parameters, term_bits
from hdl.streams import Blocks
from mapping import Network, Population
from mapping.facts import Facts
from mapping.intervals import bits
from sim import run

#: Bits in which a connection's inputs come, and whether they are signed; 0: sums without n_neg.
Sums = tuple[int, bool]


@dataclass(frozen=True)
class Case:
    """A network of one population that reads the input; how its sums come, and its neurons."""

    network: Network
    sums: tuple[Sums, ...]
    lanes: int
    tile: int
    blocks: Blocks

    @property
    def population(self) -> Population:
        """The population."""
        return self.network.populations[0]

    @property
    def facts(self) -> Facts:
        """What is derived of it."""
        return self.network.facts[self.population.name]

    @property
    def area(self) -> int:
        """Places of its map."""
        return int(np.prod(self.facts.shape[1:]))

    def surplus(self, k: int) -> np.ndarray:
        """Return what the sums of a connection hold beside acc, (channels,)."""
        size, signed = self.sums[k]
        c = self.population.connections[k]
        if not size:
            return np.zeros(len(c.gain), np.int64)
        return -constant(c.op.weights.reshape(len(c.gain), -1), size, 1, signed)

    def accs(self, x: np.ndarray) -> list[np.ndarray]:
        """Return acc of every connection for the inputs of a sample, (steps, neurons) each."""
        found = []
        for c in self.population.connections:
            acc = c.op.apply(x.astype(np.int64))
            late = min(c.delay, len(x))
            acc = np.concatenate([np.zeros_like(acc[:late]), acc[: len(x) - late]])
            found.append(acc)
        return found

    def raws(self, x: np.ndarray) -> list[np.ndarray]:
        """Return the sums of every connection, (steps, neurons) each, channels innermost."""
        wide = [
            a + self.surplus(k).reshape(-1, *(1 for _ in a.shape[2:]))
            for k, a in enumerate(self.accs(x))
        ]
        return [np.moveaxis(a, 1, -1).reshape(len(x), -1) for a in wide]

    def spans(self) -> list[tuple[int, int]]:
        """Return the least and largest sum of every connection."""
        ends = []
        for k, (c, acc) in enumerate(zip(self.population.connections, self.facts.acc, strict=True)):
            heard, more = acc.with_zero() if c.delay else acc, self.surplus(k)
            ends.append((int((heard.low + more).min()), int((heard.high + more).max())))
        return ends

    def raw_bits(self) -> tuple[list[int], list[bool]]:
        """Return the bits of every connection's sums, and whether they are signed."""
        spans = self.spans()
        narrow = [bits(a, b) if a < 0 else max(1, b.bit_length()) for a, b in spans]
        return narrow, [a < 0 for a, _ in spans]


def rom(m: Module, name: str, rows: list[int], width: int, address: Value) -> Value:
    """Add a ROM; one row is a constant."""
    if len(rows) == 1:
        return Const(rows[0], width)
    m.submodules[name] = memory = Memory(shape=width, depth=len(rows), init=rows)
    port = memory.read_port()
    m.d.comb += port.addr.eq(address)
    return port.data


class Gated(wiring.Component):
    """The unit, its gates and all their ROMs, joined as their docstrings say."""

    def __init__(self, case: Case, period: int = 0) -> None:
        p, facts, blocks = case.population, case.facts, case.blocks
        past = history(p.neuron, facts.spikes, case.network.timesteps)
        lacks = [-case.surplus(k) for k in range(len(p.connections))]
        numbers = parameters(p, lacks, {}, past)
        channels = len(p.connections[0].gain)
        neurons = channels * case.area
        passes = neurons // case.tile
        period = max(period, blocks.parallel * case.tile // case.lanes)
        again = case.tile // case.lanes
        if blocks.block == 1:
            again = passes * period
        elif blocks.parallel == 1:
            again = period = max(REVISIT, period)
        self.case, self.period = case, period
        self.order = Order(neurons, case.lanes, case.tile, blocks, again, channels,
                           numbers.remembers)  # fmt: skip
        sizes, signs = case.raw_bits()
        self.sizes = sizes
        gates = {k: c.gate for k, c in enumerate(p.connections) if k in numbers.apart and c.gate}
        gates = {k: g for k, g in gates.items() if fixed(g) is None}
        self.gates = {
            k: GateUnit(
                gating(p.connections[k], lacks[k], case.area, {}),
                gate_widths(p.connections[k], facts.totals[k], sizes[k], signs[k]), self.order,
            )
            for k in gates
        }  # fmt: skip
        self.widths = Widths(
            tuple(sizes), *(getattr(facts, n).bits for n in ("drive", "scaled", "v", "state")),
            tuple(signs),
            {k: term_bits(p.connections[k], facts.acc[k]) for k in numbers.apart},
            {k: g.widths.factor for k, g in self.gates.items()},
        )  # fmt: skip
        self.unit = NeuronUnit(numbers, self.widths, self.order)
        self.latency = latency(numbers, self.order)
        self.gap = max((g.gap for g in self.gates.values()), default=0)
        self.counts = numbers.counts
        members = dict(self.unit.signature.members)
        for name in ("numbers", *(f"gate_{k}" for k in self.gates)):
            members.pop(name, None)
        super().__init__(members)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.unit = unit = self.unit
        names = list(self.signature.members)
        for name in names:
            mine, its = getattr(self, name), getattr(unit, name)
            out = self.signature.members[name].flow == Out
            m.d.comb += mine.eq(its) if out else its.eq(mine)
        if unit.table.row_bits:
            word = rom(m, "rows", unit.table.rows(), unit.table.row_bits, unit.row)
            m.d.comb += unit.numbers.eq(word)
        for k, gate in self.gates.items():
            m.submodules[f"gate_{k}"] = gate
            for name, member in gate.signature.members.items():
                if member.flow == In and name in ("heard", "opens", "step", "row", "time"):
                    m.d.comb += getattr(gate, name).eq(getattr(unit, name))
            if gate.gating.counts:
                m.d.comb += gate.raw.eq(getattr(self, f"raw_{k}"))
                if gate.table.row_bits:
                    rows = gate.table.rows()
                    word = rom(m, f"weights_{k}", rows, gate.table.row_bits, unit.row)
                    m.d.comb += gate.numbers.eq(word)
            factor = gate.widths.factor
            rows = gate.gating.rows(self.order, factor)
            for j in range(gate.totals):
                word = rom(m, f"table_{k}_{j}", rows, factor, getattr(gate, f"place_{j}"))
                m.d.comb += getattr(gate, f"entry_{j}").eq(word)
            m.d.comb += getattr(unit, f"gate_{k}").eq(gate.gate)
        return m


def play(
    case: Case, samples: Sequence[np.ndarray], gaps: Sequence[int] = (0,), period: int = 0,
    early: int = 0,
) -> Gated:  # fmt: skip
    """Play samples, (steps, *shape) each, back to back; compare spikes and v with the reference.

    Args:
        gaps: cycles before a block, in turn. period: cycles of a pass, at least.
        early: cycles by which the second run comes too early.
    """
    dut = Gated(case, period)
    o, blocks, name = dut.order, case.blocks, case.population.name
    traces = [run(case.network, x[None]) for x in samples]

    def flat(values: np.ndarray) -> np.ndarray:
        return np.moveaxis(values[0], 1, -1).reshape(len(values[0]), -1)

    want_v = [flat(t.v[name]) for t in traces]
    spiking = case.population.spiking
    want_spikes = [flat(t.spikes[name]) if spiking else None for t in traces]
    raws = [case.raws(x) for x in samples]
    stream = Placing(o.neurons, o.lanes, 1, blocks, o.lanes, o.tile)
    loads: dict[int, tuple[bool, bool, bool]] = {}
    asked: dict[int, tuple[int, int, int, tuple[int, int]]] = {}
    used: list[tuple[int, int, int, int]] = []  # cycle, sample, timestep, row
    now, serial = 2, 0
    for s, x in enumerate(samples):
        done, count = 0, 1 + (len(x) - blocks.first) // blocks.block
        for block in range(count):
            begins, ends = block == 0, block == count - 1
            came = order(stream, begins)
            start = min(t for _, t in came)
            now += gaps[serial % len(gaps)]
            serial += 1
            for counting in (True, False) if dut.counts else (False,):
                at, inside, previous = now, 0, None
                for row, t in came:
                    this = (row // o.groups, t // blocks.parallel)
                    if this != previous:
                        if previous is not None:
                            at += dut.period
                        loads[at], inside, previous = (begins, ends, counting), 0, this
                    group = row % o.groups
                    select = t % blocks.parallel * o.groups + group, group
                    asked[at + 1 + inside] = (s, done + t - start, row, select)
                    if not counting:
                        used.append((at + 1 + inside, s, done + t - start, row))
                    inside += 1
                now = at + dut.period
                if counting:  # the first beat that is used, a gap after the last one heard
                    now = max(now, at + inside + dut.gap - 1) - early
            done += blocks.block - start
    rng = np.random.default_rng(5)
    seen_beats = []

    def bench() -> Bench[None]:
        before, select = None, (0, 0)
        for c in range(used[-1][0] + dut.latency + 4):
            given = {
                f"raw_{k}": int.from_bytes(rng.bytes(o.lanes * w), "little") % (1 << o.lanes * w)
                for k, w in enumerate(dut.sizes)
            }
            if before is not None:
                s, t, row, selects = before
                assert select == selects
                here = slice(row * o.lanes, (row + 1) * o.lanes)
                for k, w in enumerate(dut.sizes):
                    given[f"raw_{k}"] = joined(raws[s][k][t, here].tolist(), w)
            flags = loads.get(c, tuple(map(bool, rng.integers(0, 2, 3))))
            given |= {"loaded": c in loads, "begins": flags[0], "ends": flags[1]}
            if dut.counts:
                given["counting"] = flags[2]
            seen = yield given
            before, select = asked.get(c), (seen["select"], seen["shared"])
            if seen["valid"]:
                v = lanes(seen["v"], dut.widths.v, o.lanes, signed=True)
                seen_beats.append((c, seen["index"], v, lanes(seen["spike"], 1, o.lanes)))

    clocked(dut, bench(), 1_000_000)
    assert [(c, row) for c, row, *_ in seen_beats] == [
        (at + dut.latency, row) for at, _, _, row in used
    ]
    for (_, s, t, row), (_, _, v, spike) in zip(used, seen_beats, strict=True):
        here = slice(row * o.lanes, (row + 1) * o.lanes)
        assert v == want_v[s][t, here].tolist(), (s, t, row)
        if spiking:
            assert spike == want_spikes[s][t, here].tolist(), (s, t, row)
    return dut
