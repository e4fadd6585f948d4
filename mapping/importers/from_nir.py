"""NIR graphs and files: what the nodes say, and what must be told because no node says it.

NIR describes neurons in continuous time. Comparison, reset by subtraction, the timestep and
several spikes a timestep are in no field, and the exporters write the same neuron with different
``tau`` and ``r``. So a dialect names who wrote the file, and what that framework's files do not
say is asked for; nothing is guessed. Files are read by h5py in a child process; the nir package
is not needed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .. import real
from ..ends import Input
from ..ops import Pool
from ..trained import Neuron, TrainedNetwork
from ..value import Unsupported, choice
from . import nir_run, probe
from .chain import Fact, build, whole
from .sandbox import ask

#: Which semantics each dialect's files leave open, and must be told.
OPEN = {
    "snntorch": ("reset",),
    "spikingjelly": (),
    "norse": ("reset",),
    "sinabs": ("reset", "decay_input", "single_spike"),
    "nir": ("compare", "reset", "dt"),
}
#: The timestep that an exporter writes by default, in seconds.
DT = {"snntorch": 1e-4, "spikingjelly": 1e-4, "norse": 1e-3, "sinabs": 1.0}
COMPARE = {"snntorch": ">", "spikingjelly": ">=", "norse": ">", "sinabs": ">="}
WORDS = {
    "reset": "reset: 'zero' or 'subtract'",
    "decay_input": "decay_input: whether the input is scaled by 1 - leak",
    "single_spike": "single_spike=True: at most one spike a timestep",
    "compare": "compare: '>' or '>='",
    "dt": "dt: the timestep in seconds",
}
KNOWN = ("reset", "decay_input", "single_spike", "compare", "dt", "reset_delay")


@dataclass(frozen=True)
class Dialect:
    """Who wrote a graph, and what was told of it."""

    name: str
    told: dict[str, Any]

    @property
    def dt(self) -> float:
        """The timestep, seconds (sinabs: timesteps)."""
        return float(self.told.get("dt", DT.get(self.name, 0.0)))


def dialect_of(name: str | None, semantics: dict[str, Any] | None) -> Dialect:
    """Check a dialect and what is told of it; raises ValueError that lists what is missing."""
    if name is None:
        raise ValueError(
            "a NIR graph does not say who wrote it, and the same net comes with four different "
            f"tau and r: give dialect, one of {', '.join(map(repr, OPEN))}"
        )
    choice(name, "dialect", tuple(OPEN))
    told = dict(semantics or {})
    for key in told:
        choice(key, "key of semantics", KNOWN)
    missing = [WORDS[key] for key in OPEN[name] if key not in told]
    if missing:
        raise ValueError(
            f"a NIR graph of {name} does not say all of its semantics; give in semantics: "
            + "; ".join(missing)
        )
    choice(told.get("reset", "zero"), "reset", ("zero", "subtract"))
    choice(told.get("compare", ">"), "compare", (">", ">="))
    if told.get("compare", COMPARE.get(name)) != COMPARE.get(name, told.get("compare")):
        raise ValueError(f"{name} fires at u {COMPARE[name]} threshold, not {told['compare']}")
    if name == "spikingjelly" and told.get("reset", "zero") != "zero":
        raise ValueError("SpikingJelly writes no NIR graphs of soft reset")
    if name == "sinabs" and told["single_spike"] is not True:
        raise Unsupported("sinabs neurons that fire several spikes a timestep are not held")
    if name == "snntorch" and told.get("reset_delay", 1) != 1 and told["reset"] == "subtract":
        raise Unsupported(
            "snnTorch without reset_delay adds the threshold back beyond twice of it: import the "
            "model itself, which shows whether a membrane gets there"
        )
    found = Dialect(name, told)
    if not (math.isfinite(found.dt) and found.dt > 0):
        raise ValueError(f"dt must be a positive number of seconds, not {told['dt']!r}")
    return found


def bring(
    model: Any,
    enter: Input,
    timesteps: int,
    *,
    dialect: str | None,
    semantics: dict[str, Any] | None = None,
    source: TrainedNetwork | None = None,
    readout: str | None = None,
    probes: int = 256,
    seed: int = 0,
) -> tuple[TrainedNetwork, list[str]]:
    """Read a NIR graph or file, and compare it with a run of the graph itself.

    Args:
        model: a path, or a nir.NIRGraph.
        dialect, semantics: who wrote it, and what its files do not say; see OPEN.
        source: what the model that the graph was written from does, as its framework's importer
            read it; None: the graph is compared with a run of itself.
        enter, timesteps, readout, probes, seed: as of ``examine``.

    Returns
    -------
        The network, and one line per node and probe.
    """
    speaks = dialect_of(dialect, semantics)
    tree = tree_of(model)
    nodes, order, sources = graph(tree)
    facts: dict[str, Fact] = {}
    notes: list[str] = []
    for name in order:
        facts[name] = _fact(name, nodes[name], [facts[s] for s in sources[name]], speaks, notes)
    (last,) = [n for n in order if nodes[n]["type"] == "Output"]
    _check_input(nodes, enter)
    network, lines, names = build(facts[last], enter, timesteps, readout)
    _check_shapes(nodes, network, names)
    inputs = probe.draw(enter, timesteps, probes, seed)

    def theirs(part: np.ndarray, trace: real.RealTrace) -> dict[str, np.ndarray]:
        spikes = nir_run.run(nodes, order, sources, facts, enter, timesteps, part)
        return {names[path]: spikes[path] for path in names}

    ties = probe.check(network, inputs, theirs)
    against = "the graph itself"
    if source is not None:
        ties += probe.check(network, inputs, lambda part, _: _of_source(network, source, part))
        against = "the graph, and of the source model"
    told = ", ".join(f"{k} {v!r}" for k, v in speaks.told.items()) or "nothing more"
    said = f"nir: dialect {speaks.name}, dt {speaks.dt:g}; told: {told}"
    return network, [
        f"{said}; probed against a run of {against}",
        *notes,
        *lines,
        *probe.said(probes, "every spike as there", ties),
    ]


def _of_source(
    network: TrainedNetwork, source: TrainedNetwork, inputs: np.ndarray
) -> dict[str, np.ndarray]:
    """Return the source's spikes by the graph's names; neurons are told apart by their order."""
    ours = [p.name for p in network.populations if p.spiking]
    theirs = [p.name for p in source.populations if p.spiking]
    if len(ours) != len(theirs):
        raise Unsupported(f"the graph has {len(ours)} layers of neurons, its source {len(theirs)}")
    spikes = real.run(source, inputs).spikes
    return {a: spikes[b].astype(np.float64) for a, b in zip(ours, theirs, strict=True)}


def tree_of(model: Any) -> dict[str, Any]:
    """Return a graph as nested dicts, of a file or of an object with ``to_dict``."""
    if isinstance(model, (str, Path)):
        tree = ask("hdf5", Path(model))
        if not isinstance(tree.get("node"), dict):
            raise Unsupported(f"{model} is an HDF5 file, but holds no NIR graph")
        return tree["node"]
    if hasattr(model, "to_dict"):
        return _plain(model.to_dict())
    raise TypeError(f"a NIR graph is a path or a nir.NIRGraph, not {type(model).__name__}")


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if hasattr(value, "detach"):  # exporters leave tensors in the nodes
        return value.detach().cpu().numpy()
    if isinstance(value, (list, tuple)) and all(isinstance(v, (int, float)) for v in value):
        return np.asarray(value)
    return value


def graph(tree: dict[str, Any]) -> tuple[dict[str, dict], list[str], dict[str, list[str]]]:
    """Check a graph and return its nodes, an order in which they can run, and their sources.

    Edges come in no order. Only nodes on a way from the input to the output are kept.
    """
    nodes = tree.get("nodes")
    if tree.get("type") != "NIRGraph" or not isinstance(nodes, dict) or not nodes:
        raise Unsupported("a NIR graph must have type NIRGraph, and nodes")
    for name, node in nodes.items():
        if not isinstance(node, dict) or not isinstance(node.get("type"), str):
            raise Unsupported(f"node {name!r} has no type")
    edges = [_edge(e, nodes) for e in _listed(tree.get("edges"))]
    for kind in ("Input", "Output"):
        found = [n for n in nodes if nodes[n]["type"] == kind]
        if len(found) != 1:
            raise Unsupported(f"a graph must have one {kind} node, and has {len(found)}")
    sources: dict[str, list[str]] = {name: [] for name in nodes}
    for a, b in edges:
        sources[b].append(a)
    (end,) = [n for n in nodes if nodes[n]["type"] == "Output"]
    order: list[str] = []
    state: dict[str, int] = {}
    stack = [(end, iter(sources[end]))]
    state[end] = 1
    while stack:
        name, rest = stack[-1]
        for source in rest:
            if state.get(source) == 1:
                raise Unsupported(f"node {source!r} is part of a loop: recurrence is not read")
            if source not in state:
                state[source] = 1
                stack.append((source, iter(sources[source])))
                break
        else:
            state[name] = 2
            order.append(name)
            stack.pop()
    for name in order:
        if not sources[name] and nodes[name]["type"] != "Input":
            raise Unsupported(f"node {name!r} ({nodes[name]['type']}) has no source")
    return nodes, order, sources


def _listed(edges: Any) -> list[Any]:
    if isinstance(edges, np.ndarray):
        edges = edges.tolist()
    if not isinstance(edges, list):
        raise Unsupported("a NIR graph must have a list of edges")
    return edges


def _edge(edge: Any, nodes: dict[str, dict]) -> tuple[str, str]:
    ends = edge if isinstance(edge, (list, tuple)) else []
    pair = [e.decode("utf-8", "replace") if isinstance(e, bytes) else e for e in ends]
    if len(pair) != 2 or not all(isinstance(e, str) and e in nodes for e in pair):
        raise Unsupported(f"edge {edge!r} does not join two nodes of the graph")
    return pair[0], pair[1]


# --- nodes -----------------------------------------------------------------------------------


def _fact(
    name: str, node: dict[str, Any], sources: list[Fact], speaks: Dialect, notes: list[str]
) -> Fact:
    kind = node["type"]
    where = f"node {name!r} ({kind})"
    if kind == "Input":
        return Fact("input", "Input", "enter")
    source = sources[0]
    if len(sources) > 1:  # edges that meet add up
        source = Fact(f"{name}.in", kind, "join", tuple(sources))
    if kind == "Output":
        return source
    if kind in ("Linear", "Affine"):
        weights = _array(node, "weight", where, ndim=2)
        bias = _array(node, "bias", where, ndim=1) if kind == "Affine" else None
        return Fact(name, kind, "weigh", (source,), {"weights": weights, "bias": bias})
    if kind == "Conv2d":
        return Fact(name, kind, "weigh", (source,), _conv(node, where))
    if kind in ("SumPool2d", "AvgPool2d"):
        kernel = _pair(node, "kernel_size", where, 1)
        op = Pool(kernel, _pair(node, "stride", where, 1), _pair(node, "padding", where, 0))
        scale = 1 / math.prod(kernel) if kind == "AvgPool2d" else 1.0
        return Fact(name, kind, "pool", (source,), {"op": op, "scale": scale})
    if kind == "Flatten":
        start, end = (whole(node.get(k, d), f"{k} of {where}") for k, d in
                      (("start_dim", 0), ("end_dim", -1)))  # fmt: skip
        if start != 0 or end not in (-1, 2):
            raise Unsupported(f"{where} flattens axes {start} to {end} of a map, not all of it")
        return Fact(name, kind, "flatten", (source,))
    if kind == "Scale":
        scale = _channels(_array(node, "scale", where), where, "scale")
        return Fact(name, kind, "scale", (source,), {"scale": scale, "bias": np.float64(0)})
    if kind in ("LIF", "IF"):
        neuron = _neuron(node, where, speaks, notes)
        return Fact(name, kind, "fire", (source,), {"neuron": neuron})
    raise Unsupported(f"{where} is no node that a TrainedNetwork holds")


def _conv(node: dict[str, Any], where: str) -> dict[str, Any]:
    weights = _array(node, "weight", where, ndim=4)
    dilation = _pair(node, "dilation", where, 1)
    padding = node.get("padding", 0)
    if isinstance(padding, str):
        choice(padding, f"padding of {where}", ("same", "valid"))
        spans = [d * (k - 1) for d, k in zip(dilation, weights.shape[2:], strict=True)]
        if padding == "same" and any(s % 2 for s in spans):
            raise Unsupported(f"{where} pads more on one side than on the other")
        pads = tuple(s // 2 if padding == "same" else 0 for s in spans)
    else:
        pads = _pair(node, "padding", where, 0)
    return {
        "weights": weights,
        "bias": _array(node, "bias", where, ndim=1) if "bias" in node else None,
        "stride": _pair(node, "stride", where, 1),
        "padding": pads,
        "dilation": dilation,
        "groups": whole(node.get("groups", 1), f"groups of {where}"),
    }


def _neuron(node: dict[str, Any], where: str, speaks: Dialect, notes: list[str]) -> Neuron:
    threshold = _channels(_array(node, "v_threshold", where), where, "v_threshold")
    reset = speaks.told.get("reset", "zero")
    v_reset = _one(node, "v_reset", where, 0.0)
    r = _one(node, "r", where, 1.0)
    if node["type"] == "IF":
        leak, rest = 1.0, 0.0
        gain = r * (1.0 if speaks.name in ("norse", "sinabs") else speaks.dt)
    else:
        rest = _one(node, "v_leak", where, 0.0)
        leak, gain = _leak(_one(node, "tau", where, None), r, where, speaks)
    told = [(leak, _snap(leak)), (gain, _snap(gain))]
    for (found, snapped), what in zip(told, ("leak", "input gain"), strict=True):
        if snapped != found:
            notes.append(f"{where}: {what} {found!r} read as {snapped!r}, within float32 of it")
    if _snap(gain) <= 0 or not 0 <= _snap(leak) <= 1:
        raise Unsupported(f"{where} has leak {leak:g} and input gain {gain:g}; is dt right?")
    start = {"spikingjelly": v_reset, "norse": v_reset if node["type"] == "IF" else rest}
    return Neuron(
        leak=_snap(leak),
        threshold=threshold,
        compare=COMPARE.get(speaks.name, speaks.told.get("compare", ">")),
        reset=reset,
        v_reset=v_reset if reset == "zero" else 0.0,
        v_rest=rest,
        v_init=start.get(speaks.name, rest),
        input_gain=_snap(gain),
        reset_delay=int(speaks.told.get("reset_delay", speaks.name == "snntorch"))
        if reset == "subtract"
        else 0,
    )


def _leak(tau: float, r: float, where: str, speaks: Dialect) -> tuple[float, float]:
    """Return leak and input gain of a LIF node, by what the dialect's exporter writes."""
    dt = speaks.dt
    if speaks.name == "snntorch" and math.isinf(tau) and math.isinf(r):
        return 1.0, 1.0  # beta = 1: tau = r = dt / 0
    if not (math.isfinite(tau) and tau > 0 and math.isfinite(r)):
        raise Unsupported(f"{where} has tau {tau:g} and r {r:g}")
    if speaks.name == "sinabs":  # tau in timesteps, and an exponential
        leak = math.exp(-1 / tau)
        return leak, (1 - leak if speaks.told["decay_input"] else 1.0) * r
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


