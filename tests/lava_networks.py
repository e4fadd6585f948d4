"""Random networks for stock Lava: every feature that its certificate can cover."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mapping import Connection, Dense, Input, Network, Neuron, Population, Readout
from sim import run
from sim.campaign.stimuli import random_inputs

#: Leaks of the contract that stock LIF can have, and the bits that a step may add.
LEAKS = ((1, 0), (1, 0), (1, 1), (1, 1), (1, 2), (3, 2), (7, 3), (0, 0))


def signs(rng: np.random.Generator, out: int, fan: int) -> Dense:
    """Draw one-bit weights."""
    return Dense(rng.choice(np.array([-1, 1], np.int8), (out, fan)))


def draw_stock(seed: int) -> Network:
    """Draw a network of 1 to 4 populations that stock Lava may run; most of them it does.

    Chains and joins over skipped populations, gains of both signs and zero, biases, v_reset,
    p-bit inputs, T from 1 to 7, thresholds on membranes that occur, and sometimes an integrator.
    """
    rng = np.random.default_rng([seed, 77])
    steps, count = int(rng.integers(1, 8)), int(rng.integers(1, 5))
    bits, coding = int(rng.choice([1, 1, 3, 5])), str(rng.choice(["steps", "direct"]))
    enter = Input((int(rng.choice([1, 7, 30, 65])),), bits=bits, coding=coding)
    populations: list[Population] = []
    sizes = {"input": enter.shape[0]}
    for index in range(count):
        name, neurons = f"p{index}", int(rng.choice([1, 3, 10, 33]))
        num, q = LEAKS[int(rng.integers(len(LEAKS)))]
        unit = 1 << max(0, q * (steps - 1) + int(rng.integers(0, 2)))
        gain = unit * rng.choice([1, 1, 1, 2, -1, 0], neurons, p=[0.3, 0.3, 0.1, 0.1, 0.1, 0.1])
        silent = index > 0 and index == count - 1 and rng.random() < 0.3
        sources = ["input", *(p.name for p in populations)]
        chosen = [sources[-1]]
        if len(sources) > 1 and rng.random() < 0.5:
            chosen.append(str(rng.choice(sources)))
        edges = tuple(
            Connection(
                source,
                signs(rng, neurons, sizes[source]),
                gain=gain * int(rng.choice([1, 1, 3])),
                bias=unit * rng.integers(-2, 3, neurons) if rng.random() < 0.6 else 0,
            )
            for source in chosen
        )
        start = unit * rng.integers(-3, 4, neurons) if rng.random() < 0.3 else 0
        neuron = Neuron(num, q, v_reset=start, v_init=start)
        populations.append(Population(name, edges, neuron))
        if not silent:
            free = Network(enter, tuple(populations), Readout(name, "membrane"), steps)
            v = run(free, random_inputs(free, 12, seed)).v[name]
            flat = np.sort(v.reshape(-1, neurons), axis=0)
            pick = (rng.uniform(0.5, 0.95, neurons) * (len(flat) - 1)).astype(int)
            threshold = flat[pick, np.arange(neurons)]
            threshold = np.where(rng.random(neurons) < 0.9, np.maximum(threshold, 1), threshold)
            populations[-1] = replace(
                populations[-1], neuron=replace(neuron, threshold=threshold, reset="zero")
            )
        sizes[name] = neurons
    last = populations[-1]
    kind = "count" if last.spiking else "membrane"
    return Network(enter, tuple(populations), Readout(last.name, kind), steps)
