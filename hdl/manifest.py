"""The manifest of emitted Verilog: ports, order of beats, widths and cycles; JSON values only."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from mapping import INPUT, Connection
from mapping.files import digest

from .cores.entry import ERRORS
from .cores.placing import Placing
from .loading import stated_loading
from .planned import Plan, PlannedConnection, PlannedPopulation
from .sizes import mapped

#: 2 added hashes; 3 is of plans: blocks, lanes, tiles, and ports by name.
FORMAT = 3
TOP = "network"


def manifest(
    plan: Plan, verilog: str, files: dict[str, str], options: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return what the Verilog of a plan is.

    Args:
        options: parallelism as it was given to ``plan``, which makes the plan anew.
    """
    network, blocks, enter = plan.network, plan.blocks, plan.enter
    output = plan.populations[plan.output]
    return {
        "format": FORMAT,
        "top": TOP,
        "verilog": f"{TOP}.v",
        "verilog_sha256": hashlib.sha256(verilog.encode("utf-8")).hexdigest(),
        "files": {name: _sha(text) for name, text in files.items()},
        "network_sha256": digest(network),
        "clock": "clk",
        "reset": "rst",
        "timesteps": network.timesteps,
        "block": blocks.block,
        "block_first": blocks.first,
        "parallel": blocks.parallel,
        "input": {
            "stream": "i",
            "shape": list(network.input.shape),
            "order": _order(network.input.shape if mapped(network, INPUT)[1:] != (1, 1) else ()),
            "bits": enter.bits,
            "coding": network.input.coding,
            "constant": plan.constant,
            "fills": plan.fills,
            "simd": enter.simd,
            "words": enter.words * plan.rows,
            "parallel": enter.blocks.parallel,
            "beat_bits": enter.beat_bits,
            **_beats(enter, plan.rows),
        },
        "output": _answers(plan, output) if plan.answer else _output(plan, output),
        "errors": list(ERRORS),
        "populations": [_population(plan, k, p) for k, p in enumerate(plan.populations)],
        "cycles_per_sample": plan.timing.cycles,
        "latency": plan.timing.latency,
        "settles": plan.timing.settles,
        "cycles_are": "at most" if plan.bound else "exact",
        **({"loading": stated_loading(plan, options or {})} if plan.loadable else {}),
    }


def _output(plan: Plan, p: PlannedPopulation) -> dict[str, Any]:
    return {
        "stream": "o",
        "population": p.name,
        "values": "spikes" if p.spiking else "v",
        "bits": plan.leaves.bits,
        "lanes": plan.leaves.granule,
        "tile": _tile(plan, p),
        "beat_bits": plan.leaves.beat_bits,
        **_beats(plan.leaves),
        "banks": plan.output_banks,
    }


def _answers(plan: Plan, p: PlannedPopulation) -> dict[str, Any]:
    readout, answer = plan.network.readout, plan.answer
    assert answer is not None
    return {
        "stream": "c",
        "population": p.name,
        "values": "classes",
        "readout": readout.kind,
        "step": readout.step,
        "fallback": readout.fallback,
        "stop": answer.stop,
        "classes": answer.classes,
        "ports": {"valid": 1, **answer.ports},
        "banks": plan.output_banks,
    }


def _order(shape: tuple[int, ...]) -> str:
    """Return in which order the elements of a shape come."""
    return "row, column, channel" if len(shape) == 3 else "as the shape"


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def _beats(placing: Placing, lines: int = 1) -> dict[str, int]:
    return {
        "beats_per_block": placing.beats * lines,
        "beats_of_first_block": placing.beats_first * lines,
    }


def _tile(plan: Plan, p: PlannedPopulation) -> int:
    """Return after how many neurons the next timestep of a block comes."""
    return p.order.tile if plan.blocks.block > 1 else p.neurons


def _population(plan: Plan, k: int, p: PlannedPopulation) -> dict[str, Any]:
    return {
        "name": p.name,
        "trace": f"trace_{k}",
        "shape": list(p.shape),
        "order": _order(p.shape),
        "neurons": p.neurons,
        "spiking": p.spiking,
        "lanes": p.order.lanes,
        "tile": _tile(plan, p),
        "ports": p.trace,
        "pe": p.order.tile,
        "v_bits": p.widths.v,
        "state_bits": p.widths.state + sum(p.past.fields.values()),
        "membranes": p.order.states * p.order.lanes,
        "weight_bits": sum(c.op.weight_bits for c in plan.network.populations[k].connections),
        "rom_bits": sum(c.rom[0] * c.rom[1] for c in p.connections),
        "cycles_per_block": p.cycles(first=False),
        "connections": [
            _connection(c, connection)
            for c, connection in zip(
                p.connections, plan.network.populations[k].connections, strict=True
            )
        ],
    }


def _connection(c: PlannedConnection, connection: Connection) -> dict[str, Any]:
    return {
        "source": connection.source,
        "delay": connection.delay,
        "fan_in": connection.op.fan_in,
        "bits": c.shape.bits,
        "pe": c.shape.pe,
        "simd": c.shape.simd,
        "acc_bits": c.shape.raw_bits,
        "rom_bits": c.rom[0] * c.rom[1],
        "banks": c.banks,
        "bank_is": "block" if c.sweep is None else "line",
        "skip_zeros": c.shape.skips,
        "buffer_bits": c.depth * c.placing.word_bits,
    }
