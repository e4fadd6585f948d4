"""NIR nodes as layers: weights, pools, and what tau and r mean in the dialect they come from."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np

from ..ops import Conv, Dense, Pool
from ..trained import Neuron
from ..value import Unsupported, choice
from .chain import whole
from .layers import Layer
from .nir_dialects import COMPARE, Dialect


def layer_of(
    name: str, node: dict[str, Any], sources: list[Layer], speaks: Dialect, notes: list[str]
) -> Layer:
    """Return the layer of a node; ``notes`` gets a line for every number that is snapped."""
    kind = node["type"]
    label = f"node {name!r} ({kind})"
    if kind == "Input":
        return Layer("input", "Input", "enter")
    source = sources[0]
    if len(sources) > 1:  # edges that meet add up
        source = Layer(f"{name}.in", kind, "join", tuple(sources))
    if kind == "Output":
        return source
    if kind in ("Linear", "Affine"):
        weights = _array(node, "weight", label, ndim=2)
        bias = _array(node, "bias", label, ndim=1) if kind == "Affine" else None
        return Layer(
            name, kind, "weigh", (source,), {"weights": weights, "make": Dense, "bias": bias}
        )
    if kind == "Conv2d":
        return Layer(name, kind, "weigh", (source,), _conv(node, label))
    if kind in ("SumPool2d", "AvgPool2d"):
        kernel = _pair(node, "kernel_size", label, 1)
        op = Pool(kernel, _pair(node, "stride", label, 1), _pair(node, "padding", label, 0))
        scale = 1 / math.prod(kernel) if kind == "AvgPool2d" else 1.0
        return Layer(name, kind, "apply", (source,), {"op": op, "scale": scale})
    if kind == "Flatten":
        start, end = (whole(node.get(k, d), f"{k} of {label}") for k, d in
                      (("start_dim", 0), ("end_dim", -1)))  # fmt: skip
        if start != 0 or end not in (-1, 2):
            raise Unsupported(f"{label} flattens axes {start} to {end} of a map, not all of it")
        return Layer(name, kind, "flatten", (source,))
    if kind == "Scale":
        scale = _channels(_array(node, "scale", label), label, "scale")
        return Layer(name, kind, "scale", (source,), {"scale": scale, "bias": np.float64(0)})
    if kind in ("LIF", "IF"):
        neuron = _neuron(node, label, speaks, notes)
        return Layer(name, kind, "fire", (source,), {"neuron": neuron})
    raise Unsupported(f"{label} is no node that a TrainedNetwork holds")


def _conv(node: dict[str, Any], label: str) -> dict[str, Any]:
    weights = _array(node, "weight", label, ndim=4)
    dilation = _pair(node, "dilation", label, 1)
    padding = node.get("padding", 0)
    if isinstance(padding, str):
        choice(padding, f"padding of {label}", ("same", "valid"))
        spans = [d * (k - 1) for d, k in zip(dilation, weights.shape[2:], strict=True)]
        if padding == "same" and any(s % 2 for s in spans):
            raise Unsupported(f"{label} pads more on one side than on the other")
        pads = tuple(s // 2 if padding == "same" else 0 for s in spans)
    else:
        pads = _pair(node, "padding", label, 0)
    bias = _array(node, "bias", label, ndim=1) if "bias" in node else None
    make = partial(
        Conv,
        stride=_pair(node, "stride", label, 1),
        padding=pads,
        dilation=dilation,
        groups=whole(node.get("groups", 1), f"groups of {label}"),
    )
    return {"weights": weights, "make": make, "bias": bias}


def _neuron(node: dict[str, Any], label: str, speaks: Dialect, notes: list[str]) -> Neuron:
    threshold = _channels(_array(node, "v_threshold", label), label, "v_threshold")
    reset = speaks.semantics.get("reset", "zero")
    v_reset = _one(node, "v_reset", label, 0.0)
    r = _one(node, "r", label, 1.0)
    if node["type"] == "IF":
        leak, rest = 1.0, 0.0
        gain = r * (1.0 if speaks.name in ("norse", "sinabs") else speaks.dt)
    else:
        rest = _one(node, "v_leak", label, 0.0)
        leak, gain = _leak(_one(node, "tau", label, None), r, label, speaks)
    numbers = [(leak, _snap(leak)), (gain, _snap(gain))]
    for (exact, snapped), what in zip(numbers, ("leak", "input gain"), strict=True):
        if snapped != exact:
            notes.append(f"{label}: {what} {exact!r} read as {snapped!r}, within float32 of it")
    if _snap(gain) <= 0 or not 0 <= _snap(leak) <= 1:
        raise Unsupported(f"{label} has leak {leak:g} and input gain {gain:g}; is dt right?")
    start = {"spikingjelly": v_reset, "norse": v_reset if node["type"] == "IF" else rest}
    return Neuron(
        leak=_snap(leak),
        threshold=threshold,
        compare=COMPARE.get(speaks.name, speaks.semantics.get("compare", ">")),
        reset=reset,
        v_reset=v_reset if reset == "zero" else 0.0,
        v_rest=rest,
        v_init=start.get(speaks.name, rest),
        input_gain=_snap(gain),
        reset_delay=int(speaks.semantics.get("reset_delay", speaks.name == "snntorch"))
        if reset == "subtract"
        else 0,
    )


def _leak(tau: float, r: float, label: str, speaks: Dialect) -> tuple[float, float]:
    """Return leak and input gain of a LIF node, by what the dialect's exporter writes."""
    dt = speaks.dt
    if speaks.name == "snntorch" and math.isinf(tau) and math.isinf(r):
        return 1.0, 1.0  # beta = 1: tau = r = dt / 0
    if not (math.isfinite(tau) and tau > 0 and math.isfinite(r)):
        raise Unsupported(f"{label} has tau {tau:g} and r {r:g}")
    if speaks.name == "sinabs":  # tau in timesteps, and an exponential
        leak = math.exp(-1 / tau)
        return leak, (1 - leak if speaks.semantics["decay_input"] else 1.0) * r
    if speaks.name == "norse":  # its exporter writes dt / tau_mem_inv, where 1 / tau_mem_inv is tau
        k = dt * dt / tau
        return 1 - k, k * r
    return 1 - dt / tau, r * dt / tau


