"""NIR graphs and files: what the nodes say, and what must be told because no node says it.

NIR describes neurons in continuous time. Comparison, reset by subtraction, the timestep and
several spikes a timestep are in no field, and the exporters write the same neuron with different
``tau`` and ``r``. So a dialect names who wrote the file, and what that framework's files do not
say is asked for; nothing is guessed. Files are read by h5py in a child process; the nir package
is not needed.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import real
from ..ports import Input
from ..trained import TrainedNetwork
from ..value import Unsupported
from . import nir_run, probe
from .chain import build
from .layers import Layer
from .nir_dialects import Dialect, dialect_of
from .nir_graph import graph, tree_of
from .nir_nodes import layer_of

#: Least timesteps in which a neuron is driven alone.
STEPS = 8


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
    near_ties: float = probe.SHARE,
    seed: int = 0,
) -> tuple[TrainedNetwork, list[str]]:
    """Read a NIR graph or file, and compare it with NIR's equations of its own nodes.

    Args:
        model: a path, or a nir.NIRGraph.
        dialect, semantics: who wrote it, and what its files do not say; see OPEN.
        source: what the model that the graph was written from does, as its framework's importer
            read it; None: what no file says (see ``nir_run``) stays unprobed, and is named.
        enter, timesteps, readout, probes, near_ties, seed: as of ``examine``.

    Returns
    -------
        The network, and one line per node and probe.
    """
    speaks = dialect_of(dialect, semantics)
    tree = tree_of(model)
    nodes, order, sources = graph(tree)
    layers: dict[str, Layer] = {}
    notes: list[str] = []
    for name in order:
        layers[name] = layer_of(
            name, nodes[name], [layers[s] for s in sources[name]], speaks, notes
        )
    (last,) = [n for n in order if nodes[n]["type"] == "Output"]
    _check_input(nodes, enter)
    network, layer_findings, names = build(layers[last], enter, timesteps, readout)
    _check_shapes(nodes, network, names)
    probe_findings = [
        _alone(nodes[path], speaks, network, path, names[path], seed) for path in names
    ]
    inputs = probe.draw(enter, timesteps, probes, seed)
    summed = network.readout.source not in names.values()

    def theirs(part: np.ndarray, trace: real.RealTrace) -> dict[str, np.ndarray]:
        spikes, total = nir_run.run(nodes, order, sources, speaks, enter, timesteps, part)
        if summed:
            odd = probe.first_divergences(
                network, trace, {names[path]: spikes[path] for path in names}
            )
            _same_sums(network, trace, total, [d.sample for d in odd])
        return {names[path]: spikes[path] for path in names}

    ties = probe.check(network, inputs, theirs, near_ties)
    if source is not None:

        def by_source(part: np.ndarray, _: real.RealTrace) -> dict[str, np.ndarray]:
            return _of_source(network, source, part)

        ties += probe.check(network, inputs, by_source, near_ties)
    semantics_given = ", ".join(f"{k} {v!r}" for k, v in speaks.semantics.items()) or "nothing more"
    what = "every spike and the output's sum" if summed else "every spike"
    probe_findings += probe.said(probes, what + _against(speaks, source is not None), ties)
    return network, [
        f"nir: dialect {speaks.name}, dt {speaks.dt:g}; told: {semantics_given}",
        *notes,
        *layer_findings,
        *probe_findings,
    ]


def _against(speaks: Dialect, source: bool) -> str:
    """Say what the spikes were compared with, and what that cannot show."""
    said = " as NIR's equations give it from each node's own numbers"
    if source:
        return f"{said}, and as the source model fires"
    return (
        f"{said}; not probed: how {speaks.name} steps through time, compares and resets, which no "
        "field of a graph says: with source=MODEL the model that wrote it is compared"
    )


def _alone(
    node: dict[str, Any], speaks: Dialect, network: TrainedNetwork, path: str, name: str, seed: int
) -> str:
    """Compare one node's equation, driven alone, with what was read of it."""
    label = f"node {path!r} ({node['type']})"
    neuron = network[name].neuron
    steps = max(STEPS, network.timesteps)  # of one timestep a leak would not show
    given = probe.currents(neuron, network.shapes[name], steps, seed)
    spikes, membranes = nir_run.alone(node, speaks, given)
    probe.check_neuron(neuron, given, spikes, label, membranes)
    return (
        f"{label}: driven alone with {given.size} currents at, below and beyond the threshold: "
        "0 differences from its equation"
    )


def _same_sums(
    network: TrainedNetwork, trace: real.RealTrace, theirs: np.ndarray, skip: list[int]
) -> None:
    """Compare what an output without neurons sums up to, but in samples with a near-tie."""
    ours = trace.u[network.readout.source][:, -1]
    ours, theirs = ours.reshape(len(ours), -1), theirs.reshape(len(ours), -1)
    kept = np.setdiff1d(np.arange(len(ours)), skip)
    odd = np.argwhere(np.abs(ours - theirs)[kept] > 1e-6 * (1 + np.abs(theirs).max(initial=0)))
    if len(odd):
        sample, neuron = int(kept[odd[0][0]]), int(odd[0][1])
        raise Unsupported(
            f"what was read does not do what the graph does: sample {sample}, neuron {neuron} of "
            f"the output sums up to {float(ours[sample, neuron])!r} here, "
            f"{float(theirs[sample, neuron])!r} in the graph"
        )


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
