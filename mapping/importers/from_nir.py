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
from ..ends import Input
from ..trained import TrainedNetwork
from ..value import Unsupported
from . import nir_run, probe
from .chain import Fact, build
from .nir_dialects import dialect_of
from .nir_graph import graph, tree_of
from .nir_nodes import fact_of


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
    """Read a NIR graph or file, and compare it with a run of the graph itself.

    Args:
        model: a path, or a nir.NIRGraph.
        dialect, semantics: who wrote it, and what its files do not say; see OPEN.
        source: what the model that the graph was written from does, as its framework's importer
            read it; None: the graph is compared with a run of itself.
        enter, timesteps, readout, probes, near_ties, seed: as of ``examine``.

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
        facts[name] = fact_of(name, nodes[name], [facts[s] for s in sources[name]], speaks, notes)
    (last,) = [n for n in order if nodes[n]["type"] == "Output"]
    _check_input(nodes, enter)
    network, lines, names = build(facts[last], enter, timesteps, readout)
    _check_shapes(nodes, network, names)
    inputs = probe.draw(enter, timesteps, probes, seed)

    def theirs(part: np.ndarray, trace: real.RealTrace) -> dict[str, np.ndarray]:
        spikes = nir_run.run(nodes, order, sources, facts, enter, timesteps, part)
        return {names[path]: spikes[path] for path in names}

    ties = probe.check(network, inputs, theirs, near_ties)
    against = "the graph itself"
    if source is not None:

        def by_source(part: np.ndarray, _: real.RealTrace) -> dict[str, np.ndarray]:
            return _of_source(network, source, part)

        ties += probe.check(network, inputs, by_source, near_ties)
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
