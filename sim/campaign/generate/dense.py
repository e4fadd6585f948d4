"""Random integer networks of dense layers, which every backend takes, with odd corners.

The same seed draws the same network. Thresholds are drawn from membranes that really occur, so
that neurons neither sleep nor always fire, and so that membranes land exactly on them.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mapping import Connection, Dense, Input, Network, Neuron, Population, Readout

from ...backends.reference import run
from .weights import LEAKS, SIZES, draw_signs


def draw_network(
    seed: int,
    joins: bool = True,
    delays: bool = True,
    recurrence: bool = True,
    extras: bool = False,
) -> Network:
    """Draw a Network of 1 to 4 populations, typed in integers.

    Args:
        seed: draws the same network every time.
        joins: several connections into one population may occur.
        delays: delayed and recurrent connections may occur.
        recurrence: recurrent ones among them.
        extras: soft reset, single spikes, refractory steps, firing by a timestep and latency
            coding may occur, and up to three connections into one population.
    """
    rng = np.random.default_rng([seed, 1])
    bits = int(rng.choice([1, 1, 1, 2, 5, 8]))
    coding = str(rng.choice(["steps", "steps", "direct"]))
    enter = Input((int(rng.choice(SIZES)),), bits=bits, coding=coding)
    if extras and rng.random() < 0.25:
        enter = replace(enter, bits=4, coding="latency")
    steps = int(rng.integers(1, 9))
    count = int(rng.integers(1, 5))
    populations: list[Population] = []
    sizes = {"input": enter.shape[0]}
    for k in range(count):
        last = k == count - 1
        name, neurons = f"p{k}", int(rng.choice(SIZES))
        sources = ["input", *(p.name for p in populations)]
        chosen = [sources[-1]]
        if joins and len(sources) > 1 and rng.random() < 0.3:
            chosen.append(str(rng.choice(sources)))
        if extras and joins and rng.random() < 0.4:
            chosen.append(str(rng.choice(sources)))
        edges = [
            Connection(
                source,
                Dense(draw_signs(rng, neurons, sizes[source])),
                **_numbers(rng, neurons),
                delay=int(rng.integers(0, 3)) if delays and rng.random() < 0.2 else 0,
            )
            for source in chosen
        ]
        silent = last and rng.random() < 0.4
        if delays and recurrence and not silent and rng.random() < 0.15:
            op = Dense(draw_signs(rng, neurons, neurons))
            edges.append(Connection(name, op, **_numbers(rng, neurons), delay=1))
        num, q = LEAKS[int(rng.integers(len(LEAKS)))]
        if silent:
            num, q = (1, 0) if rng.random() < 0.7 else (num, q)
        neuron = Neuron(
            num,
            q,
            threshold=None if silent else 0,
            reset=str(rng.choice(["zero", "zero", "none"])),
            v_reset=_sometimes(rng, neurons, 6),
            v_init=_sometimes(rng, neurons, 6),
        )
        if extras and not silent:
            neuron = replace(neuron, **_spiking(rng, neurons, steps))
        populations.append(Population(name, tuple(edges), neuron))
        sizes[name] = neurons
        if not silent:
            populations[-1] = _with_thresholds(enter, populations, steps, rng)
    source = populations[-1]
    kind = "count" if source.spiking else "membrane"
    return Network(enter, tuple(populations), Readout(source.name, kind), steps)


def draw_like(network: Network, seed: int) -> Network:
    """Draw another network on the structure of one: other weights and numbers."""
    rng = np.random.default_rng([seed, 2])
    populations: list[Population] = []
    for p in network.populations:
        neurons = network.shapes[p.name][0]
        edges = tuple(
            replace(c, op=Dense(draw_signs(rng, *c.op.weights.shape)), **_numbers(rng, neurons))
            for c in p.connections
        )
        neuron = replace(
            p.neuron, v_reset=_sometimes(rng, neurons, 6), v_init=_sometimes(rng, neurons, 6)
        )
        populations.append(replace(p, connections=edges, neuron=neuron, certificate=None))
        if p.spiking:
            populations[-1] = _with_thresholds(network.input, populations, network.timesteps, rng)
    return replace(network, populations=tuple(populations))


def _sometimes(rng: np.random.Generator, neurons: int, size: int) -> object:
    """Return zero, one number, or one per neuron."""
    kind = rng.integers(4)
    if kind < 2:
        return 0
    drawn = rng.integers(-size, size + 1, neurons)
    return int(drawn[0]) if kind == 2 else drawn


def _numbers(rng: np.random.Generator, neurons: int) -> dict[str, object]:
    """Return gain and bias: a power of two as fold makes it, or anything at all."""
    gain: object = 1 << int(rng.integers(0, 6))
    if rng.random() < 0.25:
        gain = rng.integers(-9, 10, neurons)
    return {"gain": gain, "bias": _sometimes(rng, neurons, 20)}


def _spiking(rng: np.random.Generator, neurons: int, steps: int) -> dict[str, object]:
    """Return what spikes do and leave behind, each of it sometimes."""
    soft = rng.random() < 0.4
    return {
        **({"reset": "subtract", "rho": rng.integers(-3, 60, neurons)} if soft else {}),
        "max_spikes": int(rng.integers(1, 4)) if rng.random() < 0.3 else None,
        "refractory": int(rng.integers(1, 4)) if rng.random() < 0.3 else 0,
        "fire_by": int(rng.integers(steps)) if rng.random() < 0.2 else None,
    }


def _with_thresholds(
    enter: Input, populations: list[Population], steps: int, rng: np.random.Generator
) -> Population:
    """Return the last population with thresholds drawn from membranes that occur without them."""
    p = populations[-1]
    free = replace(p, neuron=replace(p.neuron, threshold=None, fire_by=None))
    if any(c.source == p.name for c in p.connections):  # its own spikes are not known yet
        free = replace(free, connections=tuple(c for c in p.connections if c.source != p.name))
    network = Network(enter, (*populations[:-1], free), Readout(p.name, "membrane"), steps)
    shape = (12, steps, *enter.shape) if enter.coding == "steps" else (12, *enter.shape)
    v = run(network, rng.integers(0, enter.top + 1, shape)).v[p.name]
    flat = np.sort(v.reshape(-1, v.shape[2]), axis=0)
    pick = (rng.uniform(0.4, 0.98, flat.shape[1]) * (len(flat) - 1)).astype(int)
    threshold = flat[pick, np.arange(flat.shape[1])]
    if rng.random() < 0.15:
        threshold = int(threshold[0])
    return replace(p, neuron=replace(p.neuron, threshold=threshold))
