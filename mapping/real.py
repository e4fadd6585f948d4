"""The meaning of a TrainedNetwork: its equation in float64.

Agreement with the trained model is measured against this. The certificate speaks of real
arithmetic; float64 can differ from it at near-ties.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .coding import encode
from .ends import INPUT
from .fold import refuse_unsupported
from .trained import Connection, TrainedNetwork


@dataclass(frozen=True, eq=False)
class RealTrace:
    """Spikes and membranes of a run in float64.

    Attributes
    ----------
        spikes: population name to bool (samples, T, *shape), those with a threshold.
        u: population name to float64 (samples, T, *shape), before reset.
        scores: (samples, classes) float64.
    """

    spikes: dict[str, np.ndarray]
    u: dict[str, np.ndarray]
    scores: np.ndarray

    @property
    def classes(self) -> np.ndarray:
        """(samples,) int64: the highest score; ties go to the lowest class index."""
        return self.scores.argmax(axis=1)


def run(network: TrainedNetwork, inputs: np.ndarray) -> RealTrace:
    """Run a batch of integer inputs; see sim.run for their shape and the errors raised."""
    refuse_unsupported(network)
    x = encode(network.input, inputs, network.timesteps)
    samples, steps = x.shape[:2]
    u = {p.name: np.full((samples, network.shapes[p.name][0]), p.neuron.v_init)
         for p in network.populations}  # fmt: skip
    spikes: dict[str, list[np.ndarray]] = {p.name: [] for p in network.populations if p.spiking}
    membranes: dict[str, list[np.ndarray]] = {p.name: [] for p in network.populations}
    outs: dict[str, list[np.ndarray]] = {INPUT: [], **{p.name: [] for p in network.populations}}
    for t in range(steps):
        outs[INPUT].append(x[:, t].reshape(samples, -1) * network.input.unit)
        for p in network.populations:
            neuron = p.neuron
            current = np.zeros_like(u[p.name])
            for c in p.connections:
                if t >= c.delay:
                    acc = outs[c.source][t - c.delay] @ c.op.weights.T.astype(np.float64)
                else:
                    acc = np.zeros_like(current)
                current += normalised(c, acc)
            rest = neuron.v_rest
            v = rest + neuron.leak * (u[p.name] - rest) + neuron.input_gain * current
            membranes[p.name].append(v)
            if neuron.threshold is None:
                outs[p.name].append(v)
                u[p.name] = v
                continue
            fired = v > neuron.threshold if neuron.compare == ">" else v >= neuron.threshold
            spikes[p.name].append(fired)
            outs[p.name].append(fired.astype(np.float64))
            u[p.name] = np.where(fired, neuron.v_reset, v) if neuron.reset == "zero" else v
    shown = {n: np.stack(a, axis=1) for n, a in spikes.items()}
    kept = {n: np.stack(a, axis=1) for n, a in membranes.items()}
    source = network.readout.source
    if network.readout.kind == "membrane":
        scores = kept[source][:, -1]
    else:
        scores = (shown[source] if source in shown else kept[source]).sum(axis=1, dtype=np.float64)
    return RealTrace(shown, kept, scores)


def normalised(connection: Connection, acc: np.ndarray) -> np.ndarray:
    """Return norm(scale * acc + bias), (samples, C)."""
    current = connection.scale * acc + connection.bias
    norm = connection.norm
    if norm is None:
        return current
    return norm.gamma * (current - norm.mean) / np.sqrt(norm.var + norm.eps) + norm.beta
