"""Random trained networks of dense layers: batch norm, scales, both compares.

The same seed draws the same network.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mapping import Dense, Input, Readout, TrainedNetwork, trained

from .weights import SIZES, as_stored, draw_signs


def draw_trained(seed: int, dyadic: bool = True) -> TrainedNetwork:
    """Draw a TrainedNetwork of 1 to 4 populations: batch norm, scales, both compares.

    Args:
        seed: draws the same network every time.
        dyadic: only leaks that are dyadic, so that every layer can be exact.
    """
    rng = np.random.default_rng([seed, 3])
    bits = int(rng.choice([1, 1, 1, 3, 5]))
    unit = float(rng.choice([1.0, 1.0 / ((1 << bits) - 1), 0.25]))
    enter = Input((int(rng.choice(SIZES)),), bits, str(rng.choice(["steps", "direct"])), unit)
    steps, count = int(rng.integers(1, 9)), int(rng.integers(1, 5))
    leaks = [1.0, 0.5, 0.25, 0.75] if dyadic else [0.9, 0.3, 0.5]
    populations: list[trained.Population] = []
    fan, source, worth = enter.shape[0], "input", unit * ((1 << bits) - 1) / 2
    for k in range(count):
        neurons = int(rng.choice(SIZES))
        coarse = bool(rng.random() < 0.3)  # dyadic parameters make exact ties
        weights = Dense(draw_signs(rng, neurons, fan))
        if k == count - 1 and rng.random() < 0.4:
            edge = trained.Connection(
                source,
                weights,
                scale=as_stored(rng.uniform(0.1, 1.5), coarse),
                bias=as_stored(rng.normal(0, 1, neurons), coarse),
            )
            neuron = trained.Neuron(leak=float(rng.choice([1.0, 0.5])))
        else:
            edge = _normed(rng, source, weights, worth * np.sqrt(fan), coarse)
            neuron = trained.Neuron(
                leak=float(rng.choice(leaks)),
                threshold=float(rng.choice([1.0, 0.5, float(np.float32(0.3))])),
                compare=str(rng.choice([">", ">="])),
                reset=str(rng.choice(["zero", "zero", "none"])),
                v_reset=float(rng.choice([0.0, 0.0, 0.25, -0.125])),
                v_rest=float(rng.choice([0.0, 0.0, 0.125])),
                v_init=float(rng.choice([0.0, 0.0, 0.25])),
                input_gain=float(rng.choice([1.0, 0.5])),
            )
        populations.append(trained.Population(f"p{k}", (edge,), neuron))
        fan, source, worth = neurons, f"p{k}", 0.5
    last = populations[-1]
    kind = "count" if last.spiking else "membrane"
    return TrainedNetwork(enter, tuple(populations), Readout(last.name, kind), steps)


def draw_trained_like(value: TrainedNetwork, seed: int) -> TrainedNetwork:
    """Draw another trained network on the structure of one: other weights, shifted batch norm."""
    rng = np.random.default_rng([seed, 4])
    populations = []
    for p in value.populations:
        (edge,) = p.connections
        norm = edge.norm
        if norm is not None:
            order = rng.permutation(len(norm.gamma))
            norm = replace(norm, gamma=norm.gamma[order], beta=norm.beta[order])
        op = Dense(draw_signs(rng, *edge.op.weights.shape))
        populations.append(replace(p, connections=(replace(edge, op=op, norm=norm),)))
    return replace(value, populations=tuple(populations))


def _normed(
    rng: np.random.Generator, source: str, op: Dense, spread: float, coarse: bool
) -> trained.Connection:
    neurons = op.weights.shape[0]
    gamma = as_stored(rng.normal(0.8, 0.6, neurons), coarse)
    gamma = np.where(rng.random(neurons) < 0.05, 0.0, gamma)
    gamma = np.where(rng.random(neurons) < 0.03, gamma * 1e-7, gamma)
    norm = trained.Norm(
        gamma=gamma,
        beta=as_stored(rng.normal(0.2, 0.3, neurons), coarse),
        mean=as_stored(rng.normal(0, spread / 3, neurons), coarse),
        var=np.full(neurons, 4.0)
        if coarse
        else as_stored(rng.uniform(0.2, 1.5, neurons), False) * max(spread, 0.1) ** 2,
        eps=0.0 if coarse else 1e-5,
    )
    if rng.random() < 0.2:  # a layer without batch norm
        scale = as_stored(rng.uniform(0.2, 1.5) / max(spread, 0.5), coarse) or 0.25
        return trained.Connection(
            source, op, scale=scale, bias=as_stored(rng.normal(0.2, 0.2), coarse)
        )
    scales = rng.choice([0.5, 1.0, 2.0], neurons) if rng.random() < 0.5 else 1.0
    return trained.Connection(source, op, scale=scales, norm=norm)
