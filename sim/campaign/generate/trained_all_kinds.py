"""Random trained networks of every kind: the graphs of ``all_kinds`` with real parameters."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from mapping import Network, Readout, TrainedNetwork, trained

from .all_kinds import draw_whole
from .weights import as_stored

#: Dyadic leaks, and in one network of ten any other.
LEAKS = (1.0, 0.5, 0.5, 0.25, 0.75)


def draw_trained_whole(seed: int, gates: bool = True) -> TrainedNetwork:
    """Draw a TrainedNetwork of 1 to 5 populations of any kind.

    Args:
        seed: draws the same network every time.
        gates: adaptive gates may occur.
    """
    network = draw_whole(seed)
    rng = np.random.default_rng([seed, 7])
    coarse = bool(rng.random() < 0.35)  # dyadic parameters make exact ties
    populations = tuple(
        _population(rng, network, k, coarse, gates) for k in range(len(network.populations))
    )
    unit = float(rng.choice([1.0, 0.5, 1 / network.input.top]))
    readout = network.readout
    if readout.kind == "membrane" and rng.random() < 0.3:
        readout = Readout(readout.source, "count")
    return TrainedNetwork(
        replace(network.input, unit=unit), populations, readout, network.timesteps
    )


def _population(
    rng: np.random.Generator, network: Network, k: int, coarse: bool, gates: bool
) -> trained.Population:
    p = network.populations[k]
    channels = network.shapes[p.name][0]
    edges = []
    for j, c in enumerate(p.connections):
        later = [q.name for q in network.populations[k:]]
        facts = None if c.source in later or c.source == "input" else network.facts[c.source]
        streamed = facts is not None and not network[c.source].spiking
        spread = 1.0 if c.source != "input" else network.input.span[1] * 0.6
        spread *= np.sqrt(c.op.fan_in)
        edges.append(_edge(rng, c, channels, spread, coarse, gates and not streamed, p.spiking, j))
    n = p.neuron
    leak = float(rng.choice(LEAKS)) if rng.random() < 0.9 else 0.9
    if not p.spiking:
        leak = float(rng.choice([0.0, 0.0, 1.0, 0.5]))
        start = float(rng.choice([0.0, 0.0, 0.25]))
        return trained.Population(p.name, tuple(edges), trained.Neuron(leak=leak, v_init=start))
    threshold: Any = float(rng.choice([1.0, 0.5, float(np.float32(0.3))]))
    if rng.random() < 0.2:
        threshold = as_stored(rng.uniform(0.25, 1.5, channels), coarse)
    neuron = trained.Neuron(
        leak=leak,
        threshold=threshold,
        compare=str(rng.choice([">", ">="])),
        reset=n.reset,
        v_reset=float(rng.choice([0.0, 0.0, 0.25, -0.125])),
        v_rest=float(rng.choice([0.0, 0.0, 0.125])),
        v_init=float(rng.choice([0.0, 0.0, 0.25])),
        input_gain=float(rng.choice([1.0, 0.5])),
        reset_delay=int(rng.random() < 0.3 and leak > 0 and not n.refractory),
        max_spikes=n.max_spikes,
        refractory=n.refractory,
        fire_by=n.fire_by,
    )
    return trained.Population(p.name, tuple(edges), neuron)


def _edge(
    rng: np.random.Generator, c: Any, channels: int, spread: float, coarse: bool, gates: bool,
    spiking: bool, j: int,
) -> trained.Connection:  # fmt: skip
    weighted = c.op.bits > 0
    gate = None
    if gates and weighted and rng.random() < 0.08:
        constant = rng.integers(0, 256, 64) / 256 if rng.random() < 0.3 else None
        gate = trained.Gate(rng.normal(0, 1, 64), bool(rng.random() < 0.3), constant)
    if not weighted and (not spiking or rng.random() < 0.7):  # pools and skips
        scale: Any = float(rng.choice([1.0, 0.5, 0.25, 1 / 9, -0.5]))
        return trained.Connection(c.source, c.op, scale=scale, delay=c.delay)
    if rng.random() < (0.6 if spiking else 0.2) and j < 2:
        gamma = as_stored(rng.normal(0.8, 0.6, channels), coarse)
        gamma = np.where(rng.random(channels) < 0.05, 0.0, gamma)
        norm = trained.Norm(
            gamma=gamma,
            beta=as_stored(rng.normal(0.2, 0.3, channels), coarse),
            mean=as_stored(rng.normal(0, spread / 3, channels), coarse),
            var=np.full(channels, 4.0)
            if coarse
            else as_stored(rng.uniform(0.2, 1.5, channels), False) * max(spread, 0.1) ** 2,
            eps=0.0 if coarse else 1e-5,
        )
        scales = rng.choice([0.5, 1.0, 2.0], channels) if rng.random() < 0.5 else 1.0
        return trained.Connection(c.source, c.op, scale=scales, norm=norm, gate=gate, delay=c.delay)
    scale = as_stored(rng.uniform(0.2, 1.5) / max(spread, 0.5), coarse) or 0.25
    bias = as_stored(rng.normal(0.1, 0.2, channels), coarse) if rng.random() < 0.5 else 0.0
    return trained.Connection(
        c.source, c.op, scale=float(scale), bias=bias, gate=gate, delay=c.delay
    )
