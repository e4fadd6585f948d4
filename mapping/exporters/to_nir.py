"""A Network as a NIR graph (J. Pedersen et al., Nature Communications 15, 8122, 2024), and back.

Nodes say what NIR has words for: weights times gains, biases, leaks, thresholds, in membranes'
integers and one second a timestep. A threshold stands half below its integer, so that ``>`` and
``>=`` mean the same. What NIR has no word for (rounding, soft reset, gates ..) is listed by
``unsaid`` and in the graph's metadata, where every integer lies too, in the form of
``mapping.files``: that is what ``load_nir`` reads, and gives the same Network back.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from ..confined import hdf5, read
from ..extras import install
from ..files import apart, beside, together
from ..network import Connection, Network, Population
from ..ops import Conv, Dense, Pool
from ..plain import FileError
from ..ports import INPUT
from ..value import Unsupported

#: Entries of the metadata: the header as bytes of JSON; arrays stand beside it.
HEADER = "spikexact"


def graph(network: Network) -> Any:
    """Return a Network as a ``nir.NIRGraph``.

    Raises
    ------
        Unsupported: the nir package is not installed.
    """
    try:
        import nir
    except ImportError:
        raise Unsupported(f"NIR graphs are made with nir: {install('frameworks')}") from None

    shapes = network.shapes
    nodes: dict[str, Any] = {INPUT: nir.Input({"input": np.array(network.input.shape)})}
    edges: list[tuple[str, str]] = []
    for p in network.populations:
        for k, c in enumerate(p.connections):
            last = c.source
            for number, node in enumerate(_edge(network, p, c)):
                name = f"{p.name}.{k}.{number}"
                nodes[name] = node
                edges.append((last, name))
                last = name
            edges.append((last, p.name))
        nodes[p.name] = _neuron(p, shapes[p.name])
    end = network.readout.source
    nodes["output"] = nir.Output({"output": np.array(shapes[end])})
    edges.append((end, "output"))
    header, arrays = apart(network)
    scalars = [key for key, array in arrays.items() if not array.ndim]  # nir compresses none
    text = json.dumps({**header, "scalars": scalars, "unsaid": unsaid(network)})
    metadata = {HEADER: np.frombuffer(text.encode(), np.uint8)}
    metadata |= {key: np.atleast_1d(array) for key, array in arrays.items()}
    order = {p.name: k for k, p in enumerate(network.populations)}
    loops = any(
        order.get(c.source, -1) >= order[p.name] for p in network.populations for c in p.connections
    )
    # nir 1.0.8 infers the shape behind a convolution from one side of its kernel, for both, and
    # its channels without its groups: there, and in loops, what it infers is wrong.
    misread = any(
        isinstance(node, nir.Conv2d)
        and (node.groups > 1 or len(set(np.shape(node.weight)[2:])) > 1)
        for node in nodes.values()
    )
    checked = not (loops or misread)
    return nir.NIRGraph(nodes, edges, metadata=metadata, type_check=checked)


def unsaid(network: Network) -> list[str]:
    """Return what the nodes of a network's graph do not say, a sentence each."""
    found = [f"a sample has {network.timesteps} timesteps and starts anew"]
    if network.input.coding != "steps" or network.input.bits > 1:
        enter = network.input
        found.append(f"inputs are {enter.bits} bits, coding {enter.coding!r}")
    if network.readout.kind != "count":
        found.append(f"the read-out is {network.readout.kind!r}")
    for p in network.populations:
        n, where = p.neuron, f"population {p.name!r}"
        if 0 < n.num < 1 << n.q:
            found.append(f"{where}: the leak rounds down to whole numbers")
        if p.spiking and n.reset != "zero":
            found.append(f"{where}: reset {n.reset!r}")
        if n.v_init.any():
            found.append(f"{where}: it starts at v_init")
        for what in ("max_spikes", "fire_by"):
            if getattr(n, what) is not None:
                found.append(f"{where}: {what} {getattr(n, what)}")
        if n.refractory:
            found.append(f"{where}: {n.refractory} refractory timesteps")
        for c in p.connections:
            if c.shift:
                found.append(f"{where}: what comes from {c.source!r} is shifted by {c.shift} bits")
            if c.gate is not None:
                found.append(f"{where}: what comes from {c.source!r} is gated")
            if _maximum(c.op) and not _binary(network, c.source):
                found.append(f"{where}: the pool of {c.source!r} is a maximum, and stands as a sum")
    return found


def save_nir(network: Network, path: Path | str) -> None:
    """Write a Network as a NIR file, beside and renamed.

    Raises
    ------
        Unsupported: the nir package is not installed. OSError: it cannot be written.
    """
    made = graph(network)
    import nir

    with beside(Path(path)) as part:
        nir.write(part, made)


