"""What happens on each core when a network runs: neurons, synapses, spikes, packets, hops.

Counted from outputs that were recorded, timestep by timestep; nothing is simulated here. A spike
counts at the timestep in which the contract has it, and so does all that it causes: on a chip it
arrives a timestep later, and a sample that follows another one is not kept waiting for that.

A neuron is active where a spike arrives, where it has a bias, or where its membrane was not 0
(SANA-FE's rule for an update; Davies 2018 does not say what its active update is). Without
membranes the last cannot be seen, and active neurons are too few.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..coding import encode
from ..network import Connection, Network, Population
from ..ops import Conv
from ..ports import INPUT
from .partition import links_of
from .reach import Link, as_map
from .traffic import connection_edges, holders
from .values import Placement, Tile

#: What is counted, each with a constant in a profile.
EVENTS = (
    "neuron_idle", "neuron_active", "spike", "synop_dense", "synop_window", "packet_out",
    "packet_in", "hop_x", "hop_y",
)  # fmt: skip


@dataclass(frozen=True)
class Events:
    """Counts of a run.

    Attributes
    ----------
        samples, timesteps: of it.
        tiles: (core, population) of every tile.
        counts: by EVENTS, (samples * timesteps, tiles) float64; packets and hops stand with the
            tile that sends.
        farthest: (samples * timesteps, 2) tiles along x and y of the longest route that is used.
        crossings: packets a sample that leave their chip.
    """

    samples: int
    timesteps: int
    tiles: tuple[tuple[int, str], ...]
    counts: dict[str, np.ndarray]
    farthest: np.ndarray
    crossings: float


def outputs_of(network: Network, inputs: np.ndarray, trace: Any) -> dict[str, np.ndarray]:
    """Return what every population, and the input, sent: (N, T, \\*shape), 0 where it sent nothing.

    Args:
        inputs: as of ``sim.run``. trace: a run of them, with spikes, and the membranes of
            populations that never fire.

    Raises
    ------
        ValueError: the trace lacks a population.
    """
    encoded = encode(network.input, inputs, network.timesteps)
    if network.input.coding == "direct":
        encoded = np.broadcast_to(encoded[:, :1], (len(encoded), network.timesteps,
                                                   *encoded.shape[2:]))  # fmt: skip
    found = {INPUT: encoded}
    for p in network.populations:
        out = (trace.spikes if p.spiking else trace.v).get(p.name)
        if out is None:
            what = "spikes" if p.spiking else "membranes"
            raise ValueError(f"the trace holds no {what} of population {p.name!r}")
        found[p.name] = out
    steps = next(iter(out.shape[1] for name, out in found.items() if name != INPUT))
    found[INPUT] = found[INPUT][:, :steps]
    return found


def mean_spikes(outputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the mean packets of a sample, (T, \\*shape) by population, as ``place`` takes them."""
    return {name: (out != 0).mean(axis=0) for name, out in outputs.items() if name != INPUT}


def events(
    network: Network, placement: Placement, outputs: Mapping[str, np.ndarray],
    membranes: Mapping[str, np.ndarray] | None = None,
) -> Events:  # fmt: skip
    """Count what happens on every tile.

    Args:
        outputs: (N, T, \\*shape) of the input and every population; ``outputs_of`` has them.
        membranes: v before reset, alike, as ``Trace.v``; what is not in it counts as 0.
    """
    samples, steps = outputs[network.populations[0].name].shape[:2]
    many = samples * steps
    places = [(k, tile) for k, core in enumerate(placement.cores) for tile in core.tiles]
    counts = {name: np.zeros((many, len(places))) for name in EVENTS}
    sent = {name: (out != 0).reshape(many, *as_map(out.shape[2:])) for name, out in outputs.items()}
    links = links_of(network)
    for p in network.populations:
        own = [(k, tile) for k, (_, tile) in enumerate(places) if tile.population == p.name]
        active = _carried(p, membranes, outputs[p.name], samples, steps)
        for c, link in zip(p.connections, links[p.name], strict=True):
            arrived = _arrived(c, link, sent[c.source], samples, steps)
            active = active | (arrived > 0)
            kind = "synop_dense" if link.dense else "synop_window"
            for k, tile in own:
                counts[kind][:, k] += _sum(arrived, tile)
        for k, tile in own:
            counts["neuron_active"][:, k] = _sum(active, tile)
            counts["neuron_idle"][:, k] = tile.size - counts["neuron_active"][:, k]
            counts["spike"][:, k] = _sum(sent[p.name], tile)
    farthest = np.zeros((many, 2))
    crossings = 0.0
    for ends, packets in _packets(network, links, places, sent, samples, steps):
        crossings += _count(placement, places, ends, packets, counts, farthest)
    tiles = tuple((core, tile.population) for core, tile in places)
    return Events(samples, steps, tiles, counts, farthest, crossings / samples)


