"""The reference: the arithmetic contract in plain numpy. It is the definition.

Every other backend must equal it in every spike and every membrane. It knows no structure (no
words, PEs or pipelines) and raises OverflowError if a value leaves its proven interval.
"""

from __future__ import annotations

import numpy as np

from mapping import INPUT, Network
from mapping.coding import encode
from mapping.facts import Facts
from mapping.intervals import Interval
from mapping.network import Connection, Gate, Population

from ..trace import Record, Recorder, Trace


def run(network: Network, inputs: np.ndarray, record: Record = ("spikes", "v")) -> Trace:
    """Run a batch of inputs; see sim.run for arguments and errors."""
    facts = network.facts
    x = encode(network.input, inputs, network.timesteps)
    samples, steps = x.shape[:2]
    recorder = Recorder(network, samples, steps, record, "reference")
    neurons = {p.name: PopulationState(p, facts[p.name], samples) for p in network.populations}
    history: dict[str, list[np.ndarray]] = {INPUT: [], **{name: [] for name in neurons}}
    for t in range(steps):
        history[INPUT].append(x[:, t].astype(np.int64))
        for p in network.populations:
            fact = facts[p.name]
            drive = np.zeros((samples, *fact.shape), np.int64)
            for k, c in enumerate(p.connections):
                acc = np.zeros_like(drive)
                if t >= c.delay:
                    acc = c.op.apply(history[c.source][t - c.delay])
                    within(fact.acc[k], acc, p.name, "acc")
                drive += current(c, acc, t, fact.totals[k], p.name)
            within(fact.drive, drive, p.name, "drive")
            out, v = neurons[p.name].step(drive, t)
            history[p.name].append(out)
            recorder.put(p.name, t, out, v)
    return recorder.trace()


def current(
    c: Connection, acc: np.ndarray, t: int, total: Interval | None, name: str
) -> np.ndarray:
    """Return ``(gate * (gain * acc + bias)) >> shift`` of one timestep."""
    drive = wide(c.gain, acc) * acc + wide(c.bias, acc)
    if c.gate is not None and total is not None:
        drive *= gate(c.gate, acc, t, total, name)
    return drive >> c.shift


def gate(g: Gate, acc: np.ndarray, t: int, bound: Interval, name: str) -> np.ndarray:
    """Return the gate's factor, one per sample, or one per sample and channel."""
    maps = acc.reshape(*acc.shape[:2], -1).sum(axis=2)
    total = g.weights * maps
    if not g.per_channel:
        total = total.sum(axis=1, keepdims=True)
    total = total + g.offset
    within(bound, total, name, "gate total")
    index = np.clip(total >> g.shift, 0, g.table.shape[1] - 1)
    return g.table[t, index].reshape(*index.shape, *(1 for _ in acc.shape[2:]))


class PopulationState:
    """The state of one population: membranes, and what its spikes leave behind."""

    def __init__(self, p: Population, fact: Facts, samples: int) -> None:
        self.p, self.fact = p, fact
        shape = (samples, *fact.shape)
        self.state = np.broadcast_to(wide(p.neuron.v_init, np.empty(shape)), shape)
        self.fired = np.zeros(shape, np.int64)  # spikes so far
        self.rest = np.zeros(shape, np.int64)  # refractory steps left

    def step(self, drive: np.ndarray, t: int) -> tuple[np.ndarray, np.ndarray]:
        """Take one timestep; return the output and v as it is compared with the threshold."""
        neuron, fact, name = self.p.neuron, self.fact, self.p.name
        scaled = self.state * neuron.num
        within(fact.scaled, scaled, name, "v * num")
        v = (scaled >> neuron.q) + drive
        if neuron.threshold is None:
            within(fact.v, v, name, "v")
            self.state = v
            return v, v
        reset = wide(neuron.v_reset, v)
        held = self.rest > 0
        if neuron.max_spikes is not None:
            held = held | (self.fired >= neuron.max_spikes)
        v = np.where(held, reset, v)
        within(fact.v, v, name, "v")
        spike = v >= wide(neuron.threshold, v)
        if neuron.fire_by == t:
            spike = spike | (self.fired == 0)
        spike = spike & ~held
        after = {"zero": reset, "subtract": v - wide(neuron.rho, v), "none": v}[neuron.reset]
        self.state = np.where(spike, after, v)
        within(fact.state, self.state, name, "v after reset")
        self.fired = self.fired + spike
        self.rest = np.where(spike, neuron.refractory, np.maximum(self.rest - 1, 0))
        return spike.astype(np.int64), v


def wide(channels: np.ndarray, like: np.ndarray) -> np.ndarray:
    """Return one number per channel, shaped to broadcast over (samples, channels, ...)."""
    return channels.reshape(-1, *(1 for _ in like.shape[2:]))


def within(bound: Interval, value: np.ndarray, name: str, what: str) -> None:
    """Raise OverflowError if a value left the interval that was proved for it."""
    low, high = wide(bound.low, value), wide(bound.high, value)
    wrong = (value < low) | (value > high)
    if wrong.any():
        sample, channel, *rest = map(int, np.argwhere(wrong)[0])
        raise OverflowError(
            f"{what} of {name!r} left its proven interval "
            f"[{bound.low[channel]}, {bound.high[channel]}] at sample {sample}, "
            f"neuron {(channel, *rest) if rest else channel}: "
            f"{int(value[(sample, channel, *rest)])}"
        )
