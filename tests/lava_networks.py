"""Random networks for stock Lava: every feature that its certificate can cover."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mapping import (
    Connection,
    Conv,
    Dense,
    Identity,
    Input,
    Network,
    Neuron,
    Pool,
    Population,
    Readout,
)
from mapping.ops import Op
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


def draw_stock_maps(seed: int) -> Network:
    """Draw a network of maps that stock Lava may run: convolutions, pools, joins, a dense end.

    Weights of 1 to 8 bits, groups, strides, padding, maxima of spikes, skips over populations,
    p-bit inputs, gains of both signs, leaks, T from 1 to 5.
    """
    rng = np.random.default_rng([seed, 78])
    steps, bits = int(rng.integers(1, 6)), int(rng.choice([1, 1, 1, 3]))
    enter = Input((int(rng.integers(1, 4)), *rng.integers(3, 7, 2).tolist()), bits=bits)
    shapes = {"input": enter.shape}
    populations: list[Population] = []
    source = "input"
    for index in range(int(rng.integers(1, 4))):
        op = _map_op(rng, shapes[source], source == "input" and bits > 1)
        shape = op.out_shape(shapes[source])
        num, q = LEAKS[int(rng.integers(len(LEAKS)))]
        unit = 1 << q * (steps - 1)
        gain = unit * rng.choice([1, 1, 2, -1], shape[0])
        bias = unit * rng.integers(-1, 3, shape[0])
        edges = [Connection(source, op, gain=gain, bias=bias)]
        for name, other in shapes.items():  # skips, over any number of populations
            spikes = name != "input" or bits == 1
            if name != source and other == shape and spikes and rng.random() < 0.7:
                edges.append(Connection(name, Identity(), gain=unit))
        threshold = unit * rng.integers(1, 6, shape[0])
        name = f"p{index}"
        populations.append(Population(name, tuple(edges), Neuron(num, q, threshold=threshold)))
        shapes[name] = shape
        source = name if rng.random() < 0.8 else source
    return Network(enter, tuple(populations), Readout(populations[-1].name), steps)


def _map_op(rng: np.random.Generator, shape: tuple[int, ...], graded: bool) -> Op:
    kind = int(rng.integers(6))
    if len(shape) == 1 or min(shape[1:]) < 2 or kind == 5:
        return signs(rng, 6, int(np.prod(shape)))
    if kind > 2:
        return Pool((2, 2), (1, 1), kind="max" if kind == 3 and not graded else "sum")
    groups, bits = int(rng.choice([1, shape[0]])), int(rng.choice([1, 1, 4, 8]))
    window = [int(rng.integers(1, min(4, size + 1))) for size in shape[1:]]
    sizes = (groups * int(rng.integers(1, 4)), shape[0] // groups, *window)
    top = (1 << (bits - 1)) - 1
    weights = rng.choice([-1, 1], sizes) if bits == 1 else rng.integers(-top, top + 1, sizes)
    stride, padding = rng.integers(1, 3, 2).tolist(), rng.integers(0, 2, 2).tolist()
    return Conv(weights, tuple(stride), tuple(padding), groups=groups, bits=bits)
