"""A Network as the project's own Lava Processes: exact, membranes included."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from mapping import INPUT, Network

from . import session, shim

#: Samples that run side by side, as rows of every port; further ones follow in the same run.
ROWS = 64


def run(
    network: Network, x: np.ndarray, rows: int = ROWS
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Run encoded inputs through Lava.

    Samples are rows of the ports, ``rows`` at a time; when there are more, batches follow one
    another in one run, and every population starts anew after each.

    Args:
        network: any that ``network.facts`` accepts.
        x: (samples, T, *shape) integers.
        rows: samples side by side.

    Returns
    -------
        spikes and v by population name, (samples, T, neurons).
    """
    shim.load()
    from .processes.dense import DenseConnection
    from .processes.neurons import Neurons
    from .processes.sink import Sink
    from .processes.source import Source

    session.quiet()
    network.facts  # noqa: B018  refuses, by name, what is not run yet
    samples, steps = x.shape[:2]
    rows = min(rows, samples)
    batches = -(-samples // rows)
    padded = np.zeros((batches * rows, steps, int(np.prod(x.shape[2:]))), np.int32)
    padded[:samples] = x.reshape(samples, steps, -1)
    data = padded.reshape(batches, rows, steps, -1).transpose(0, 2, 1, 3)
    timesteps = batches * steps
    source = Source(np.ascontiguousarray(data.reshape(timesteps, rows, -1)))
    with tempfile.TemporaryDirectory(prefix="spikexact-lava-") as folder:
        built: dict[str, Neurons] = {}
        sinks = []
        for k, p in enumerate(network.populations):
            neuron = p.neuron
            fields = {n: getattr(neuron, n) for n in ("num", "q", "threshold", "reset")}
            fields |= {"v_reset": neuron.v_reset, "v_init": neuron.v_init}
            built[p.name] = process = Neurons(fields, network.shapes[p.name][0], rows, steps)
            for port, what in ((process.s_out, "s"), (process.v_out, "v")):
                sink = Sink(port.shape, timesteps, str(Path(folder) / f"{what}{k}.npy"))
                port.connect(sink.in_port)
                sinks.append(sink)
        for p in network.populations:
            for c in p.connections:
                edge = DenseConnection(c.op.weights, c.gain, c.bias, c.delay, steps, rows)
                out = source.s_out if c.source == INPUT else built[c.source].s_out
                out.connect(edge.s_in)
                edge.a_out.connect(built[p.name].a_in)
        session.play(source, timesteps)

        def gathered(what: str, k: int) -> np.ndarray:
            found = session.collected(Path(folder) / f"{what}{k}.npy")
            found = found.reshape(batches, steps, rows, -1).transpose(0, 2, 1, 3)
            return found.reshape(batches * rows, steps, -1)[:samples]

        names = [p.name for p in network.populations]
        spiking = [p.name for p in network.populations if p.spiking]
        v = {name: gathered("v", k) for k, name in enumerate(names)}
        spikes = {n: gathered("s", k).astype(bool) for k, n in enumerate(names) if n in spiking}
    return spikes, v
