"""A run of a NIR graph, node by node, from its own arrays: what the probe compares with.

Written apart from ``chain``: weights stay real numbers, nothing is split, merged or moved.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..apply import windows
from ..coding import encode
from ..ends import Input
from .chain import Fact


def run(
    nodes: dict[str, dict[str, Any]],
    order: list[str],
    sources: dict[str, list[str]],
    facts: dict[str, Fact],
    enter: Input,
    timesteps: int,
    inputs: np.ndarray,
) -> dict[str, np.ndarray]:
    """Return the spikes of every LIF and IF node, (N, T, *shape) by node name."""
    x = encode(enter, inputs, timesteps) * enter.unit
    neurons: dict[str, dict[str, Any]] = {}
    spikes: dict[str, list[np.ndarray]] = {}
    for t in range(x.shape[1]):
        values: dict[str, np.ndarray] = {}
        for name in order:
            node = nodes[name]
            given = [values[s] for s in sources[name]]
            if node["type"] == "Input":
                values[name] = x[:, t]
                continue
            total = sum(given[1:], given[0])
            if node["type"] in ("LIF", "IF"):
                values[name] = _fire(neurons.setdefault(name, {}), facts[name], total)
                spikes.setdefault(name, []).append(values[name])
            else:
                values[name] = _stateless(node, facts[name], total)
    return {name: np.stack(parts, axis=1) for name, parts in spikes.items()}


def _stateless(node: dict[str, Any], fact: Fact, x: np.ndarray) -> np.ndarray:
    kind = node["type"]
    if kind == "Output":
        return x
    if kind == "Flatten":
        return x.reshape(len(x), -1)
    if kind == "Scale":
        return x * np.asarray(node["scale"], np.float64)
    if kind in ("Linear", "Affine"):
        y = x @ np.asarray(node["weight"], np.float64).T
        return y + np.asarray(node["bias"], np.float64) if kind == "Affine" else y
    if kind in ("SumPool2d", "AvgPool2d"):
        op = fact.data["op"]
        rows, cols = op.out_shape(x.shape[1:])[1:]
        parts = [
            part[:, :, :rows, :cols]
            for _, _, part in windows(x, op.kernel, op.stride, op.padding, (1, 1))
        ]
        return sum(parts[1:], parts[0]) / (len(parts) if kind == "AvgPool2d" else 1)
    return _conv(fact.data, x)


def _conv(data: dict[str, Any], x: np.ndarray) -> np.ndarray:
    weights = np.asarray(data["weights"], np.float64)
    groups, out = data["groups"], len(weights)
    rows, cols = (
        (n + 2 * p - d * (k - 1) - 1) // s + 1
        for n, p, d, k, s in zip(
            x.shape[2:], data["padding"], data["dilation"], weights.shape[2:], data["stride"],
            strict=True,
        )
    )  # fmt: skip
    kernel = weights.reshape(groups, out // groups, *weights.shape[1:])
    y = np.zeros((len(x), groups, out // groups, rows, cols))
    seen = windows(x, weights.shape[2:], data["stride"], data["padding"], data["dilation"])
    for r, c, part in seen:
        part = part[:, :, :rows, :cols].reshape(len(x), groups, -1, rows, cols)
        y += np.einsum("goi,ngirc->ngorc", kernel[..., r, c], part)
    y = y.reshape(len(x), out, rows, cols)
    bias = data["bias"]
    return y if bias is None else y + np.asarray(bias, np.float64).reshape(1, -1, 1, 1)


def _fire(state: dict[str, Any], fact: Fact, current: np.ndarray) -> np.ndarray:
    n = fact.data["neuron"]
    theta = np.asarray(n.threshold, np.float64)
    theta = theta.reshape(-1, *(1 for _ in current.shape[2:])) if theta.ndim else theta
    v = state.get("v", np.full(current.shape, n.v_init))
    v = v + (1 - n.leak) * (n.v_rest - v) + n.input_gain * current
    v = v - state.get("owed", 0.0)
    spike = v > theta if n.compare == ">" else v >= theta
    state["owed"] = 0.0
    if n.reset == "zero":
        v = np.where(spike, n.v_reset, v)
    elif n.reset_delay:
        state["owed"] = spike * theta
    else:
        v = v - spike * theta
    state["v"] = v
    return spike.astype(np.float64)
