"""A run of a NIR graph by NIR's own equations, from its nodes' own numbers: the probe's other side.

    LIF: tau dv/dt = (v_leak - v) + r I      IF: dv/dt = r I      a spike at v_threshold

Nothing is taken from ``nir_nodes`` or ``chain``: leak, gain, thresholds, resets, strides and pads
are computed here once more, so that what was misread there shows. What no file says (how the
dialect steps through time, when it compares, how it resets) is written here a second time too,
but both sides then follow the same sentence of the dialect; only a run of the source model tells
whether that sentence holds.

Pedersen et al., Neuromorphic intermediate representation, Nature Communications 15, 8122 (2024).
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..coding import encode
from ..ports import Input
from .nir_dialects import Dialect

FIRES = ("LIF", "IF")
#: When a spike is fired; of plain "nir" the caller says it.
_AT: dict[str, Callable] = {"snntorch": operator.gt, "norse": operator.gt,
                            "spikingjelly": operator.ge, "sinabs": operator.ge}  # fmt: skip


@dataclass
class Cell:
    """One LIF or IF node: constants from its own arrays, and its membrane.

    Attributes
    ----------
        decay, gain, rest: ``v = decay * v + (1 - decay) * rest + gain * current``.
        threshold, reset, start: membranes. fires: compares. soft, late: how it resets.
    """

    decay: float
    gain: float
    rest: float
    threshold: np.ndarray
    reset: float
    start: float
    fires: Callable
    soft: bool
    late: bool
    v: np.ndarray | None = None
    owed: np.ndarray | float = field(default=0.0)

    def step(self, current: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Take one timestep; return spikes and the membrane that was compared."""
        v = np.full(current.shape, self.start) if self.v is None else self.v
        v = self.decay * v + (1 - self.decay) * self.rest + self.gain * current - self.owed
        spike = self.fires(v, self.threshold)
        self.owed = spike * self.threshold if self.soft and self.late else 0.0
        if not self.soft:
            self.v = np.where(spike, self.reset, v)
        elif self.late:
            self.v = v
        else:
            self.v = v - spike * self.threshold
        return spike.astype(np.float64), v


def cell(node: dict[str, Any], speaks: Dialect) -> Cell:
    """Return a node's neuron at rest, from its raw tau, r, v_leak, v_threshold and v_reset."""
    semantics, name, dt = speaks.semantics, speaks.name, speaks.dt
    r, rest = _first(node, "r", 1.0), _first(node, "v_leak", 0.0)
    reset = _first(node, "v_reset", 0.0)
    if node["type"] == "IF":
        decay, gain, rest = 1.0, r if name in ("norse", "sinabs") else r * dt, 0.0
    else:
        decay, gain = _euler(_first(node, "tau", math.nan), r, dt, name, semantics)
    start = reset if name == "spikingjelly" or (name, node["type"]) == ("norse", "IF") else rest
    threshold = np.asarray(node["v_threshold"], np.float64)
    if (threshold == threshold.flat[0]).all():
        threshold = threshold.flat[0]
    soft = semantics.get("reset") == "subtract"
    fires = _AT.get(name) or {">": operator.gt, ">=": operator.ge}[semantics["compare"]]
    late = bool(semantics.get("reset_delay", name == "snntorch"))
    return Cell(_plain(decay), _plain(gain), rest, threshold, reset, start, fires, soft, late)


def _euler(
    tau: float, r: float, dt: float, name: str, semantics: dict[str, Any]
) -> tuple[float, float]:
    """Return what one timestep leaves of v - v_leak, and what it adds of a current."""
    if name == "sinabs":  # solved, not stepped; tau counts timesteps
        decay = math.exp(-1.0 / tau)
        return decay, r * (1.0 - decay) if semantics["decay_input"] else r
    if name == "norse":  # its files hold dt times tau
        tau = tau / dt
    if name == "snntorch" and tau == r == math.inf:  # dt / (1 - beta) at beta = 1
        return 1.0, 1.0
    share = dt / tau
    return 1.0 - share, share * r


def _plain(x: float) -> float:
    """Return the multiple of 2^-8 that float32 made x of, or x."""
    near = math.floor(x * 256 + 0.5) / 256
    return near if math.isclose(x, near, rel_tol=2.0**-21, abs_tol=2.0**-29) else x


