"""A placement as JSON, every figure with what it was counted of; and as rows of a table."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from ..network import Network
from .check import check
from .estimate import Estimate
from .flows import flows
from .holds import holds
from .values import Placement


def document(
    network: Network, placement: Placement, naive: Placement, estimates: list[Estimate]
) -> dict[str, Any]:
    """Return a placement as JSON.

    Args:
        naive: the same cores row by row, to compare with. estimates: of it, by profile.
    """
    chip = placement.chip
    across, up = flows(placement)
    links = [
        [int(x), int(y), int(x + dx), int(y + dy), float(many[x, y])]
        for many, dx, dy in ((across, 1, 0), (up, 0, 1))
        for x, y in np.argwhere(many > 0)
    ]
    return {
        "chip": chip.name,
        "measured": placement.measured,
        "seed": placement.seed,
        "cores_used": len(placement.cores),
        "chips": list(placement.chips),
        "spike_hops": placement.spike_hops,
        "spike_hops_row_major": naive.spike_hops,
        "broken": [broken.text for broken in check(network, placement)],
        "populations": populations(network, placement),
        "layers": [
            {**row, "spike_hops_row_major": old["spike_hops"]}
            for row, old in zip(placement.layers(), naive.layers(), strict=True)
        ],
        "limits": [
            {**row, "used": max(c.used[row["limit"]] for c in placement.cores)}
            if row["limit"] in placement.cores[0].used
            else {**row, "used": None}
            for row in chip.table()
        ],
        "holds": [
            {"population": h.population, "as_is": h.as_is, "reasons": list(h.reasons)}
            for h in holds(network, chip)
        ],
        "cores": _cores(placement),
        "links": links,
        "estimates": [one.to_json() for one in estimates],
    }


def populations(network: Network, placement: Placement) -> list[dict[str, Any]]:
    """Return how every population is split, as rows: cores, tiles, and what binds most of them."""
    tiles: dict[str, list[Any]] = {p.name: [] for p in network.populations}
    cores: dict[str, set[int]] = {p.name: set() for p in network.populations}
    binds: dict[str, Counter[str]] = {p.name: Counter() for p in network.populations}
    for k, core in enumerate(placement.cores):
        for tile in core.tiles:
            tiles[tile.population].append(tile)
            cores[tile.population].add(k)
            binds[tile.population][core.binding(placement.chip)] += 1
    rows = []
    for name, held in tiles.items():
        first = max(held, key=lambda tile: tile.size)
        size = (first.rows[1] - first.rows[0], first.cols[1] - first.cols[0])
        rows.append(
            {
                "population": name,
                "neurons": sum(tile.size for tile in held),
                "cores": len(cores[name]),
                "tiles": len(held),
                "tile": [len(first.channels), *size],
                "binds": binds[name].most_common(1)[0][0],
            }
        )
    return rows


def _cores(placement: Placement) -> list[dict[str, Any]]:
    chips = placement.chip_of
    return [
        {
            "core": k,
            "chip": int(chips[k]),
            "x": int(placement.places[k, 0]),
            "y": int(placement.places[k, 1]),
            "slot": int(placement.places[k, 2]),
            "binds": core.binding(placement.chip),
            "used": dict(core.used),
            "tiles": [
                {
                    "population": tile.population,
                    "channels": len(tile.channels),
                    "rows": list(tile.rows),
                    "cols": list(tile.cols),
                    "axons": list(tile.axons),
                }
                for tile in core.tiles
            ],
        }
        for k, core in enumerate(placement.cores)
    ]
