"""What every generator draws alike: weights, leaks, and parameters as a training stores them."""

from __future__ import annotations

import numpy as np

#: Neurons of a dense population: one, a few, one more than a machine word, and a hundred.
SIZES = (1, 2, 3, 7, 16, 65, 100)
#: Leaks (num, q): v keeps num / 2**q of itself in a timestep.
LEAKS = ((1, 0), (1, 1), (1, 2), (3, 2), (7, 3), (15, 4), (0, 0))


def draw_weights(rng: np.random.Generator, shape: tuple[int, ...], bits: int) -> np.ndarray:
    """Draw signs, or symmetric integers of 2 to 8 bits."""
    if bits == 1:
        return rng.choice(np.array([-1, 1], np.int8), shape)
    top = (1 << bits - 1) - 1
    return rng.integers(-top, top + 1, shape)


def draw_signs(rng: np.random.Generator, out: int, fan: int) -> np.ndarray:
    """Draw weights -1 and +1, (out, fan)."""
    return rng.choice(np.array([-1, 1], np.int8), (out, fan))


def as_stored(values: object, coarse: bool) -> np.ndarray:
    """Return values as trained: float32, or coarse dyadics."""
    array = np.asarray(values, np.float64)
    return np.round(array * 8) / 8 if coarse else array.astype(np.float32).astype(np.float64)