def _first(node: dict[str, Any], key: str, default: float) -> float:
    value = node.get(key)
    return default if value is None else float(np.ravel(value)[0])


def alone(node: dict[str, Any], speaks: Dialect, currents: np.ndarray) -> tuple[np.ndarray, ...]:
    """Drive one neuron with currents (N, T, *shape); return its spikes and membranes."""
    driven = cell(node, speaks)
    steps = [driven.step(currents[:, t].astype(np.float64)) for t in range(currents.shape[1])]
    return tuple(np.stack(parts, axis=1) for parts in zip(*steps, strict=True))


def run(
    nodes: dict[str, dict[str, Any]],
    order: list[str],
    sources: dict[str, list[str]],
    speaks: Dialect,
    enter: Input,
    timesteps: int,
    inputs: np.ndarray,
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Run a graph from rest.

    Returns
    -------
        Spikes of every LIF and IF node, (N, T, *shape) by node name, and the output summed over
        time, (N, *shape).
    """
    x = encode(enter, inputs, timesteps) * enter.unit
    cells = {name: cell(nodes[name], speaks) for name in order if nodes[name]["type"] in FIRES}
    spikes: dict[str, list[np.ndarray]] = {name: [] for name in cells}
    total: Any = 0.0
    for t in range(x.shape[1]):
        values: dict[str, np.ndarray] = {}
        for name in order:
            given = [values[s] for s in sources[name]]
            if not given:
                values[name] = x[:, t]
            elif name in cells:
                values[name], _ = cells[name].step(sum(given[1:], given[0]))
                spikes[name].append(values[name])
            else:
                values[name] = _stateless(nodes[name], sum(given[1:], given[0]))
        total = total + values[order[-1]]
    return {name: np.stack(parts, axis=1) for name, parts in spikes.items()}, total


def _stateless(node: dict[str, Any], x: np.ndarray) -> np.ndarray:
    kind = node["type"]
    if kind == "Output":
        return x
    if kind == "Flatten":
        return x.reshape(len(x), -1)
    if kind == "Scale":
        scale = np.asarray(node["scale"], np.float64)
        return x * (scale.reshape(-1, 1, 1) if scale.ndim == 1 < x.ndim - 1 else scale)
    bias = np.asarray(node.get("bias", 0.0), np.float64)
    if kind in ("Linear", "Affine"):
        return x @ np.asarray(node["weight"], np.float64).T + (bias if kind == "Affine" else 0.0)
    if kind == "Conv2d":
        y = _conv(node, x)
        return y + (bias.reshape(-1, 1, 1) if bias.ndim else bias)
    kernel = _two(node["kernel_size"])
    seen = _windows(x, kernel, _two(node.get("stride", 1)), _two(node.get("padding", 0)), (1, 1))
    total = seen.sum(axis=(-2, -1))
    return total / (kernel[0] * kernel[1]) if kind == "AvgPool2d" else total


def _conv(node: dict[str, Any], x: np.ndarray) -> np.ndarray:
    weights = np.asarray(node["weight"], np.float64)
    size, apart = weights.shape[2:], _two(node.get("dilation", 1))
    pads = node.get("padding", 0)
    if isinstance(pads, str):
        pads = [a * (k - 1) // 2 if pads == "same" else 0 for k, a in zip(size, apart, strict=True)]
    seen = _windows(x, size, _two(node.get("stride", 1)), _two(pads), apart)
    groups = int(np.ravel(node.get("groups", 1))[0])
    parts = [
        np.einsum("oikl,nirckl->norc", w, part, optimize=True)
        for w, part in zip(np.split(weights, groups), np.split(seen, groups, axis=1), strict=True)
    ]
    return np.concatenate(parts, axis=1)


def _windows(x: np.ndarray, size: tuple, stride: tuple, pads: tuple, apart: tuple) -> np.ndarray:
    """Return views (N, C, rows, cols, *size) of a padded map."""
    padded = np.pad(x, ((0, 0), (0, 0), (pads[0],) * 2, (pads[1],) * 2))
    reach = tuple(a * (k - 1) + 1 for k, a in zip(size, apart, strict=True))
    every = np.lib.stride_tricks.sliding_window_view(padded, reach, axis=(2, 3))
    return every[:, :, :: stride[0], :: stride[1], :: apart[0], :: apart[1]]


def _two(value: Any) -> tuple[int, int]:
    flat = np.ravel(value)
    return int(flat[0]), int(flat[-1])
