"""Every rule of a placement, judged without the code that made it.

What cores use is counted anew in ``recount``. Both use the words of ``values`` and the numbers of
``chips``, and nothing else of this package.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..network import Network
from .chips import Chip
from .recount import Recount, map_shape
from .values import Placement


@dataclass(frozen=True)
class Broken:
    """A rule that a placement breaks.

    Attributes
    ----------
        rule: a limit of Chip, or ``"cover"``, ``"tiles"``, ``"places"``, ``"used"``.
        core: number of the core, or None. text: a sentence.
    """

    rule: str
    core: int | None
    text: str


def check(network: Network, placement: Placement) -> list[Broken]:
    """Return every rule that a placement of a network breaks; an empty list is a good one."""
    found = [*_tiles(network, placement)]
    if found:  # nothing else can be counted
        return found
    found += _cover(network, placement)
    found += _places(placement)
    found += _delays(network, placement.chip)
    recount = Recount(network, placement)
    for k, core in enumerate(placement.cores):
        used = recount.core(core.tiles)
        for name, many in used.items():
            limit = getattr(placement.chip, name)
            if core.used.get(name) != many:
                text = f"core {k}: {name} is said to be {core.used.get(name)}, and is {many}"
                found.append(Broken("used", k, text))
            if not limit.holds(many):
                text = f"core {k}: {name} is {many}; {placement.chip.name} has {limit.value}"
                found.append(Broken(name, k, text))
    return found


def _tiles(network: Network, placement: Placement) -> list[Broken]:
    """Return tiles that are no part of their population."""
    found, names = [], {p.name for p in network.populations}
    for k, core in enumerate(placement.cores):
        for tile in core.tiles:
            if tile.population not in names:
                text = f"core {k} holds a part of {tile.population!r}, which there is not"
                found.append(Broken("tiles", k, text))
                continue
            size = map_shape(network.shapes[tile.population])
            good = all(
                0 <= a < b <= n for (a, b), n in ((tile.rows, size[1]), (tile.cols, size[2]))
            )
            channels = tile.channels.tolist()
            good = good and bool(channels) and len(set(channels)) == len(channels)
            good = good and min(channels) >= 0 and max(channels) < size[0]
            kinds = [
                ("discrete", "population") if c.op.window is None else ("population",)
                for c in network[tile.population].connections
            ]
            good = good and len(tile.axons) == len(kinds)
            good = good and all(a in kind for a, kind in zip(tile.axons, kinds, strict=False))
            if not good:
                text = f"core {k}: a tile is no part of {tile.population!r}"
                found.append(Broken("tiles", k, text))
        if not core.tiles:
            found.append(Broken("tiles", k, f"core {k} holds nothing"))
    return found


def _cover(network: Network, placement: Placement) -> list[Broken]:
    """Return populations whose neurons don't lie on one core each."""
    held = {p.name: np.zeros(map_shape(network.shapes[p.name]), int) for p in network.populations}
    for core in placement.cores:
        for tile in core.tiles:
            held[tile.population][tile.channels, slice(*tile.rows), slice(*tile.cols)] += 1
    return [
        Broken("cover", None, f"{int((n != 1).sum())} neurons of {name!r} are not on one core each")
        for name, n in held.items()
        if (n != 1).any()
    ]


def _places(placement: Placement) -> list[Broken]:
    chip, found = placement.chip, []
    width = placement.chips[0] * (chip.columns.value or 1)
    height = placement.chips[1] * (chip.rows.value or 1)
    places = placement.places.tolist()
    if len(places) != len(placement.cores):
        return [Broken("places", None, f"{len(places)} places for {len(placement.cores)} cores")]
    taken: dict[tuple[int, ...], int] = {}
    of_chip: dict[tuple[int, int], int] = {}
    for k, place in enumerate(places):
        x, y, slot = place
        inside = 0 <= x < width and 0 <= y < height and 0 <= slot < (chip.cores_per_tile.value or 1)
        if not inside:
            found.append(Broken("places", k, f"core {k} stands at {place}, off the mesh"))
        if tuple(place) in taken:
            text = f"cores {taken[tuple(place)]} and {k} stand both at {place}"
            found.append(Broken("places", k, text))
        taken[tuple(place)] = k
        one = x // (chip.columns.value or 1), y // (chip.rows.value or 1)
        of_chip[one] = of_chip.get(one, 0) + 1
    for one, many in of_chip.items():
        if not chip.cores.holds(many):
            found.append(Broken("cores", None, f"chip {one} holds {many} cores"))
    if not chip.chips.holds(placement.chips[0] * placement.chips[1]):
        found.append(Broken("chips", None, f"{placement.chips} chips are too many"))
    return found


def _delays(network: Network, chip: Chip) -> list[Broken]:
    return [
        Broken("delay", None, f"{c.source!r} -> {p.name!r} has a delay of {c.delay}")
        for p in network.populations
        for c in p.connections
        if not chip.delay.holds(c.delay)
    ]
