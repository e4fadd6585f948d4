"""The papers' networks as their RTL is measured: folded, gates of few entries, rates in range.

The sketches (``sim/campaign/generate/papers.py``) are not trained. Here, population after
population, a gate gets a table over the totals that it meets, so that the data choose among its
entries, and thresholds move until the population fires in a share of its updates within ``RATES``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from mapping import INPUT, Gate, Network, Population, TrainedNetwork, fold
from mapping.coding import encode
from sim import Trace, run
from sim.campaign.generate.papers import cnv, resnet19, vggsnn

#: Share of updates in which every population fires, and what is aimed at outside of it.
RATES, AIM = (0.02, 0.5), 0.15
#: Share of the input's pixels that are 1, where they are of one bit: as the sketches have it.
EVENTS = 0.3

#: PE and SIMD of some populations, with which VGGSNN's memories fill blocks well: as many cycles as
#: with 16 and 64, and the blocks of an XC7A200T are enough.
FITTED = (
    {"conv2": 4, "conv4": 8, "conv6": 8, "conv7": 8, "conv8": 4, "out": 1},
    {"out": 16},
)


def sketch(name: str, size: int | None, gates: bool, skips: str, share: int) -> TrainedNetwork:
    """Return VGGSNN (T = 4), ResNet-19 (T = 2), or CNV (T = 1).

    Channels are divided by ``share``.
    """
    if name == "cnv":
        return cnv(share=share)
    if name == "vggsnn":
        return vggsnn(4, size=size or 48, gates=gates, share=share)
    return resnet19(2, size=size or 32, skips=skips, gates=gates, share=share)


def stimulus(network: Network, samples: int, seed: int) -> np.ndarray:
    """Return inputs as dense as those that the sketch was made with."""
    enter, rng = network.input, np.random.default_rng([seed, 31])
    shape = (samples, *enter.shape)
    if enter.coding != "direct":
        shape = (samples, network.timesteps, *enter.shape)
    if enter.bits == 1:
        return (rng.random(shape) < EVENTS).astype(np.uint8)
    return rng.integers(0, enter.top + 1, shape).astype(np.uint8)


def calibrated(value: TrainedNetwork, x: np.ndarray, entries: int) -> Network:
    """Fold a network; then set its gates' tables and its thresholds by what happens on inputs."""
    network = fold(value)
    for k, p in enumerate(network.populations):
        gated = [j for j, c in enumerate(p.connections) if c.gate is not None]
        if gated:
            trace = run(network, x, "fast")
            for j in gated:
                p = _with_gate(p, j, _table(network, p, j, x, trace, entries))
            network = _with(network, k, p)
        for _ in range(6 if p.spiking else 0):
            trace = run(network, x, "fast", record=("spikes", "v"))
            if RATES[0] * 1.5 <= trace.spikes[p.name].mean() <= RATES[1] * 0.8:
                break
            p = _moved(p, trace.v[p.name])
            network = _with(network, k, p)
    return network


def rates(network: Network, trace: Trace) -> dict[str, float]:
    """Return the share of updates in which each population fires.

    Raises
    ------
        SystemExit: one is outside RATES.
    """
    found = {name: float(spikes.mean()) for name, spikes in trace.spikes.items()}
    for name, share in found.items():
        if not RATES[0] <= share <= RATES[1]:
            raise SystemExit(f"{name} fires in {share:.2%} of its updates: not calibrated")
    return found


def met(network: Network, x: np.ndarray, trace: Trace) -> dict[str, int]:
    """Return how many entries of its gate's table each gated population meets."""
    found = {}
    for p in network.populations:
        for j, c in enumerate(p.connections):
            if c.gate is not None:
                places = _totals(network, p, j, x, trace) >> c.gate.shift
                found[p.name] = len(np.unique(np.clip(places, 0, c.gate.table.shape[1] - 1)))
    return found


def _with(network: Network, k: int, p: Population) -> Network:
    """Return a network with another population in place of one; what was certified is not it."""
    populations = list(network.populations)
    populations[k] = replace(p, certificate=None)
    return replace(network, populations=tuple(populations))


def _with_gate(p: Population, j: int, gate: Gate) -> Population:
    connections = list(p.connections)
    connections[j] = replace(connections[j], gate=gate)
    return replace(p, connections=tuple(connections))


def _moved(p: Population, v: np.ndarray) -> Population:
    """Return a population whose thresholds all move to where AIM of the membranes lie above."""
    assert p.neuron.threshold is not None
    channels = p.neuron.threshold.reshape(-1, *[1] * (v.ndim - 3))
    by = int(np.quantile(v - channels, 1 - AIM))
    return replace(p, neuron=replace(p.neuron, threshold=p.neuron.threshold + by))


def _flow(network: Network, name: str, x: np.ndarray, trace: Trace) -> np.ndarray:
    """Return what a source sends, (samples, T, *shape)."""
    if name == INPUT:
        return encode(network.input, x, network.timesteps)
    flows: Mapping[str, np.ndarray] = trace.spikes if name in trace.spikes else trace.v
    return flows[name].astype(np.int64)


def _totals(network: Network, p: Population, j: int, x: np.ndarray, trace: Trace) -> np.ndarray:
    """Return the totals of a gate, (samples, T)."""
    c = p.connections[j]
    assert c.gate is not None and not c.gate.per_channel
    flow = _flow(network, c.source, x, trace)
    sums = [
        c.op.apply(flow[:, t]).astype(np.int64).sum(axis=(2, 3)) @ c.gate.weights
        for t in range(network.timesteps)
    ]
    return np.stack(sums, axis=1) + int(c.gate.offset)


def _table(
    network: Network, p: Population, j: int, x: np.ndarray, trace: Trace, entries: int
) -> Gate:
    """Return a gate over the totals that are met: a sigmoid that rises from timestep to timestep.

    Totals met lie in the middle half of its entries, so that other inputs stay within them too.
    """
    gate = p.connections[j].gate
    totals = _totals(network, p, j, x, trace)
    low, high = int(totals.min()), int(totals.max())
    shift = max(0, (2 * (high - low + 1) // entries).bit_length())
    offset = int(gate.offset) - (low + high) // 2 + (entries << shift) // 2
    place = (np.arange(entries) - (entries - 1) / 2) / (entries / 8)
    alpha = 1 + 0.25 * np.arange(network.timesteps)[:, None]
    table = np.clip(np.rint(256 / (1 + np.exp(-alpha * place))), 0, 255).astype(np.int64)
    return replace(gate, offset=offset, shift=shift, table=table)
