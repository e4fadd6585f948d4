"""How large a folder's network is, and how large and fast its Verilog."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from mapping import Network
from mapping.cost import storage

from .sources import Sources


def network_bits(network: Network) -> list[dict[str, Any]]:
    """Return the bits of each population: parameters, and state."""
    return [
        {**asdict(row), "parameters": row.parameters, "state": row.state}
        for row in storage(network)
    ]


def total(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the sum of ``network_bits`` as one more row."""
    return {"population": "all"} | {
        key: sum(row[key] for row in rows) for key in rows[0] if key != "population"
    }


def verilog_size(sources: Sources, manifest: dict[str, Any]) -> dict[str, Any]:
    """Return the bits, the parallelism, the cycles and the bytes of a folder's Verilog."""
    populations = manifest["populations"]
    verilog = sources.folder / "rtl" / str(manifest["verilog"])
    return {
        "weight_bits": sum(p["weight_bits"] for p in populations),
        "rom_bits": sum(p["rom_bits"] for p in populations),
        "membrane_bits": sum(p["membranes"] * p["state_bits"] for p in populations),
        "parallelism": [
            {"pe": int(c["pe"]), "simd": int(c["simd"])}
            for p in populations
            for c in p["connections"]
        ],
        "cycles_per_sample": manifest["cycles_per_sample"],
        "latency": manifest["latency"],
        "bytes": verilog.stat().st_size if verilog.exists() else None,
    }
