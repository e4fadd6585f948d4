"""How large the summed current of a trained population can get, whatever the input."""

from __future__ import annotations

import numpy as np

from ..ops import Identity, Pool
from ..ports import INPUT
from ..trained import Connection, TrainedNetwork

Span = tuple[np.ndarray, np.ndarray]


def currents(network: TrainedNetwork) -> dict[str, Span]:
    """Return least and greatest summed current of every population, (C,) each.

    Streams with a leak have no bound here: infinities.
    """
    enter = network.input
    low, high = (x * enter.unit for x in enter.span)
    outs: dict[str, Span] = {INPUT: (np.float64(min(low, 0)), np.float64(high))}
    found = {}
    for p in network.populations:
        low, high = np.zeros(()), np.zeros(())
        for c in p.connections:
            a, b = _current(c, *outs.get(c.source, (np.float64(0), np.float64(1))))
            low, high = low + a, high + b
        found[p.name] = (low, high)
        n = p.neuron
        if n.threshold is not None:
            outs[p.name] = (np.float64(0), np.float64(1))
        elif n.leak == 0:
            gain, rest = n.input_gain, n.v_rest
            outs[p.name] = (low * gain + rest, high * gain + rest)
        else:
            outs[p.name] = (np.float64(-np.inf), np.float64(np.inf))
    return found


def _current(c: Connection, low: np.ndarray, high: np.ndarray) -> Span:
    if isinstance(c.op, Identity):
        pass
    elif isinstance(c.op, Pool):
        area = c.op.kernel[0] * c.op.kernel[1] if c.op.kind == "sum" else 1
        low, high = np.minimum(low, 0) * area, np.maximum(high, 0) * area
    else:  # a source's least and greatest over its channels, and zeros around it
        least, most = min(float(np.min(low)), 0.0), max(float(np.max(high)), 0.0)
        flat = c.op.weights.reshape(len(c.op.weights), -1).astype(np.float64)
        plus, minus = np.maximum(flat, 0).sum(axis=1), np.minimum(flat, 0).sum(axis=1)
        low, high = plus * least + minus * most, plus * most + minus * least
    scale, bias = c.scale, c.bias
    if c.norm is not None:
        gain = c.norm.gamma / np.sqrt(c.norm.var + c.norm.eps)
        scale, bias = scale * gain, (bias - c.norm.mean) * gain + c.norm.beta
    ends = (scale * low + bias, scale * high + bias)
    if c.gate is not None:  # sigmoid: between 0 and 1
        ends = (np.minimum(ends[0], 0), np.maximum(ends[1], 0), *ends)
    return np.minimum.reduce(ends), np.maximum.reduce(ends)
