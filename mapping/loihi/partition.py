"""The whole network split into tiles, and tiles put on cores.

Readers are split before what they read: how a reader is split says how many output axons its
sources need. A loop is split again until nothing changes.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..network import Network, Population
from ..ports import INPUT
from ..value import Unsupported
from .chips import Chip
from .demand import Demand, Grid, demand, slots_out
from .grids import Task, split, tile_synapses
from .reach import Link, as_map, link
from .values import Core, Tile

#: Rounds after which a loop that is still split otherwise is given up.
ROUNDS = 12


def links_of(network: Network) -> dict[str, tuple[Link, ...]]:
    """Return the geometry of every connection, by population."""
    shapes = network.shapes
    return {
        p.name: tuple(link(c.op, shapes[c.source], shapes[p.name], c.delay) for c in p.connections)
        for p in network.populations
    }


def grids(network: Network, chip: Chip) -> dict[str, Grid]:
    """Split every population.

    Raises
    ------
        Unsupported: one neuron is too much for a core, or a delay for a synapse; it is named.
    """
    links = links_of(network)
    for p in network.populations:
        for c in p.connections:
            if not chip.delay.holds(c.delay):
                raise Unsupported(
                    f"connection {c.source!r} -> {p.name!r} has a delay of {c.delay} timesteps; "
                    f"a synapse of {chip.name} has at most {chip.delay.value}"
                )
    found: dict[str, Grid] = {}
    known: dict[tuple, Grid] = {}
    for _ in range(ROUNDS):
        before = {name: grid.key for name, grid in found.items()}
        for p in reversed(network.populations):
            task = _task(network, p, links, found, chip)
            if task.key not in known:
                known[task.key] = split(task, chip)
            found[p.name] = known[task.key]
        if before == {name: grid.key for name, grid in found.items()} or not _loops(network):
            return found
    raise Unsupported(
        f"a loop of {network.populations[0].name!r} is split otherwise in each of {ROUNDS} rounds: "
        f"no partition for {chip.name} was found"
    )


def _loops(network: Network) -> bool:
    order = {p.name: k for k, p in enumerate(network.populations)}
    return any(
        order.get(c.source, -1) >= order[p.name] for p in network.populations for c in p.connections
    )


def _task(
    network: Network, p: Population, links: dict[str, tuple[Link, ...]],
    found: dict[str, Grid], chip: Chip,
) -> Task:  # fmt: skip
    shape = as_map(network.shapes[p.name])
    demands = demands_on(network, p.name, links, found, chip)
    chunks = tuple(0 if c.source == INPUT else _chunks(network[c.source], chip)
                   for c in p.connections)  # fmt: skip
    return Task(p.name, shape, links[p.name], _thresholds(p, shape[0]), chunks, tuple(demands))


def demands_on(
    network: Network, name: str, links: dict[str, tuple[Link, ...]], found: dict[str, Grid],
    chip: Chip,
) -> list[Demand]:  # fmt: skip
    """Return what the readers of a population that are split already ask of it."""
    return [
        demand(links[r.name][k], found[r.name], found[r.name].axons[k], chip)
        for r in network.populations
        if r.name in found
        for k, c in enumerate(r.connections)
        if c.source == name
    ]


def _thresholds(p: Population, channels: int) -> np.ndarray:
    return np.zeros(channels, np.int64) if p.neuron.threshold is None else p.neuron.threshold


def _chunks(p: Population, chip: Chip) -> int:
    """Return the least chunks of channels that a population is split into."""
    most = chip.thresholds.value
    if most is None or p.neuron.threshold is None:
        return 1
    return -(-len(np.unique(p.neuron.threshold)) // most)


def cores(network: Network, chip: Chip) -> list[Core]:
    """Split a network and fill cores, in the order of populations.

    Raises
    ------
        Unsupported: as of ``grids``.
    """
    found, links = grids(network, chip), links_of(network)
    filled: list[Core] = []
    open_cores: list[int] = []
    for p in network.populations:
        grid = found[p.name]
        slots = slots_out(demands_on(network, p.name, links, found, chip), grid)
        for (a, b, c), out in np.ndenumerate(slots):
            tile = Tile(p.name, grid.chunk(a), grid.rows[b], grid.cols[c], grid.axons)
            alone = _alone(p, tile, links[p.name], int(out), chip)
            if 2 * max(_shares(alone, chip)) > 1:  # no second one of its kind has room beside it
                filled.append(Core((tile,), alone))
                continue
            for k in open_cores[-8:]:
                joined = _joined(filled[k], p, tile, links[p.name], alone, network, chip)
                if joined is not None:
                    filled[k] = joined
                    break
            else:
                open_cores.append(len(filled))
                filled.append(Core((tile,), alone))
    return filled


def _alone(
    p: Population, tile: Tile, links: tuple[Link, ...], out: int, chip: Chip
) -> dict[str, int]:
    """Return what a tile uses on a core of its own."""
    bits, axons = tile_synapses(
        links, tile.axons, tile.channels, tile.rows, tile.cols, 0, chip
    )  # fmt: skip
    threshold = p.neuron.threshold
    return _with_bytes(
        {
            "compartments": tile.size,
            "synapse_bits": bits,
            "axons_in": axons,
            "axons_out": out,
            "thresholds": 0 if threshold is None else len(np.unique(threshold[tile.channels])),
            "configurations": 1,
            "formats": len(links),
        },
        chip,
    )


def _with_bytes(used: dict[str, int], chip: Chip) -> dict[str, int]:
    state = (chip.state_bytes.value or 0) * used["compartments"]
    return {**used, "memory_bytes": -(-used["synapse_bits"] // 8) + state}


def _shares(used: dict[str, int], chip: Chip) -> list[float]:
    limits = {k: getattr(chip, k).value for k in used}
    return [used[k] / limits[k] for k in used if limits[k]]


def _joined(
    core: Core, p: Population, tile: Tile, links: tuple[Link, ...], alone: dict[str, int],
    network: Network, chip: Chip,
) -> Core | None:  # fmt: skip
    """Return a core with one more tile behind its others; None if it has no room."""
    base = core.used["compartments"]
    bits, axons = tile_synapses(
        links, tile.axons, tile.channels, tile.rows, tile.cols, base, chip
    )  # fmt: skip
    more = {**alone, "synapse_bits": bits, "axons_in": axons}
    used = {k: core.used[k] + more[k] for k in core.used if k != "memory_bytes"}
    tiles = (*core.tiles, tile)
    used["thresholds"] = distinct_thresholds(network, tiles)
    used["configurations"] = distinct_configurations(network, tiles)
    used = _with_bytes(used, chip)
    fits = all(getattr(chip, k).holds(n) for k, n in used.items())
    return replace(core, tiles=tiles, used=used) if fits else None


def distinct_thresholds(network: Network, tiles: tuple[Tile, ...]) -> int:
    """Return how many different thresholds the neurons of some tiles have."""
    found: set[int] = set()
    for tile in tiles:
        threshold = network[tile.population].neuron.threshold
        if threshold is not None:
            found |= set(threshold[tile.channels].tolist())
    return len(found)


def distinct_configurations(network: Network, tiles: tuple[Tile, ...]) -> int:
    """Return how many different decays and refractory times they have."""
    neurons = [network[tile.population].neuron for tile in tiles]
    return len({(n.num, n.q, n.refractory) for n in neurons})
