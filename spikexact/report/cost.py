"""What a sample costs: a file's ``cost`` as two tables, the whole and layer by layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Cost:
    """Of one sample, the mean over ``samples``; ``totals`` by what they are, ``layers`` as rows."""

    samples: int
    totals: dict[str, Any]
    layers: list[dict[str, Any]]


def cost(measured: dict[str, Any], sized: bool) -> Cost:
    """Return the tables of a ``cost``; a lookup or a type that fails means a damaged file.

    Args:
        sized: whether it holds the trained network's size too, as trained.json's does.
    """
    totals: dict[str, Any] = {}
    if sized:
        bits = measured["size_bits"]
        totals = {
            "size, counted as the papers do (bytes)": measured["size_bytes"],
            "apart: gates, scales (bits)": f"{bits['gates']:,}, {bits['scales']:,}",
        }
    totals |= {
        "SOPs: accumulates that spikes trigger": f"{measured['sops']:,.0f}",
        "as a share of the dense operations": measured["share_of_dense"],
        "MACs, direct-coded layers once": measured["macs"],
        "MACs, direct-coded layers at every timestep": measured["macs_every_timestep"],
    }
    for profile in measured["energies"]:
        mac, sop = profile["pj_per_mac"], profile["pj_per_sop"]
        label = f"energy, {profile['name']}: {mac} pJ a MAC, {sop} pJ a SOP"
        totals[label] = f"{profile['millijoules']:.4g} mJ"
    layers = [
        {
            "into": layer["into"],
            "from": layer["source"],
            "what": layer["what"],
            "weight bits": layer["bits"],
            "reads": layer["reads"],
            "firing rate": layer["rate"],
            "dense operations a timestep": layer["dense"],
            "SOPs": round(sum(layer["sops"])),
            "MACs": layer["macs"] + layer["scaled"] + layer["gated"],
        }
        for layer in measured["layers"]
    ]
    return Cost(int(measured["samples"]), totals, layers)
