"""Memories of a plan: every one that its Verilog will hold, before anything is emitted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .cores.placing import Placing
from .cores.rows import words
from .cores.tables import Table
from .planned import Plan, PlannedPopulation, label


@dataclass(frozen=True)
class Store:
    """Memories that are alike.

    Attributes
    ----------
        name: in the Verilog.
        holds: weights, parameters, buffer, list, delay, membranes, tally or output; of a gate
            weighing (of sums), totals or factors.
        population: index of the one that it belongs to; of the output its source.
        kind: "ROM" or "RAM". width, depth: bits of a word, words. count: how many.
    """

    name: str
    holds: str
    population: int
    kind: str
    width: int
    depth: int
    count: int = 1

    @property
    def bits(self) -> int:
        """Bits of all of them."""
        return self.width * self.depth * self.count


def stores(plan: Plan) -> tuple[Store, ...]:
    """Return every memory of a plan.

    A ROM of one word is a constant of the design, and no memory; so are membranes in registers. In
    a loadable design it stands in registers, and each word of a row in a memory of its own.
    """
    return tuple(store for k in range(len(plan.populations)) for store in _of(plan, k))


def memory_bits(plan: Plan) -> int:
    """Return the bits of all memories, ROMs included."""
    return sum(store.bits for store in stores(plan))


def _of(plan: Plan, k: int) -> Iterator[Store]:
    """Yield the memories of a population."""
    p = plan.populations[k]
    for j, c in enumerate(p.connections):
        name = label(plan, k, j)
        width, depth = c.rom
        yield from _rom(plan, f"weights_{name}", "weights", k, width, depth)
        columns = c.placing.timesteps * c.placing.columns
        rows = max(2, c.depth)
        yield Store(f"buffer_{name}", "buffer", k, "RAM", c.placing.beat_bits, rows, columns)
        if c.shape.skips:
            width, depth = c.list.place_bits, c.list.depth(c.banks)
            yield Store(f"skipping_{name}", "list", k, "RAM", width, depth)
        if c.steps and not c.constant:
            rows = max(2, _ring(c.stream, c.steps))
            yield Store(f"delay_{name}", "delay", k, "RAM", c.placing.beat_bits, rows)
        if j in p.gates:
            yield from _gate(plan, k, j)
    table = Table(p.parameters(plan.network.populations[k]).columns(), p.order.lanes, p.memory)
    if table.row_bits:
        yield from _rom(plan, f"parameters_{k}", "parameters", k, table.row_bits, table.depth)
    if p.order.in_memory:
        yield Store(f"neurons_{k}", "membranes", k, "RAM", row_bits(p), p.order.states)
    if k == plan.output:  # beside the output register
        beats, bits = plan.leaves.beats, plan.leaves.beat_bits
        if plan.answer:
            beats, bits = 1, plan.answer.beat_bits
            width, depth = plan.answer.tally(p.order)
            if depth > 1:
                yield Store("readout", "tally", k, "RAM", width, depth)
        yield Store("leave", "output", k, "RAM", bits + 3, max(2, beats * plan.output_banks))


def _gate(plan: Plan, k: int, j: int) -> Iterator[Store]:
    """Yield the memories of the gate of connection j into population k."""
    p, name = plan.populations[k], label(plan, k, j)
    order, widths = p.order, p.gates[j]
    gating = plan.gating(plan.network, k, j)
    at_once = gating.totals(order)
    if gating.counts:
        table = Table(gating.columns(), order.lanes, gating.memory)
        if table.row_bits:
            yield from _rom(plan, f"weighing_{name}", "weighing", k, table.row_bits, table.depth)
        if gating.in_memory(order):
            width, depth = at_once * widths.total, gating.depth_of_totals(order)
            yield Store(f"gate_{name}", "totals", k, "RAM", width, depth)
    depth = len(gating.rows(order, widths.factor))
    if depth > 1:  # a copy for each total that is looked up
        yield Store(f"factors_{name}", "factors", k, "ROM", widths.factor, depth, at_once)


def _rom(plan: Plan, name: str, holds: str, k: int, width: int, depth: int) -> Iterator[Store]:
    if depth < 2:
        return
    if not plan.loadable:
        yield Store(name, holds, k, "ROM", width, depth)
        return
    sizes = words(width)
    for bits in sorted(set(sizes), reverse=True):
        yield Store(name, holds, k, "RAM", bits, depth, sizes.count(bits))


def _ring(placing: Placing, steps: int) -> int:
    """Return the rows of a delay; as ``Delay.depth``, without making one."""
    granules = -(-placing.elements // placing.granule)
    kept = min(placing.turns, granules) if placing.blocks.whole else granules
    return ((steps - 1) << (kept - 1).bit_length()) + kept


def row_bits(p: PlannedPopulation) -> int:
    """Return the bits that are kept of ``lanes`` neurons: membranes, and what spikes left."""
    return p.order.lanes * (p.widths.state + sum(p.past.fields.values()))