def _snap(value: float) -> float:
    """Return the dyadic k / 256 that a float32 parameter stands for, or the value itself.

    Exporters write ``dt / (1 - beta)`` in float32, from which 1/2 comes back as 0.50000001.
    """
    near = round(value * 256) / 256
    return near if abs(value - near) <= 2.0**-21 * max(abs(near), 2.0**-8) else value


def _array(node: dict[str, Any], key: str, label: str, ndim: int | None = None) -> np.ndarray:
    value = node.get(key)
    array = np.asarray(value) if value is not None else None
    if array is None or array.dtype.kind not in "iuf" or array.size == 0:
        raise Unsupported(f"{label} needs {key}, an array of real numbers")
    if ndim is not None and array.ndim != ndim:
        raise Unsupported(f"{label} has {key} of shape {array.shape}; {ndim} axes are read")
    return array


def _one(node: dict[str, Any], key: str, label: str, default: float | None) -> float:
    if node.get(key) is None and default is not None:
        return default
    array = _array(node, key, label)
    if np.isnan(array).any():
        raise Unsupported(f"{label} has a {key} that is NaN")
    if (array != array.flat[0]).any():
        raise Unsupported(f"{label} has a {key} for each neuron; one a layer is held")
    return float(array.flat[0])


def _channels(array: np.ndarray, label: str, what: str) -> np.ndarray:
    """Return one number per channel, or a scalar, of an array over (C,) or (C, rows, cols)."""
    array = array.astype(np.float64)
    if not np.isfinite(array).all():
        raise Unsupported(f"{label} has a {what} that is not finite")
    if array.size == 1 or (array == array.flat[0]).all():
        return np.float64(array.flat[0])
    each = array.reshape(len(array), -1)
    if (each != each[:, :1]).any():
        raise Unsupported(f"{label} has a {what} that differs within a channel")
    return each[:, 0]


def _pair(node: dict[str, Any], key: str, label: str, low: int) -> tuple[int, int]:
    value = np.atleast_1d(np.asarray(node.get(key, low))).ravel()
    if value.size not in (1, 2) or value.dtype.kind not in "iuf":
        raise Unsupported(f"{label} has {key} {value!r}, not one integer or two")
    a, b = (value[0], value[-1])
    pair = whole(a, f"{key} of {label}"), whole(b, f"{key} of {label}")
    if min(pair) < low or max(pair) > 1 << 16:
        raise Unsupported(f"{label} has {key} {pair}")
    return pair
