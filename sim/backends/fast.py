"""The fast backend: bit-packed popcounts in numba, equal to the reference in every bit.

Spikes, and bit planes of integers, are packed 64 to a word; a one-bit connection is then
``2 * popcount(x & w) - popcount(x)`` per plane, over a vector or over the windows of a map. What
does not change from step to step (direct-coded input) is accumulated once. Samples, and rows of
maps, run in parallel.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mapping import INPUT, Network
from mapping.coding import encode
from mapping.facts import Facts
from mapping.intervals import Interval, planes
from mapping.network import Connection, Gate, Population

from ..tools import MissingTool
from ..trace import Record, Recorder, Trace
from .fast_ops import KERNELS, Planes

#: Times that a neuron without limit may fire.
_NO_LIMIT = 1 << 30


def run(
    network: Network,
    inputs: np.ndarray,
    record: Record = ("spikes", "v"),
    threads: int | None = None,
) -> Trace:
    """Run a batch of inputs; see sim.run.

    Args:
        threads: of numba's pool; all by default.

    Raises
    ------
        MissingTool: numba does not load. ValueError: more threads than there are.
    """
    try:
        import numba

        from . import fast_kernels as kernels
    except ImportError as error:  # numba is there but does not load with this numpy
        raise MissingTool(f"the fast backend cannot load numba: {error}") from None
    if threads is None:
        return _run(network, inputs, record, kernels)
    if not 1 <= threads <= numba.config.NUMBA_NUM_THREADS:
        raise ValueError(f"threads must be 1 to {numba.config.NUMBA_NUM_THREADS}, not {threads}")
    before = numba.get_num_threads()
    numba.set_num_threads(threads)
    try:
        return _run(network, inputs, record, kernels)
    finally:
        numba.set_num_threads(before)


def _run(network: Network, inputs: np.ndarray, record: Record, kernels: Any) -> Trace:
    x = encode(network.input, inputs, network.timesteps)
    samples, steps = x.shape[:2]
    recorder = Recorder(network, samples, steps, record, "fast")
    built = [_Population(network, p, samples, kernels) for p in network.populations]
    past: dict[str, list[np.ndarray]] = {INPUT: [], **{p.name: [] for p in network.populations}}
    kept = {c.source: 0 for p in network.populations for c in p.connections}
    for p in network.populations:
        for c in p.connections:
            kept[c.source] = max(kept[c.source], c.delay)
    for t in range(steps):
        past[INPUT].append(x[:, t])
        for one in built:
            out, v = one.step(past, t)
            past[one.name].append(out)
            recorder.put(one.name, t, out, v)
        for name, history in past.items():  # what nobody reads any more
            gone = len(history) - 1 - kept.get(name, 0)
            if gone >= 0:
                history[gone] = np.empty(0)
    return recorder.trace()


class _Population:
    """One population: its packed weights and its state."""

    def __init__(self, network: Network, p: Population, samples: int, kernels: Any) -> None:
        self.name, self.neuron, self.kernels = p.name, p.neuron, kernels
        fact: Facts = network.facts[p.name]
        self.fact, self.samples = fact, samples
        self.shape = (samples, fact.shape[0], int(np.prod(fact.shape[1:])))
        spans = {name: f.out for name, f in network.facts.items()}
        self.edges = [_Edge(c, network, spans.get(c.source), kernels) for c in p.connections]
        self.state = np.broadcast_to(p.neuron.v_init[:, None], self.shape).copy()
        self.fired, self.rest = np.zeros(self.shape, np.int32), np.zeros(self.shape, np.int32)
        self.constant: np.ndarray | None = None

    def step(self, past: dict[str, list[np.ndarray]], t: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the output and the membrane of timestep t."""
        drive = self.constant
        if drive is None:
            drive = np.zeros(self.shape, np.int64)
            for edge in self.edges:
                edge.add(drive, past, t)
            if self.fact.static:
                self.constant = drive
        n, v = self.neuron, np.empty_like(drive)
        if n.threshold is None:
            self.kernels.update(drive, self.state, n.num, n.q, v)
            return v.reshape(self.samples, *self.fact.shape), v
        spikes = np.empty(self.shape, np.bool_)
        self.kernels.fire(
            drive, self.state, self.fired, self.rest, n.num, n.q, n.threshold,
            self.kernels.RESETS[n.reset], n.v_reset, n.rho,
            _NO_LIMIT if n.max_spikes is None else n.max_spikes, n.refractory, n.fire_by == t,
            v, spikes,
        )  # fmt: skip
        return spikes.reshape(self.samples, *self.fact.shape), v


class _Edge:
    """One connection, packed once."""

    def __init__(
        self, c: Connection, network: Network, source: Interval | None, kernels: Any
    ) -> None:
        self.c = c
        if source is None:  # the input
            bits, signed = max(1, network.input.span[1].bit_length()), False
        else:
            bits, signed = planes(source)
        self.acc = KERNELS[c.op.name](c.op, Planes(bits, signed), kernels)

    def add(self, drive: np.ndarray, past: dict[str, list[np.ndarray]], t: int) -> None:
        """Add this connection's current to (samples, channels, positions)."""
        c = self.c
        bias = c.bias[:, None]
        if t >= c.delay:
            acc = self.acc(past[c.source][t - c.delay]).reshape(drive.shape)
            current = c.gain[:, None] * acc + bias
        else:
            acc = np.zeros_like(drive)
            current = np.broadcast_to(bias, drive.shape)
        if c.gate is not None:
            current = current * gate(c.gate, acc, t)[:, :, None]
        drive += current >> c.shift if c.shift else current


def gate(g: Gate, acc: np.ndarray, t: int) -> np.ndarray:
    """Return the gate's factor, (samples, 1 or channels), of acc (samples, channels, positions)."""
    total = g.weights * acc.sum(axis=2)
    if not g.per_channel:
        total = total.sum(axis=1, keepdims=True)
    row = g.table[t]
    return row[np.clip((total + g.offset) >> g.shift, 0, len(row) - 1)]
