"""A Network as the project's own Lava Processes: exact, membranes included.

One Process for each population and one for each connection, as the network is written; spikes
pass along them within one timestep. Samples are rows of every port, ROWS at a time; further ones
follow in the same run, and every Process starts anew at the first step of each.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from mapping import INPUT, Network, Neuron, temporary

from . import session, shim
from .takes import OWN

#: Samples side by side.
ROWS = 64
#: Bytes that one tensor between two Processes may take; wide populations get fewer rows.
TENSOR = 1 << 22

Arrays = dict[str, np.ndarray]


def run(
    network: Network,
    x: np.ndarray,
    spikes: tuple[str, ...] | None = None,
    v: tuple[str, ...] | None = None,
    rows: int = ROWS,
) -> tuple[Arrays, Arrays]:
    """Run encoded inputs through Lava.

    Args:
        network: of one-bit Dense connections.
        x: (samples, T', *shape) integers, as ``mapping.coding.encode`` returns them.
        spikes, v: populations to record; by default all that have it.
        rows: samples side by side.

    Returns
    -------
        spikes (bool) and v (int64) by population name, (samples, T', *shape).

    Raises
    ------
        Unsupported: another kind of connection; it is named. ValueError: widths beyond proof.
        session.LavaFailed: a Lava process failed.
    """
    OWN.refuse(network)
    network.facts  # noqa: B018  refuses widths beyond what is proved
    shim.load()
    from .processes.dense import DenseConnection
    from .processes.neurons import Neurons
    from .processes.sink import Sink
    from .processes.source import Source

    if spikes is None:
        spikes = tuple(p.name for p in network.populations if p.spiking)
    if v is None:
        v = tuple(p.name for p in network.populations)
    samples, steps = x.shape[:2]
    widest = max(int(np.prod(shape)) for shape in network.shapes.values())
    rows = max(1, min(rows, samples, TENSOR // (8 * widest)))
    data = _batches(x, rows)
    source = Source(data)
    built = {p.name: _neurons(Neurons, p.neuron, rows, steps) for p in network.populations}
    for p in network.populations:
        for c in p.connections:
            edge = DenseConnection(c.op.weights, c.gain, c.bias, c.delay, rows, steps)
            out = source.s_out if c.source == INPUT else built[c.source].s_out
            out.connect(edge.s_in)
            edge.a_out.connect(built[p.name].a_in)
    with temporary.folder("spikexact-lava-") as folder:
        paths = {
            (what, name): folder / f"{what}{index}.npy"
            for what, names in (("spikes", spikes), ("v", v))
            for index, name in enumerate(names)
        }
        for name, process in built.items():
            files = {w: str(paths[w, name]) for w in ("spikes", "v") if (w, name) in paths}
            if files:
                sink = Sink(process.s_out.shape, len(data), **files)
                process.s_out.connect(sink.s_in)
                process.v_out.connect(sink.v_in)
        session.play(source, len(data))

        def gathered(what: str, name: str) -> np.ndarray:
            found = session.collected(paths[what, name])
            found = found.reshape(-1, steps, rows, found.shape[2]).swapaxes(1, 2)
            shape = (samples, steps, *network.shapes[name])
            return found.reshape(-1, steps, found.shape[3])[:samples].reshape(shape)

        return (
            {name: gathered("spikes", name) for name in spikes},
            {name: gathered("v", name) for name in v},
        )


def _batches(x: np.ndarray, rows: int) -> np.ndarray:
    """Return (batches * T', rows, values) of (samples, T', *shape); the last one has zero rows."""
    samples, steps = x.shape[:2]
    batches = -(-samples // rows)
    padded = np.zeros((batches * rows, steps, int(np.prod(x.shape[2:]))), np.int32)
    padded[:samples] = x.reshape(samples, steps, -1)
    data = padded.reshape(batches, rows, steps, -1).swapaxes(1, 2)
    return np.ascontiguousarray(data.reshape(batches * steps, rows, -1))


def _neurons(kind: type, neuron: Neuron, rows: int, steps: int) -> object:
    values = {field.name: getattr(neuron, field.name) for field in dataclasses.fields(neuron)}
    return kind(values, rows=rows, steps=steps)
