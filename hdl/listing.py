"""A Plan as JSON values: what would be emitted, core by core, before anything is emitted."""

from __future__ import annotations

from typing import Any

from mapping import INPUT, Connection
from mapping.files import digest

from .blocking import maps, membrane_bits, weight_bits
from .cells import cells, population_cells
from .cores.order import Order
from .gates import fixed, hears
from .loading import places, ranges
from .planned import Plan, PlannedConnection, PlannedPopulation
from .stores import memory_bits, stores

FORMAT = 1
#: Where connections back form a circle that takes longer than any core.
CIRCLE = "circle"


def listing(plan: Plan, mhz: float | None = None) -> dict[str, Any]:
    """Return everything that a plan says; docs/json.md names the keys.

    Args:
        mhz: clock, for frames a second and the latency in microseconds; null without one.
    """
    blocks, timing = plan.blocks, plan.timing
    return {
        "format": FORMAT,
        "network_sha256": digest(plan.network),
        "timesteps": blocks.timesteps,
        "block": blocks.block,
        "block_first": blocks.first,
        "parallel": blocks.parallel,
        "block_reason": reason(plan),
        "cycles_per_sample": timing.cycles,
        "latency": timing.latency,
        "settles": timing.settles,
        "cycles_are": "at most" if plan.bound else "exact",
        "limited_by": limits(plan),
        "clock_mhz": mhz,
        "frames_per_second": None if mhz is None else round(mhz * 1e6 / timing.cycles, 1),
        "latency_us": None if mhz is None else round(timing.latency / mhz, 3),
        "cells_estimated": cells(plan),
        "memory_bits": memory_bits(plan),
        "input": {
            "simd": plan.enter.simd,
            "bits": plan.enter.bits,
            "words": plan.enter.words * plan.rows,
            "lines": plan.rows,
            "fills": plan.fills,
            "constant": plan.constant,
            "beats": input_beats(plan),
        },
        "output": _output(plan),
        "populations": [_population(plan, k, p) for k, p in enumerate(plan.populations)],
        "memories": [
            {
                "name": store.name,
                "holds": store.holds,
                "population": plan.populations[store.population].name,
                "kind": store.kind,
                "width": store.width,
                "depth": store.depth,
                "count": store.count,
                "bits": store.bits,
            }
            for store in stores(plan)
        ],
        **({"loading": _loading(plan)} if plan.loadable else {}),
    }


def _loading(plan: Plan) -> dict[str, Any]:
    """Return how many words write a network, and what they can hold."""
    words = sum(place.words * place.rows for place in places(plan))
    return {"words": words, "ranges": ranges(plan)}


def _output(plan: Plan) -> dict[str, Any]:
    """Return what leaves: beats of a population, or an answer a sample."""
    if plan.answer is None:
        return {"lanes": plan.leaves.granule, "banks": plan.output_banks}
    r, lanes = plan.answer, plan.populations[plan.output].order.lanes
    return {
        "readout": r.kind,
        "stop": r.stop,
        "class_bits": r.class_bits,
        "score_bits": r.bits,
        "latency": r.latency(lanes),
        "banks": plan.output_banks,
    }


def passes(plan: Plan) -> int:
    """Return the passes of one tile in a whole sample."""
    return plan.blocks.timesteps // plan.blocks.parallel


def busy(plan: Plan, p: PlannedPopulation) -> int:
    """Return the cycles of a whole sample in which a population is at work."""
    return p.runs * p.tiles * p.period * passes(plan)


def input_beats(plan: Plan) -> int:
    """Return the input beats of a whole sample: a cycle each, at least."""
    return plan.enter.words * plan.rows * (1 if plan.constant else passes(plan))


def limits(plan: Plan) -> list[str]:
    """Return who sets the rate: populations, ``input``, or a ``circle`` of connections back."""
    cycles = plan.timing.cycles
    names = [p.name for p in plan.populations if busy(plan, p) >= cycles]
    if input_beats(plan) >= cycles:
        names.append(INPUT)
    return names or [CIRCLE]


