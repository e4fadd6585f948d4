"""Stimuli that find mistakes: random, all-zero, all-one, and directed at the thresholds.

Random inputs barely notice ``>`` for ``>=``, or a threshold that is off by one: only a membrane
that lands exactly on the threshold, or on the last value below it, tells them apart. Directed
inputs are searched so that as many neurons as possible, in every population, land there.
"""

from __future__ import annotations

import numpy as np

from mapping import Network

from .directed import ROUNDS, directed_inputs
from .plain import constant_input, random_inputs
from .thresholds import threshold_hits

__all__ = ["directed_inputs", "random_inputs", "stimuli", "threshold_hits"]


def stimuli(network: Network, samples: int, seed: int = 0, rounds: int = ROUNDS) -> np.ndarray:
    """Return the usual mix: all-zero, all-one, a quarter random, the rest directed.

    Args:
        network: whose Input and thresholds are aimed at.
        samples: how many; of fewer than four, none is all-zero or all-one.
        seed: draws the same inputs every time.
        rounds: of the directed search, at most.

    Returns
    -------
        (samples, T, *shape) for coding "steps", else (samples, *shape), unsigned integers.
    """
    if samples < 1:
        raise ValueError(f"samples must be at least 1, not {samples}")
    edges = (
        [constant_input(network, 0), constant_input(network, network.input.top)]
        if samples >= 4
        else []
    )
    random = random_inputs(network, samples // 4, seed)
    directed = directed_inputs(network, samples - len(edges) - len(random), seed, rounds)
    return np.concatenate([*(e[None] for e in edges), random, directed])
