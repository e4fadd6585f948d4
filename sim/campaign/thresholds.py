"""How often the membranes of a run landed on their thresholds, and just below them."""

from __future__ import annotations

import math

import numpy as np

from mapping import Network, Population

from ..trace import Trace


def threshold_hits(network: Network, trace: Trace) -> dict[str, tuple[int, int]]:
    """Return, per spiking population, how often v is at the threshold, and just below it.

    "Just below" is the last value below the threshold that v can take: n steps after a reset, v
    lies on a lattice of ``gain >> q * (n - 1)``, shifted by the biases (contract, section 4).
    """
    hits = {}
    for p in network.populations:
        if not p.spiking or p.name not in trace.v:
            continue
        v = trace.v[p.name].reshape(*trace.v[p.name].shape[:2], -1)
        area = v.shape[2] // len(p.neuron.threshold)
        threshold = np.repeat(p.neuron.threshold, area)
        below = (v < threshold) & (v >= threshold - _steps(p, v))
        hits[p.name] = int((v == threshold).sum()), int(below.sum())
    return hits


def _steps(p: Population, v: np.ndarray) -> np.ndarray:
    """Return the distance between neighbouring values of v, like v (samples, T, neurons)."""
    neuron = p.neuron
    area = v.shape[2] // len(neuron.threshold)
    threshold = np.repeat(neuron.threshold, area)
    gains = np.repeat(np.gcd.reduce([np.abs(c.gain) for c in p.connections]), area)
    common = math.gcd(neuron.num, 1 << neuron.q)
    shift = (1 << neuron.q).bit_length() - common.bit_length() if neuron.num else 0
    n = np.zeros((v.shape[0], v.shape[2]), np.int64)
    steps = np.empty_like(v)
    for t in range(v.shape[1]):
        steps[:, t] = np.maximum(1, gains >> np.minimum(63, shift * n))
        fired = (v[:, t] >= threshold) & (neuron.reset == "zero")
        n = np.where(fired, 0, n + 1)
    return steps
