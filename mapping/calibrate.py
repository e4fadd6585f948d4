"""Constant gates: the cheaper form of an adaptive gate, calibrated on data.

A factor per layer and timestep needs no mean over the map and no second pass, and its network is
certified exact. It is another network than the trained one: measure what it costs.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from . import real
from .folding.gate import GATE_BITS
from .trained import TrainedNetwork


def constant_gates(value: TrainedNetwork, inputs: np.ndarray) -> TrainedNetwork:
    """Replace every gate by its mean factor per timestep, rounded to what a table holds.

    Args:
        inputs: samples to calibrate on, as of ``mapping.real.run``; never those that are tested.

    Returns
    -------
        The network with ``Gate.constant`` set, multiples of 1/256.
    """
    sums: dict[tuple[str, int], np.ndarray] = {}

    def watch(name: str, k: int, t: int, factor: np.ndarray) -> None:
        sums.setdefault((name, k), np.zeros(value.timesteps))[t] += factor.mean()

    real.run(value, inputs, watch)
    scale = 1 << GATE_BITS
    populations = []
    for p in value.populations:
        edges = []
        for k, c in enumerate(p.connections):
            if c.gate is not None:
                mean = np.minimum(np.rint(sums[p.name, k] * scale), scale - 1) / scale
                length = len(c.gate.alpha)
                constant = np.concatenate([mean, np.full(length - len(mean), mean[-1])])
                c = replace(c, gate=replace(c.gate, constant=constant))
            edges.append(c)
        populations.append(replace(p, connections=tuple(edges)))
    return replace(value, populations=tuple(populations))