def reason(plan: Plan) -> str:
    """Return what speaks for the block of a plan."""
    blocks = plan.blocks
    bits = sum(s.bits for s in stores(plan) if s.holds == "membranes")
    kept, weights = membrane_bits(plan.network), weight_bits(plan.network)
    beside = f"{kept:,} bits of membranes would be kept beside {weights:,} of weights"
    if blocks.whole and blocks.block > 1:
        return (
            f"B = T = {blocks.block}: no membrane outlives its tile, while timestep by timestep "
            f"{beside}; nothing can leak from one sample into the next; buffers hold all "
            "timesteps, an answer comes once a sample"
        )
    if blocks.block > 1:
        return (
            f"B = {blocks.block}: {blocks.count} blocks a sample, membranes kept between them "
            f"({bits:,} bits in memories)"
        )
    if kept > weights and maps(plan.network) and blocks.timesteps > 1:
        return (
            f"B = 1: {kept:,} bits of membranes are kept beside {weights:,} of weights; with "
            f"B = T = {blocks.timesteps} none would be, where no connection back forbids it; "
            "results come timestep by timestep"
        )
    return (
        "B = 1: one membrane a neuron is little to keep "
        f"({bits:,} bits in memories), while sums of several timesteps at once take an "
        "accumulator each; results come timestep by timestep, and any connection back can run"
    )


def _population(plan: Plan, k: int, p: PlannedPopulation) -> dict[str, Any]:
    order, cycles = p.order, plan.timing.cycles
    return {
        "name": p.name,
        "shape": list(p.shape),
        "neurons": p.neurons,
        "runs": p.runs,
        "pe": order.tile,
        "lanes": order.lanes,
        "tiles": p.tiles,
        "cycles_per_pass": p.period,
        "least_cycles_per_pass": p.least,
        "cycles_per_block": p.cycles(first=False),
        "cycles_per_sample": busy(plan, p),
        "occupancy": _share(busy(plan, p), cycles),
        "neurons_occupancy": _share(order.rows * plan.blocks.timesteps, cycles),
        "latency": p.latency,
        "drive_bits": p.widths.drive,
        "v_bits": p.widths.v,
        "state_bits": p.widths.state + sum(p.past.fields.values()),
        "membranes": order.states * order.lanes,
        "membranes_in": _kept(order),
        "cells_estimated": population_cells(p),
        "connections": [
            _connection(plan, p, c, connection)
            for c, connection in zip(
                p.connections, plan.network.populations[k].connections, strict=True
            )
        ],
    }


def _connection(
    plan: Plan, p: PlannedPopulation, c: PlannedConnection, connection: Connection
) -> dict[str, Any]:
    shape = c.shape
    # A source that holds for the whole sample is read once a block, unless it is silent at first.
    often = plan.blocks.count if c.constant and not c.steps else passes(plan)
    return {
        "source": connection.source,
        "op": connection.op.name,
        "weight_bits": connection.op.bits,
        "window": _window(plan, connection),
        "gate": _gate(connection),
        "delay": connection.delay,
        "back": c.back,
        "fan_in": connection.op.fan_in,
        "pe": shape.pe,
        "simd": shape.simd,
        "parallel": shape.steps,
        "bits": shape.bits,
        "words": c.words,
        "cycles_per_pass": shape.cycles,
        "occupancy": _share(p.tiles * shape.cycles * often, plan.timing.cycles),
        "banks": c.banks,
        "bank_is": "block" if c.sweep is None else "line",
        "acc_bits": shape.raw_bits,
        "latency": shape.latency,
        "skip_zeros": shape.skips,
    }


def _kept(order: Order) -> str:
    """Return where membranes are kept."""
    if not order.states:
        return "nowhere"
    return "memory" if order.in_memory else "registers"


def _window(plan: Plan, connection: Connection) -> dict[str, Any] | None:
    """Return the window of a connection; rows first. None: it sees all at once."""
    window = connection.op.window
    if window is None:
        return None
    return {
        "kernel": list(window.kernel),
        "stride": list(window.stride),
        "padding": list(window.padding),
        "dilation": list(window.dilation),
        "groups": connection.op.groups_of(plan.network.shapes[connection.source]),
    }


def _gate(connection: Connection) -> str | None:
    """Return what a gate goes by, or None without one."""
    gate = connection.gate
    if gate is None:
        return None
    if fixed(gate) is not None:
        return "constant"
    if not hears(gate):
        return "timestep"
    return "a total a channel" if gate.per_channel else "one total"


def _share(part: int, whole: int) -> float:
    return round(part / whole, 4)
