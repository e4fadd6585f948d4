"""The fast backend's other way: one timestep after the other, each op by its own arithmetic.

For networks with an op of a kind that the engine does not know (``plain`` in ``fast_ops``).
"""

from __future__ import annotations

import numpy as np

from mapping import INPUT, Network
from mapping.coding import encode
from mapping.network import Gate, Population

from ..trace import Record, Recorder, Trace

#: Times that a neuron without limit may fire.
_NO_LIMIT = 1 << 30


def run(network: Network, inputs: np.ndarray, record: Record) -> Trace:
    """Run a batch of inputs; see sim.run."""
    x = encode(network.input, inputs, network.timesteps)
    samples, steps = x.shape[:2]
    recorder = Recorder(network, samples, steps, record, "fast")
    built = [_Population(network, p, samples) for p in network.populations]
    past: dict[str, list[np.ndarray]] = {INPUT: [], **{p.name: [] for p in network.populations}}
    for t in range(steps):
        past[INPUT].append(x[:, t].astype(np.int64))
        for one in built:
            out, v = one.step(past, t)
            past[one.p.name].append(out)
            recorder.put(one.p.name, t, out, v)
    return recorder.trace()


class _Population:
    """One population and its state."""

    def __init__(self, network: Network, p: Population, samples: int) -> None:
        self.p, self.shape = p, (samples, *network.shapes[p.name])
        self.state = np.broadcast_to(self._wide(p.neuron.v_init), self.shape)
        self.fired, self.rest = np.zeros(self.shape, np.int64), np.zeros(self.shape, np.int64)

    def _wide(self, numbers: np.ndarray) -> np.ndarray:
        return numbers.reshape(-1, *(1 for _ in self.shape[2:]))

    def step(self, past: dict[str, list[np.ndarray]], t: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the output and the membrane of timestep t."""
        drive, n = np.zeros(self.shape, np.int64), self.p.neuron
        for c in self.p.connections:
            acc = np.zeros(self.shape, np.int64)
            if t >= c.delay:
                acc = c.op.apply(past[c.source][t - c.delay]).reshape(self.shape)
            current = self._wide(c.gain) * acc + self._wide(c.bias)
            if c.gate is not None:
                factor = _gate(c.gate, acc.reshape(*acc.shape[:2], -1), t)
                current = current * factor.reshape(*factor.shape, *(1 for _ in self.shape[2:]))
            drive += current >> c.shift
        v = ((self.state * n.num) >> n.q) + drive
        if n.threshold is None:
            self.state = v
            return v, v
        off = (self.rest > 0) | (self.fired >= (n.max_spikes or _NO_LIMIT))
        v = np.where(off, self._wide(n.v_reset), v)
        spike = (v >= self._wide(n.threshold)) | ((n.fire_by == t) & (self.fired == 0))
        spike &= ~off
        after = v if n.reset == "none" else v - self._wide(n.rho)
        after = self._wide(n.v_reset) if n.reset == "zero" else after
        self.state = np.where(spike, after, v)
        self.fired = self.fired + spike
        self.rest = np.where(spike, n.refractory, np.maximum(self.rest - 1, 0))
        return spike.astype(np.int64), v


def _gate(g: Gate, acc: np.ndarray, t: int) -> np.ndarray:
    """Return the gate's factor, (samples, 1 or channels), of acc (samples, channels, places)."""
    total = g.weights * acc.sum(axis=2)
    if not g.per_channel:
        total = total.sum(axis=1, keepdims=True)
    row = g.table[t]
    return row[np.clip((total + g.offset) >> g.shift, 0, len(row) - 1)]
