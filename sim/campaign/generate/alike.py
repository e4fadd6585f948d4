"""Networks on the structure of another, of every kind: other weights and numbers.

They are drawn as ``all_kinds`` draws: thresholds are membranes that occur. What a design cannot be
loaded with stays as it is: layers, delays, shifts, gates, leaks, and what spikes do.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np

from mapping import WIDTH_MAX, Connection, Network, Population, TooWide, TrainedNetwork, trained

from .all_kinds import TRIES, Sketch
from .weights import draw_weights


def draw_whole_like(
    network: Network, seed: int, passed_over: Counter[str] | None = None
) -> Network:
    """Draw another network on the structure of one.

    Args:
        seed: draws the same network every time.
        passed_over: counts the sketches that are too wide to be a network.
    """
    for attempt in range(TRIES):
        rng = np.random.default_rng([seed, 9, attempt])
        sketch = Sketch(rng, network.input, network.timesteps)
        try:
            for p in network.populations:
                sketch.append(_population(sketch, p, network.shapes[p.name][0]))
            drawn = Network(network.input, tuple(sketch.done), network.readout, network.timesteps)
            drawn.facts  # noqa: B018  refuses widths beyond WIDTH_MAX
        except TooWide:
            if passed_over is not None:
                passed_over[f"drawn with more than {WIDTH_MAX} bits"] += 1
            continue
        return drawn
    raise RuntimeError(f"seed {seed}: no network of the structure in {TRIES} tries")


def _population(sketch: Sketch, p: Population, channels: int) -> Population:
    edges = tuple(_edge(sketch, c, channels) for c in p.connections)
    neuron = p.neuron
    if p.spiking:
        rho = sketch.rng.integers(-3, 40, channels) if sketch.rng.random() < 0.5 else 0
        neuron = replace(neuron, v_reset=sketch.numbers(channels, 6), rho=rho)
    neuron = replace(neuron, v_init=sketch.numbers(channels, 6))
    return replace(p, connections=edges, neuron=neuron, certificate=None)


def _edge(sketch: Sketch, c: Connection, channels: int) -> Connection:
    gain, bias = sketch.gain(channels), sketch.numbers(channels, 20)
    return replace(c, op=_reweighed(sketch.rng, c.op), gain=gain, bias=bias)


def _reweighed(rng: np.random.Generator, op: Any) -> Any:
    """Return an op with other weights; what has none stays."""
    return replace(op, weights=draw_weights(rng, op.weights.shape, op.bits)) if op.bits else op


def draw_trained_whole_like(value: TrainedNetwork, seed: int) -> TrainedNetwork:
    """Draw another trained network on the structure of one.

    Its weights are others, and what it has of each channel comes in another order.
    """
    rng = np.random.default_rng([seed, 10])
    populations = []
    for p in value.populations:
        edges = tuple(_trained_edge(rng, c) for c in p.connections)
        neuron = replace(p.neuron, threshold=_shuffled(rng, p.neuron.threshold))
        populations.append(replace(p, connections=edges, neuron=neuron))
    return replace(value, populations=tuple(populations))


def _trained_edge(rng: np.random.Generator, c: trained.Connection) -> trained.Connection:
    norm = c.norm
    if norm is not None:
        names = ("gamma", "beta", "mean", "var")
        norm = replace(norm, **{name: _shuffled(rng, getattr(norm, name)) for name in names})
    scale, bias = _shuffled(rng, c.scale), _shuffled(rng, c.bias)
    return replace(c, op=_reweighed(rng, c.op), norm=norm, scale=scale, bias=bias)


def _shuffled(rng: np.random.Generator, value: Any) -> Any:
    """Return one value a channel in another order; one for all, or none, as it is."""
    return rng.permutation(value) if np.ndim(value) else value
