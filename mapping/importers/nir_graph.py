"""A NIR graph as nested dicts, checked: one input, one output, no loops, an order to run in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..confined import hdf5, read
from ..value import Unsupported


def tree_of(model: Any) -> dict[str, Any]:
    """Return a graph as nested dicts, of a file or of an object with ``to_dict``."""
    if isinstance(model, (str, Path)):
        tree = read(hdf5, Path(model))
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
        ends = [n for n in nodes if nodes[n]["type"] == kind]
        if len(ends) != 1:
            raise Unsupported(f"a graph must have one {kind} node, and has {len(ends)}")
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