# --- fields ----------------------------------------------------------------------------------


def _array(node: dict[str, Any], key: str, where: str, ndim: int | None = None) -> np.ndarray:
    value = node.get(key)
    array = np.asarray(value) if value is not None else None
    if array is None or array.dtype.kind not in "iuf" or array.size == 0:
        raise Unsupported(f"{where} needs {key}, an array of real numbers")
    if ndim is not None and array.ndim != ndim:
        raise Unsupported(f"{where} has {key} of shape {array.shape}; {ndim} axes are read")
    return array


def _one(node: dict[str, Any], key: str, where: str, default: float | None) -> float:
    if node.get(key) is None and default is not None:
        return default
    array = _array(node, key, where)
    if np.isnan(array).any():
        raise Unsupported(f"{where} has a {key} that is NaN")
    if (array != array.flat[0]).any():
        raise Unsupported(f"{where} has a {key} for each neuron; one a layer is held")
    return float(array.flat[0])


def _channels(array: np.ndarray, where: str, what: str) -> np.ndarray:
    """Return one number per channel, or a scalar, of an array over (C,) or (C, rows, cols)."""
    array = array.astype(np.float64)
    if not np.isfinite(array).all():
        raise Unsupported(f"{where} has a {what} that is not finite")
    if array.size == 1 or (array == array.flat[0]).all():
        return np.float64(array.flat[0])
    each = array.reshape(len(array), -1)
    if (each != each[:, :1]).any():
        raise Unsupported(f"{where} has a {what} that differs within a channel")
    return each[:, 0]


