"""Real weights as integers and a scale per output channel, exactly or not at all.

Two-valued {-a, +a} in every channel is one bit. Anything else must be integer multiples of one
number per channel, within 8 bits: multiples as real numbers, or products that were rounded to
the weights' own floating-point type (a fake-quantised ``k * s``).
"""

from __future__ import annotations

import numpy as np

from ..value import Unsupported, first_odd

#: Most bits of a weight, and the largest integer of so many bits, symmetric.
BITS_MAX = 8
PEAK = (1 << (BITS_MAX - 1)) - 1


def split(weights: np.ndarray, label: str) -> tuple[np.ndarray, np.ndarray, int]:
    """Split real weights into integers and scales.

    Args:
        weights: (out, ...) real numbers in the type that they were trained in.
        label: names the module, in an error.

    Returns
    -------
        int8 integers of the same shape, float64 scales (out,), and bits: 1 where every channel
        is two-valued, else 2 to 8.

    Raises
    ------
        Unsupported: NaN, infinite, or neither two-valued nor multiples within 8 bits.
    """
    array = np.asarray(weights)
    if array.dtype.kind not in "iuf" or array.ndim < 2 or array.size == 0:
        raise Unsupported(f"{label}: weights of shape {array.shape} and type {array.dtype}")
    if not np.isfinite(array).all():
        raise Unsupported(f"{label}: weights must be finite; they hold {first_odd(array)}")
    flat = array.reshape(len(array), -1).astype(np.float64)
    peaks = np.abs(flat).max(axis=1)
    if (np.abs(flat) == peaks[:, None]).all() and (peaks > 0).all():
        return np.where(array > 0, 1, -1).astype(np.int8), peaks, 1
    kind = array.dtype if array.dtype.kind == "f" else np.dtype(np.float64)
    integers, scales = np.zeros(flat.shape, np.int8), np.ones(len(flat))
    for channel, row in enumerate(flat):
        exact = _multiples(row, kind)
        if exact is None:
            values = np.unique(row)
            raise Unsupported(
                f"{label}: weights are not two-valued: channel {channel} holds {len(values)} "
                f"values, {', '.join(f'{v:g}' for v in values[:4])} ..., which are no integer "
                f"multiples of one number within {BITS_MAX} bits; binarise or quantise them first"
            )
        integers[channel], scales[channel] = exact
    bits = max(2, int(np.abs(integers.astype(int)).max(initial=1)).bit_length() + 1)
    return integers.reshape(array.shape), scales, bits


def _multiples(row: np.ndarray, kind: np.dtype) -> tuple[np.ndarray, float] | None:
    """Return integers within +-PEAK and the scale whose rounded products are the row, or None."""
    peak = np.abs(row).max()
    if peak == 0:
        return np.zeros(len(row), np.int8), 1.0
    few = np.unique(np.abs(row))
    if len(few) > PEAK + 1:
        return None
    for top in range(1, PEAK + 1):
        near = kind.type(peak) / kind.type(top)
        if not near:
            return None
        ratio = few / float(near)
        if np.abs(ratio - np.rint(ratio)).max() > 1e-3:
            continue
        beside = (np.nextafter(near, kind.type(0)), np.nextafter(near, kind.type(np.inf)))
        for scale in (near, *beside):
            steps = np.rint(row / float(scale))
            if np.abs(steps).max() > PEAK:
                continue
            if (steps.astype(kind) * scale == row.astype(kind)).all():
                return steps.astype(np.int8), float(scale)
    return None
