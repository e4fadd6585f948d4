"""How large the summed current of a trained population can get, whatever the input.

Ops answer for integers. So the bounds of a source, real numbers, are put on a grid of integers,
outward, and what the op makes of those is scaled back: never too narrow, and exact for spikes.
"""

from __future__ import annotations

import numpy as np

from ..intervals import Interval
from ..ops import Op, Shape
from ..ports import INPUT
from ..trained import Connection, TrainedNetwork
from ..value import TooWide

Span = tuple[np.ndarray, np.ndarray]
#: Bits of the integers that stand for the bounds of a source.
GRID_BITS = 30
UNBOUNDED = (np.float64(-np.inf), np.float64(np.inf))


def currents(network: TrainedNetwork) -> dict[str, Span]:
    """Return least and greatest summed current of every population, (C,) each.

    Streams with a leak have no bound here: infinities.
    """
    enter = network.input
    low, high = (x * enter.unit for x in enter.span)
    outputs: dict[str, Span] = {INPUT: (np.float64(min(low, 0)), np.float64(high))}
    bounds = {}
    for p in network.populations:
        low, high = np.zeros(()), np.zeros(())
        for c in p.connections:
            source = outputs.get(c.source, (np.float64(0), np.float64(1)))
            least, most = _current(c, *source, network.shapes[c.source])
            low, high = low + least, high + most
        bounds[p.name] = (low, high)
        n = p.neuron
        if n.threshold is not None:
            outputs[p.name] = (np.float64(0), np.float64(1))
        elif n.leak == 0:
            outputs[p.name] = (low * n.input_gain + n.v_rest, high * n.input_gain + n.v_rest)
        else:
            outputs[p.name] = UNBOUNDED
    return bounds


def _current(c: Connection, low: np.ndarray, high: np.ndarray, shape: Shape) -> Span:
    low, high = _acc(c.op, low, high, shape)
    if c.delay:  # before the first value arrives
        low, high = np.minimum(low, 0), np.maximum(high, 0)
    scale, bias = c.scale, c.bias
    if c.norm is not None:
        gain = c.norm.gamma / np.sqrt(c.norm.var + c.norm.eps)
        scale, bias = scale * gain, (bias - c.norm.mean) * gain + c.norm.beta
    ends = (scale * low + bias, scale * high + bias)
    if c.gate is not None:  # sigmoid: between 0 and 1
        ends = (np.minimum(ends[0], 0), np.maximum(ends[1], 0), *ends)
    return np.minimum.reduce(ends), np.maximum.reduce(ends)


def _acc(op: Op, low: np.ndarray, high: np.ndarray, shape: Shape) -> Span:
    """Return what an op makes of a source within bounds, each a number or (C,)."""
    peak = max(np.abs(low).max(), np.abs(high).max())
    if not np.isfinite(peak):
        return UNBOUNDED
    step = np.ldexp(1.0, int(np.frexp(peak)[1]) - GRID_BITS)
    least, most = (
        np.broadcast_to(x, shape[:1]).astype(np.int64)
        for x in (np.floor(low / step), np.ceil(high / step))
    )
    try:
        acc = op.interval(Interval(least, most), shape)
    except TooWide:
        return UNBOUNDED
    return acc.low * step, acc.high * step
