"""Verilog and its manifest: ``network.v`` and ``manifest.json``.

Emission is byte-identical from run to run: names are explicit, source locations are left out, and
Yosys is the one that comes with Amaranth's own package.
"""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from amaranth.lib import data

from mapping import Network
from mapping.files import digest

from .design import Folding, Layer, layers
from .top import NetworkTop

#: 2 added the hashes of the network and of the Verilog.
FORMAT = 2
TOP = "network"


@dataclass(frozen=True)
class Emitted:
    """Verilog text, its manifest, and the plan it was made from."""

    verilog: str
    manifest: dict[str, Any]
    layers: list[Layer]

    def write(self, folder: Path | str) -> None:
        """Write network.v and manifest.json into an existing folder."""
        folder = Path(folder)
        (folder / "network.v").write_text(self.verilog, encoding="utf-8")
        text = json.dumps(self.manifest, indent=2) + "\n"
        (folder / "manifest.json").write_text(text, encoding="utf-8")


def emit(
    network: Network, pe: Folding = None, simd: Folding = None, others: Sequence[Network] = ()
) -> Emitted:
    """Emit a network as Verilog.

    Args:
        network: dense layers, joins, delays; no recurrence.
        pe, simd: outputs and inputs per cycle, one number or one per layer (8 and 32).
        others: networks of the same structure that the design must hold as well; parameters are
            then kept in memories (for campaigns).

    Raises
    ------
        Unsupported: a node that is not emitted as RTL yet; it is named.
        ValueError: a folding that is not positive, or not one number per layer.
    """
    plan = layers(network, pe, simd, others)
    top = NetworkTop(plan)
    text = _convert(top)
    return Emitted(text, manifest(network, plan, top, text), plan)


def _convert(top: NetworkTop) -> str:
    from amaranth.back import verilog
    from amaranth.hdl import Const, Value

    ports = {}
    for path, _, value in top.signature.flatten(top):
        value = Value.cast(value)
        if not isinstance(value, Const):  # the ready of a stream that never stalls
            ports["__".join(map(str, path))] = (value, None)
    os.environ.setdefault("AMARANTH_USE_YOSYS", "builtin")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return verilog.convert(
            top, name=TOP, ports=ports, emit_src=False, strip_internal_attrs=True
        )


def _fields(layout: data.StructLayout) -> dict[str, list[int]]:
    """Return [offset, width] of every field of a payload."""
    return {name: [field.offset, field.width] for name, field in layout}


def manifest(network: Network, plan: list[Layer], top: NetworkTop, verilog: str) -> dict[str, Any]:
    """Return what the Verilog is: ports, order, widths, latency and cycles; JSON values only."""
    first = plan[0].edges[0]
    return {
        "format": FORMAT,
        "top": TOP,
        "verilog": "network.v",
        "verilog_sha256": hashlib.sha256(verilog.encode("utf-8")).hexdigest(),
        "network_sha256": digest(network),
        "clock": "clk",
        "reset": "rst",
        "timesteps": network.timesteps,
        "input": {
            "stream": "i",
            "shape": list(network.input.shape),
            "bits": first.bits,
            "coding": network.input.coding,
            "simd": first.simd,
            "beats_per_timestep": top.input_words,
            "payload": _fields(top.input_payload),
            "payload_bits": top.input_payload.size,
        },
        "output": {
            "stream": "o",
            "population": plan[-1].population.name,
            "payload": _fields(top.payloads[-1]),
            "payload_bits": top.payloads[-1].size,
        },
        "populations": [_population(k, layer, top) for k, layer in enumerate(plan)],
        "cycles_per_timestep": top.cycles_per_timestep,
        "latency": top.latency,
        "settles": top.schedule.settles,
    }


def _population(k: int, layer: Layer, top: NetworkTop) -> dict[str, Any]:
    """Return a population's part of the manifest; simd and acc_bits only of one connection."""
    edges = layer.edges
    only = {"simd": edges[0].simd, "acc_bits": edges[0].raw_bits} if len(edges) == 1 else {}
    return {
        "name": layer.population.name,
        "trace": f"trace_{k}",
        "shape": list(layer.shape),
        "neurons": layer.neurons,
        "spiking": layer.population.spiking,
        "lanes": 1,
        "payload": _fields(top.payloads[k]),
        "payload_bits": top.payloads[k].size,
        "fan_in": sum(edge.fan_in for edge in edges),
        "pe": layer.pe,
        **only,
        "v_bits": layer.widths.v,
        "state_bits": layer.widths.state + sum(layer.past.fields.values()),
        "weight_bits": sum(edge.fan_in for edge in edges) * layer.neurons,
        "rom_bits": sum(edge.rom_bits for edge in edges),
        "cycles_per_timestep": max(top.layer_cycles[k]),
        "connections": [
            {
                "source": connection.source,
                "delay": edge.delay,
                "fan_in": edge.fan_in,
                "bits": edge.bits,
                "pe": edge.pe,
                "simd": edge.simd,
                "acc_bits": edge.raw_bits,
                "rom_bits": edge.rom_bits,
                "delay_bits": edge.delay * edge.words * edge.simd * edge.bits,
                "buffer_words": depth,
            }
            for connection, edge, depth in zip(
                layer.population.connections, edges, top.schedule.buffers[k], strict=True
            )
        ],
    }


def write(
    network: Network, folder: Path | str, pe: Folding = None, simd: Folding = None
) -> dict[str, Any]:
    """Emit a network into an existing folder (network.v, manifest.json); return the manifest."""
    emitted = emit(network, pe, simd)
    emitted.write(folder)
    return emitted.manifest