def load_nir(source: Any) -> Network:
    """Read the exact Network of a NIR graph, or of a file that ``save_nir`` wrote.

    Args:
        source: a ``nir.NIRGraph``, or a path; files are read in a confined child process.

    Raises
    ------
        FileError: missing, damaged, altered, or a NIR file without such integers (those of other
            frameworks are imported). Unsupported: h5py is not installed.
    """
    if hasattr(source, "metadata"):
        path, found = "the graph", source.metadata
    else:
        path = str(source)
        node = read(hdf5, Path(source)).get("node")
        found = node.get("metadata") if isinstance(node, dict) else None
    if not isinstance(found, dict) or not isinstance(found.get(HEADER), np.ndarray):
        raise FileError(
            f"{path} holds no integers of a Network: a graph of another framework is read by "
            "spikexact import --from nir"
        )
    try:
        header = json.loads(found[HEADER].astype(np.uint8).tobytes())
        arrays = {k: v for k, v in found.items() if k != HEADER and isinstance(v, np.ndarray)}
        if not isinstance(header, dict):
            raise TypeError
        arrays |= {k: arrays[k].reshape(()) for k in header.get("scalars", ())}
        header = {k: header[k] for k in ("kind", "version", "value", "sha256")}
    except (ValueError, TypeError, LookupError, RecursionError):
        raise FileError(f"{path} is damaged: its header is not JSON") from None
    value = together(header, arrays, path)
    if not isinstance(value, Network):
        raise FileError(f"{path} holds a {type(value).__name__}, and not a Network")
    return value


def _maximum(op: Any) -> bool:
    return isinstance(op, Pool) and not op.linear and op.fan_in > 1


def _binary(network: Network, source: str) -> bool:
    span = network.input.span if source == INPUT else network.facts[source].out.span
    return span[0] >= 0 and span[1] <= 1


def _exact(numbers: np.ndarray) -> np.ndarray:
    """Return float32 where it holds the integers, else float64."""
    small = numbers.astype(np.float32)
    return small if (small.astype(np.float64) == numbers).all() else numbers.astype(np.float64)


def _edge(network: Network, p: Population, c: Connection) -> list[Any]:
    """Return the nodes of a connection, from its source on."""
    import nir

    shape, out = network.shapes[c.source], network.shapes[p.name]
    nodes: list[Any] = []
    if c.delay:
        nodes.append(nir.Delay(delay=np.full(shape, float(c.delay))))
    gain, bias = c.gain.astype(np.float64), _exact(c.bias)
    if isinstance(c.op, Dense):
        if len(shape) > 1:
            nodes.append(nir.Flatten({"input": np.array(shape)}, start_dim=0, end_dim=-1))
        weight = _exact(c.op.weights * gain[:, None])
        nodes.append(nir.Affine(weight, bias) if bias.any() else nir.Linear(weight))
        return nodes
    if isinstance(c.op, Conv):
        weight = _exact(c.op.weights * gain.reshape(-1, 1, 1, 1))
        ways = (c.op.stride, c.op.padding, c.op.dilation)
        return [*nodes, nir.Conv2d(shape[1:], weight, *ways, c.op.groups, bias)]
    if isinstance(c.op, Pool):
        size = (np.array(x) for x in (c.op.kernel, c.op.stride, c.op.padding))
        nodes.append(nir.SumPool2d(*size))
        if _maximum(c.op) and _binary(network, c.source):
            nodes.append(nir.Threshold(np.full(out, 0.5)))
    if not bias.any():
        scale = np.broadcast_to(gain.reshape(-1, *(1 for _ in out[1:])), out)
        nodes.append(nir.Scale(_exact(np.array(scale))))
    elif len(out) == 1:
        nodes.append(nir.Affine(_exact(np.diag(gain)), bias))
    else:
        weight = _exact(gain.reshape(-1, 1, 1, 1))
        nodes.append(nir.Conv2d(out[1:], weight, 1, 0, 1, out[0], bias))
    return nodes


def _neuron(p: Population, shape: tuple[int, ...]) -> Any:
    """Return the node of a population's neurons; a timestep is one second."""
    import nir

    n = p.neuron

    def wide(numbers: np.ndarray) -> np.ndarray:
        return np.array(np.broadcast_to(numbers.reshape(-1, *(1 for _ in shape[1:])), shape))

    ones, integrates = np.ones(shape), n.num == 1 << n.q
    tau = ones if integrates else ones / (1 - n.num / (1 << n.q))
    if n.threshold is None:
        return nir.I(r=ones) if integrates else nir.LI(tau=tau, r=tau, v_leak=0 * ones)
    ends = {"v_threshold": wide(n.threshold - 0.5), "v_reset": wide(n.v_reset.astype(np.float64))}
    if integrates:
        return nir.IF(r=ones, **ends)
    return nir.LIF(tau=tau, r=tau, v_leak=0 * ones, **ends)