def _packets(
    network: Network, links: dict[str, tuple[Link, ...]], places: list[tuple[int, Tile]],
    sent: dict[str, np.ndarray], samples: int, steps: int,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:  # fmt: skip
    """Yield, per connection, its pairs of tiles and the packets of every timestep."""
    held = holders([tile for _, tile in places])
    for p in network.populations:
        for c, link in zip(p.connections, links[p.name], strict=True):
            if c.source != INPUT:
                counts = _late(sent[c.source].astype(np.float64), c.delay, samples, steps)
                yield connection_edges(link, held[c.source], held[p.name], counts)


def _count(
    placement: Placement, places: list[tuple[int, Tile]], ends: np.ndarray, packets: np.ndarray,
    counts: dict[str, np.ndarray], farthest: np.ndarray,
) -> float:  # fmt: skip
    """Add the packets of a connection; return how many leave their chip."""
    cores = np.array([core for core, _ in places])[ends]
    at = placement.places[cores][:, :, :2]
    hops = np.abs(at[:, 0] - at[:, 1])
    for t, row in enumerate(packets):
        many = len(places)
        counts["packet_out"][t] += np.bincount(ends[:, 0], row, many)
        counts["packet_in"][t] += np.bincount(ends[:, 1], row, many)
        for axis, name in ((0, "hop_x"), (1, "hop_y")):
            counts[name][t] += np.bincount(ends[:, 0], row * hops[:, axis], many)
        used = hops[row > 0]
        if len(used):
            longest = used[np.argmax(used @ np.array([4.1, 6.5]))]
            if longest @ np.array([4.1, 6.5]) > farthest[t] @ np.array([4.1, 6.5]):
                farthest[t] = longest
    chips = placement.chip_of[cores]
    return float(packets[:, chips[:, 0] != chips[:, 1]].sum())


def _sum(values: np.ndarray, tile: Tile) -> np.ndarray:
    """Return the sum over a tile, (B,), of values (B, C or 1, rows, cols)."""
    part = values[:, :, slice(*tile.rows), slice(*tile.cols)]
    if part.shape[1] == 1:
        return part.sum(axis=(1, 2, 3), dtype=np.float64) * len(tile.channels)
    return part[:, tile.channels].sum(axis=(1, 2, 3), dtype=np.float64)


def _late(values: np.ndarray, delay: int, samples: int, steps: int) -> np.ndarray:
    """Return values (B, ..) as a delay lets them arrive."""
    if not delay:
        return values
    shaped = values.reshape(samples, steps, *values.shape[1:])
    moved = np.zeros_like(shaped)
    moved[:, delay:] = shaped[:, : max(0, steps - delay)]
    return moved.reshape(values.shape)


def _arrived(c: Connection, link: Link, sent: np.ndarray, samples: int, steps: int) -> np.ndarray:
    """Return the synaptic operations of every neuron, (B, C or 1, rows, cols)."""
    sent = _late(sent, c.delay, samples, steps)
    if c.op.window is None:
        return sent.sum(axis=(1, 2, 3)).reshape(-1, 1, 1, 1)
    assert link.rows is not None and link.cols is not None
    groups = link.groups
    sums = sent.reshape(len(sent), groups, -1, *sent.shape[2:]).sum(axis=2)
    kernel = np.ones((groups, 1, link.rows.kernel, link.cols.kernel), np.int8)
    window = Conv(
        kernel,
        (link.rows.stride, link.cols.stride),
        (link.rows.padding, link.cols.padding),
        (link.rows.dilation, link.cols.dilation),
        groups,
    )
    arrived = window.apply(sums.astype(np.int64))
    return arrived if groups == 1 else np.repeat(arrived, link.out[0] // groups, axis=1)


def _carried(
    p: Population, membranes: Mapping[str, np.ndarray] | None, out: np.ndarray, samples: int,
    steps: int,
) -> np.ndarray:  # fmt: skip
    """Return which neurons have a bias, or a membrane from before that is not 0."""
    biased = sum(np.abs(c.bias) for c in p.connections) != 0
    found = np.broadcast_to(biased.reshape(1, -1, 1, 1), (1, len(biased), 1, 1))
    if membranes is None or p.name not in membranes or not p.neuron.num:
        return found
    v = np.asarray(membranes[p.name])
    wide = (1, 1, -1, *(1 for _ in v.shape[3:]))
    if p.spiking and p.neuron.reset != "none":
        after = p.neuron.v_reset.reshape(wide)
        if p.neuron.reset == "subtract":
            after = v - p.neuron.rho.reshape(wide)
        v = np.where(np.asarray(out) != 0, after, v)
    before = np.concatenate(
        [np.broadcast_to(p.neuron.v_init.reshape(wide), v[:, :1].shape), v[:, :-1]], axis=1
    )
    return found | (before != 0).reshape(samples * steps, *as_map(before.shape[2:]))
