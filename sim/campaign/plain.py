"""Inputs that know nothing of the network but its Input: constant and random ones."""

from __future__ import annotations

import numpy as np

from mapping import Network


def constant_input(network: Network, value: int) -> np.ndarray:
    """Return one sample that holds the same value everywhere."""
    return np.full(_shape(network), value, _dtype(network))


def random_inputs(network: Network, samples: int, seed: int = 0) -> np.ndarray:
    """Return random inputs; each sample has its own density of non-zero values."""
    rng = np.random.default_rng([seed, 11])
    shape = (samples, *_shape(network))
    values = rng.integers(1, network.input.top + 1, shape)
    density = rng.choice([0.1, 0.3, 0.5, 0.5, 0.8], samples).reshape(-1, *[1] * (len(shape) - 1))
    return np.where(rng.random(shape) < density, values, 0).astype(_dtype(network))


def _shape(network: Network) -> tuple[int, ...]:
    steps = (network.timesteps,) if network.input.coding == "steps" else ()
    return (*steps, *network.input.shape)


def _dtype(network: Network) -> type:
    return np.uint8 if network.input.bits <= 8 else np.uint16