def _pair(node: dict[str, Any], key: str, where: str, low: int) -> tuple[int, int]:
    value = np.atleast_1d(np.asarray(node.get(key, low))).ravel()
    if value.size not in (1, 2) or value.dtype.kind not in "iuf":
        raise Unsupported(f"{where} has {key} {value!r}, not one integer or two")
    a, b = (value[0], value[-1])
    found = whole(a, f"{key} of {where}"), whole(b, f"{key} of {where}")
    if min(found) < low or max(found) > 1 << 16:
        raise Unsupported(f"{where} has {key} {found}")
    return found


def _check_input(nodes: dict[str, dict], enter: Input) -> None:
    """Compare the Input node's shape with the caller's; a batch axis of 1 may stand in front."""
    (node,) = [n for n in nodes.values() if n["type"] == "Input"]
    shape = node.get("shape", node.get("input_type"))
    shape = shape.get("input") if isinstance(shape, dict) else shape
    if shape is None:
        return
    sizes = [int(n) for n in np.asarray(shape).ravel()]
    while len(sizes) > len(enter.shape) and sizes[0] == 1:
        sizes = sizes[1:]
    if tuple(sizes) != enter.shape:
        raise ValueError(f"the graph's input has shape {tuple(sizes)}, not {enter.shape}")


def _check_shapes(nodes: dict[str, dict], network: TrainedNetwork, names: dict[str, str]) -> None:
    """Refuse a vector of thresholds over a map: whether it runs over channels is not said."""
    for path, name in names.items():
        array = np.asarray(nodes[path]["v_threshold"])
        varied = array.size > 1 and (array != array.flat[0]).any()
        if varied and array.ndim == 1 and len(network.shapes[name]) == 3:
            raise Unsupported(
                f"node {path!r} ({nodes[path]['type']}) has thresholds of shape {array.shape} over "
                f"a map of shape {network.shapes[name]}"
            )
