"""The reference: the arithmetic contract in plain numpy. It is the definition.

Every other backend must equal it in every spike and every membrane. It knows no structure (no
words, PEs or pipelines) and raises OverflowError if a value leaves its proven interval.
"""

from __future__ import annotations

import numpy as np

from mapping import INPUT, Network
from mapping.coding import encode
from mapping.intervals import Interval

from .trace import Record, Recorder, Trace


def run(network: Network, inputs: np.ndarray, record: Record = ("spikes", "v")) -> Trace:
    """Run a batch of inputs; see sim.run for arguments and errors."""
    facts = network.facts
    x = encode(network.input, inputs, network.timesteps)
    samples, steps = x.shape[:2]
    recorder = Recorder(network, samples, steps, record, "reference")

    def start(p: object) -> np.ndarray:
        return np.tile(p.neuron.v_init, (samples, 1))

    state = {p.name: start(p) for p in network.populations}
    history: dict[str, list[np.ndarray]] = {INPUT: [], **{p.name: [] for p in network.populations}}
    for t in range(steps):
        history[INPUT].append(x[:, t].astype(np.int64))
        for p in network.populations:
            neuron, fact = p.neuron, facts[p.name]
            drive = np.zeros_like(state[p.name])
            for c, bound in zip(p.connections, fact.acc, strict=True):
                acc = np.zeros_like(drive)
                if t >= c.delay:
                    source = history[c.source][t - c.delay].reshape(samples, -1)
                    acc = source @ c.op.weights.T.astype(np.int64)
                    within(bound, acc, p.name, "acc")
                drive += c.gain * acc + c.bias
            within(fact.drive, drive, p.name, "drive")
            scaled = state[p.name] * neuron.num
            within(fact.scaled, scaled, p.name, "v * num")
            v = (scaled >> neuron.q) + drive
            within(fact.v, v, p.name, "v")
            after, out = v, v
            if neuron.threshold is not None:
                spike = v >= neuron.threshold
                out = spike.astype(np.int64)
                if neuron.reset == "zero":
                    after = np.where(spike, neuron.v_reset, v)
            within(fact.state, after, p.name, "v after reset")
            state[p.name] = after
            history[p.name].append(out)
            recorder.put(p.name, t, out, v)
    return recorder.trace()


def within(bound: Interval, value: np.ndarray, where: str, what: str) -> None:
    """Raise OverflowError if a value left the interval that was proved for it."""
    wrong = (value < bound.low) | (value > bound.high)
    if wrong.any():
        sample, channel = map(int, np.argwhere(wrong)[0])
        raise OverflowError(
            f"{what} of {where!r} left its proven interval "
            f"[{bound.low[channel]}, {bound.high[channel]}] at sample {sample}, "
            f"neuron {channel}: {int(value[sample, channel])}"
        )
