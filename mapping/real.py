"""The meaning of a TrainedNetwork: its equation in float64.

Agreement with the trained model is measured against this. The certificate speaks of real
arithmetic; float64 can differ from it at near-ties.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .coding import encode
from .ports import INPUT, Readout
from .trained import Connection, Gate, Population, TrainedNetwork
from .value import Brief


@dataclass(frozen=True, eq=False, repr=False)
class RealTrace(Brief):
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
    x = encode(network.input, inputs, network.timesteps)
    samples, steps = x.shape[:2]
    states = {p.name: Membranes(p, (samples, *network.shapes[p.name])) for p in network.populations}
    outs: dict[str, list[np.ndarray]] = {INPUT: [], **{name: [] for name in states}}
    membranes: dict[str, list[np.ndarray]] = {name: [] for name in states}
    for t in range(steps):
        outs[INPUT].append(x[:, t] * network.input.unit)
        for p in network.populations:
            total = np.zeros((samples, *network.shapes[p.name]))
            for c in p.connections:
                acc = np.zeros_like(total)
                if t >= c.delay:
                    acc = c.op.apply(outs[c.source][t - c.delay])
                total += current(c, acc, t)
            out, u = states[p.name].step(total, t)
            outs[p.name].append(out)
            membranes[p.name].append(u)
    kept = {n: np.stack(a, axis=1) for n, a in membranes.items()}
    spikes = {p.name: np.stack(outs[p.name], axis=1) != 0 for p in network.populations if p.spiking}
    return RealTrace(spikes, kept, _scores(network.readout, spikes, kept))


def current(c: Connection, acc: np.ndarray, t: int) -> np.ndarray:
    """Return gate(norm(scale * acc + bias)) of timestep t."""
    drive = wide(c.scale, acc) * acc + wide(c.bias, acc)
    n = c.norm
    if n is not None:
        root = wide(np.sqrt(n.var + n.eps), acc)
        drive = wide(n.gamma, acc) * (drive - wide(n.mean, acc)) / root + wide(n.beta, acc)
    return drive if c.gate is None else drive * factor(c.gate, drive, acc, t)


def factor(gate: Gate, x: np.ndarray, acc: np.ndarray, t: int) -> np.ndarray:
    """Return what a gate multiplies x with at timestep t, to broadcast over (samples, C, ...)."""
    if gate.constant is not None:
        return np.full((1,) * x.ndim, gate.constant[t])
    axes = tuple(range(2 if gate.per_channel else 1, x.ndim))
    if gate.table is not None:
        total = wide(gate.table.weights, acc) * acc
        total = total.sum(axis=axes, keepdims=True) if axes else total
        offset = gate.table.offset
        total = total + (wide(offset, acc) if offset.ndim else offset)
        row = gate.table.factors[t]
        return row[np.clip(np.floor(total), 0, len(row) - 1).astype(np.int64)]
    mean = x.mean(axis=axes, keepdims=True) if axes else x
    return 1 / (1 + np.exp(np.clip(-gate.alpha[t] * mean, -700, 700)))


class Membranes:
    """The membranes of one population in float64, and who is held."""

    def __init__(self, p: Population, shape: tuple[int, ...]) -> None:
        self.neuron = p.neuron
        self.u = np.full(shape, p.neuron.v_init)
        self.fired = np.zeros(shape, np.int64)
        self.rest = np.zeros(shape, np.int64)
        self.late = np.zeros(shape)  # what a delayed reset takes off

    def step(self, total: np.ndarray, t: int) -> tuple[np.ndarray, np.ndarray]:
        """Take one timestep; return the output and u as it is compared with the threshold."""
        n = self.neuron
        u = n.v_rest + n.leak * (self.u - n.v_rest) + n.input_gain * total - self.late
        if n.threshold is None:
            self.u = u
            return u, u
        threshold = wide(n.threshold, u)
        held = self.rest > 0
        if n.max_spikes is not None:
            held = held | (self.fired >= n.max_spikes)
        u = np.where(held, n.v_reset, u)
        spike = u > threshold if n.compare == ">" else u >= threshold
        if n.fire_by == t:
            spike = spike | (self.fired == 0)
        spike = spike & ~held
        after = {"zero": n.v_reset, "subtract": u - threshold, "none": u}[n.reset]
        if n.reset == "subtract" and n.reset_delay:
            self.late = np.where(spike, threshold, 0.0)
            after = u
        self.u = np.where(spike, after, u)
        self.fired = self.fired + spike
        self.rest = np.where(spike, n.refractory, np.maximum(self.rest - 1, 0))
        return spike.astype(np.float64), u


def _scores(
    readout: Readout, spikes: dict[str, np.ndarray], u: dict[str, np.ndarray]
) -> np.ndarray:
    """Return (samples, classes) as sim.trace does, from float64."""
    membranes = u[readout.source]
    last = membranes.shape[1] - 1
    read = membranes[:, last if readout.step is None else min(readout.step, last)]
    read = read.reshape(len(read), -1)
    if readout.kind == "membrane":
        return read
    given = spikes.get(readout.source, membranes)
    given = given.reshape(*given.shape[:2], -1)
    if readout.kind == "count":
        return given.sum(axis=1, dtype=np.float64)
    first = np.where(given.any(axis=1), given.shape[1] - given.argmax(axis=1), 0.0)
    if readout.fallback is None:
        return first
    return np.where(given.any(axis=(1, 2))[:, None], first, read)


def wide(channels: np.ndarray, like: np.ndarray) -> np.ndarray:
    """Return one number per channel, shaped to broadcast over (samples, channels, ...)."""
    return channels.reshape(-1, *(1 for _ in like.shape[2:]))
