"""Random networks of every kind of node and combination, biased to corners.

One channel, one pixel, windows as large as the map, stride 3, T = 1. The same seed draws the same
network. ``dense`` draws the ones that every backend takes.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np

from mapping import (
    INPUT,
    WIDTH_MAX,
    Connection,
    Conv,
    Dense,
    Gate,
    Identity,
    Input,
    Network,
    Neuron,
    Pool,
    Population,
    Readout,
    TooWide,
)

from ...backends.reference import run
from .weights import LEAKS, draw_weights

CHANNELS = (1, 1, 2, 3, 5, 8)
SIDES = (1, 2, 3, 5, 6)
#: Tries to find a network whose widths can be proved, for one seed.
TRIES = 200


def draw_whole(seed: int, passed_over: Counter[str] | None = None) -> Network:
    """Draw a Network of 1 to 5 populations of any kind.

    Args:
        seed: draws the same network every time.
        passed_over: counts the sketches that are too wide to be a network.
    """
    for attempt in range(TRIES):
        rng = np.random.default_rng([seed, 6, attempt])
        try:
            network = _begun(rng).network()
            network.facts  # noqa: B018  refuses widths beyond WIDTH_MAX
        except TooWide:
            if passed_over is not None:
                passed_over[f"drawn with more than {WIDTH_MAX} bits"] += 1
            continue
        return network
    raise RuntimeError(f"seed {seed}: no network in {TRIES} tries")


def _begun(rng: np.random.Generator) -> Sketch:
    """Draw timesteps and input of a network."""
    steps = int(rng.choice([1, 1, 2, 3, 4, 5, 8]))
    if rng.random() < 0.7:
        shape = int(rng.choice(CHANNELS)), int(rng.choice(SIDES)), int(rng.choice(SIDES))
    else:
        shape = (int(rng.choice([1, 2, 7, 20])),)
    coding = str(rng.choice(["steps", "steps", "direct", "direct", "latency"]))
    bits = int(rng.choice([1, 1, 2, 4, 8])) if coding != "latency" else 4
    return Sketch(rng, Input(shape, bits, coding), steps)


class Sketch:
    """A network that grows population by population."""

    def __init__(self, rng: np.random.Generator, enter: Input, steps: int) -> None:
        self.rng, self.input, self.steps = rng, enter, steps
        self.shapes: dict[str, tuple[int, ...]] = {INPUT: enter.shape}
        self.done: list[Population] = []

    def network(self) -> Network:
        count = int(self.rng.integers(1, 6))
        for k in range(count):
            self.add(f"p{k}", last=k == count - 1)
        last = self.done[-1]
        kinds: list[tuple[str, Any]] = [("count", None), ("membrane", None)]
        if last.spiking:
            kinds += [("first_spike", None), ("first_spike", "membrane")]
        kind, fallback = kinds[int(self.rng.integers(len(kinds)))]
        readout = Readout(last.name, kind, fallback)
        if readout.reads_membrane and self.rng.random() < 0.3:
            readout = replace(readout, step=int(self.rng.integers(self.steps)))
        return Network(self.input, tuple(self.done), readout, self.steps)

    def add(self, name: str, last: bool) -> None:
        rng = self.rng
        before = self.done[-1].name if self.done else INPUT
        op = self.op(self.shapes[before])
        shape = op.out_shape(self.shapes[before])
        edges = [self.edge(before, op, shape)]
        others = [n for n in self.shapes if n != before or rng.random() < 0.2]
        while others and rng.random() < 0.35:
            source = str(rng.choice(others))
            joined = self.joining(self.shapes[source], shape)
            if joined is not None:
                edges.append(self.edge(source, joined, shape))
        neuron = self.neuron(shape[0], last)
        if neuron.threshold is not None and rng.random() < 0.15:  # recurrence
            back = (
                Identity() if len(shape) == 3 else Dense(draw_weights(self.rng, (shape[0],) * 2, 1))
            )
            edges.append(replace(self.edge(name, back, shape), delay=1 + int(rng.integers(2))))
        self.append(Population(name, tuple(edges), neuron))

    def append(self, p: Population) -> None:
        """Add a population, with thresholds if it fires."""
        first = p.connections[0]
        self.shapes[p.name] = first.op.out_shape(self.shapes[first.source])
        self.done.append(p)
        if p.spiking:
            self.done[-1] = self.with_thresholds(p)

    def op(self, shape: tuple[int, ...]) -> Any:
        rng = self.rng
        bits = int(rng.choice([1, 1, 1, 1, 2, 8]))
        flat = int(np.prod(shape))
        if len(shape) == 1 or rng.random() < 0.2:
            if rng.random() < 0.15:
                return Identity()
            out = int(rng.choice([1, 2, 7, 10, 65 if flat < 80 else 10]))
            return Dense(draw_weights(self.rng, (out, flat), bits), bits)
        kind = rng.random()
        if kind < 0.15:
            return Identity()
        sides = shape[1:]
        stride = tuple(int(rng.choice([1, 1, 2, 3])) for _ in sides)
        padding = tuple(int(rng.integers(3)) for _ in sides)
        dilation = tuple(int(rng.choice([1, 1, 2])) for _ in sides) if kind > 0.5 else (1, 1)
        kernel = tuple(
            int(rng.integers(1, min(3, (n + 2 * p - 1) // d + 1) + 1))
            for n, p, d in zip(sides, padding, dilation, strict=True)
        )
        if kind < 0.4:
            if rng.random() < 0.2:
                return Pool(sides, kind="sum")  # global average
            return Pool(kernel, stride, padding, str(rng.choice(["sum", "max"])))
        groups = int(rng.choice([g for g in range(1, shape[0] + 1) if shape[0] % g == 0]))
        out = groups * int(rng.choice([1, 1, 2, 3, 8]))
        weights = draw_weights(self.rng, (out, shape[0] // groups, *kernel), bits)
        return Conv(weights, stride, padding, dilation, groups, bits)

    def joining(self, shape: tuple[int, ...], target: tuple[int, ...]) -> Any:
        """Return an op from one shape to another, if there is a simple one."""
        if shape == target and self.rng.random() < 0.6:
            return Identity()
        if len(target) == 1:
            return Dense(draw_weights(self.rng, (target[0], int(np.prod(shape))), 1))
        if len(shape) == 3:
            for stride in (1, 2, 3):
                op = Conv(draw_weights(self.rng, (target[0], shape[0], 1, 1), 1), stride)
                if op.out_shape(shape) == target:
                    return op
        return None

    def numbers(self, channels: int, size: int) -> Any:
        """Return zero, one number, or one per channel."""
        kind = self.rng.integers(4)
        if kind < 2:
            return 0
        drawn = self.rng.integers(-size, size + 1, channels)
        return int(drawn[0]) if kind == 2 else drawn

    def gain(self, channels: int) -> Any:
        """Return a power of two, as fold makes it, or anything, one per channel."""
        gain: Any = 1 << int(self.rng.integers(0, 5))
        return self.rng.integers(-9, 10, channels) if self.rng.random() < 0.25 else gain

    def edge(self, source: str, op: Any, shape: tuple[int, ...]) -> Connection:
        rng, channels = self.rng, shape[0]
        gain = self.gain(channels)
        delay = int(rng.integers(1, 4)) if rng.random() < 0.12 else 0
        shift = int(rng.integers(1, 6)) if rng.random() < 0.1 else 0
        gate = self.gate(channels) if rng.random() < 0.12 else None
        return Connection(source, op, gain, self.numbers(channels, 20), shift, gate, delay)

    def gate(self, channels: int) -> Gate:
        rng = self.rng
        size = int(rng.choice([1, 2, 16, 64]))
        return Gate(
            weights=rng.integers(-6, 7, channels),
            offset=int(rng.integers(-50, 51)),
            shift=int(rng.integers(0, 5)),
            table=rng.integers(0, 256, (self.steps, size)),
            per_channel=bool(rng.random() < 0.4),
        )

    def neuron(self, channels: int, last: bool) -> Neuron:
        rng = self.rng
        if rng.random() < (0.4 if last else 0.2):  # a stream, a join, an integrator
            num, q = ((0, 0), (1, 0), LEAKS[int(rng.integers(len(LEAKS)))])[int(rng.integers(3))]
            return Neuron(num, q, v_init=self.numbers(channels, 6))
        num, q = LEAKS[int(rng.integers(len(LEAKS)))]
        return Neuron(
            num,
            q,
            threshold=0,
            reset=str(rng.choice(["zero", "zero", "subtract", "none"])),
            v_reset=self.numbers(channels, 6),
            rho=rng.integers(-3, 40, channels) if rng.random() < 0.5 else 0,
            v_init=self.numbers(channels, 6),
            max_spikes=int(rng.integers(1, 3)) if rng.random() < 0.2 else None,
            refractory=int(rng.integers(1, 4)) if rng.random() < 0.15 else 0,
            fire_by=int(rng.integers(self.steps)) if rng.random() < 0.08 else None,
        )

    def with_thresholds(self, p: Population) -> Population:
        """Return the last population with thresholds drawn from membranes that occur."""
        rng, steps = self.rng, self.steps
        free = Neuron(p.neuron.num, p.neuron.q, v_init=p.neuron.v_init)
        edges = tuple(c for c in p.connections if c.source != p.name)
        silent = Network(
            self.input,
            (*self.done[:-1], replace(p, connections=edges, neuron=free)),
            Readout(p.name, "membrane"),
            steps,
        )
        shape = (8, *self.input.shape)
        if self.input.coding == "steps":
            shape = (8, steps, *self.input.shape)
        v = run(silent, rng.integers(0, self.input.top + 1, shape)).v[p.name]
        flat = np.sort(np.moveaxis(v, 2, 0).reshape(v.shape[2], -1), axis=1)
        pick = (rng.uniform(0.4, 0.98, len(flat)) * (flat.shape[1] - 1)).astype(int)
        threshold: Any = flat[np.arange(len(flat)), pick]
        if rng.random() < 0.15:
            threshold = int(threshold[0])
        rho: Any = p.neuron.rho
        if p.neuron.reset == "subtract" and rng.random() < 0.7:
            rho = threshold
        return replace(p, neuron=replace(p.neuron, threshold=threshold, rho=rho))
