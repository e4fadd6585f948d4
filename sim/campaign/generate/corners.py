"""Random trained networks at the corners: every option a TrainedNetwork admits, with any other.

``trained_all_kinds`` draws likely networks; these are small and unlikely. Each option is drawn by
itself, so that every pair of options meets within some hundred networks: all resets and their
delays, starts beyond the threshold, held neurons, negative thresholds, up to three scales in one
membrane, streams with several readers, read-outs of any population. Thresholds are membranes that
occur, so that neurons neither sleep nor always fire, and ties are met.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from mapping import (
    INPUT,
    Conv,
    Dense,
    Identity,
    Input,
    Pool,
    Readout,
    TrainedNetwork,
    real,
    trained,
)

from .weights import draw_weights

#: Leaks, the last of them not dyadic; and those that only one population in ten has.
LEAKS, RARE_LEAKS = (0.0, 0.25, 0.5, 0.5, 0.75, 1.0, 1.0, 0.9), (0.875, 3 / 256, 255 / 256, 0.001)
SCALES = (1.0, 0.5, 0.25, -0.5, 1 / 9, 3.0)


def draw_corner(seed: int) -> TrainedNetwork:
    """Draw a TrainedNetwork of 1 to 4 small populations."""
    return _Sketch(np.random.default_rng([seed, 8])).network()


class _Sketch:
    """A trained network that grows population by population."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.steps = int(rng.choice([1, 1, 2, 2, 3, 4, 5, 6, 7, 8]))
        self.coarse = bool(rng.random() < 0.5)  # dyadic parameters make exact ties
        self.extreme = bool(rng.random() < 0.15)
        shape: tuple[int, ...] = (int(rng.integers(1, 7)),)
        if rng.random() < 0.5:
            shape = tuple(int(n) for n in (rng.integers(1, 3), *rng.integers(1, 4, 2)))
        coding = str(rng.choice(["steps", "steps", "direct", "direct", "latency"]))
        late = coding == "latency" and rng.random() < 0.5
        self.input = Input(
            shape,
            int(rng.choice([1, 1, 2, 4])),
            coding,
            float(rng.choice([1.0, 0.5, 1 / 3, 1 / 255])),
            int(rng.integers(self.steps)) if late else None,
        )
        self.shapes: dict[str, tuple[int, ...]] = {INPUT: shape}
        self.done: list[trained.Population] = []

    def network(self) -> TrainedNetwork:
        for k in range(int(self.rng.integers(1, 5))):
            self.add(f"p{k}")
        network = TrainedNetwork(self.input, tuple(self.done), self.readout(), self.steps)
        return self.with_way_back(network)

    def sometimes(self, share: float, value: Any, other: Any) -> Any:
        return value if self.rng.random() < share else other

    def add(self, name: str) -> None:
        rng = self.rng
        sources = list(self.shapes)
        first = str(rng.choice(sources[-2:]))
        op = self.op(self.shapes[first])
        shape = op.out_shape(self.shapes[first])
        edges = [self.edge(first, op, shape)]
        for _ in range(int(rng.choice([0, 0, 0, 1, 1, 2]))):
            source = str(rng.choice(sources))
            joined = self.joining(self.shapes[source], shape)
            if joined is not None:
                edges.append(self.edge(source, joined, shape))
        if len(edges) > 1 and rng.random() < 0.3:  # one lattice: scales in whole numbers
            base = edges[0]
            for k in range(1, len(edges)):
                times = float(rng.choice([1, 2, -1, 0.5]))
                edges[k] = replace(edges[k], scale=base.scale * times, norm=base.norm)
        neuron = self.neuron(shape[0])
        if rng.random() < 0.2:  # what a membrane read-out may prove: one scale, no bias, at rest
            scale = float(self.stored(rng.uniform(0.3, 1.5))) or 0.25
            bias = 0.0 if neuron.threshold is not None else edges[0].bias
            edges = [trained.Connection(first, op, scale, bias, delay=edges[0].delay)]
            rest = neuron.v_rest if neuron.threshold is not None else 0.0
            reset = self.sometimes(0.2, neuron.v_reset, rest)
            neuron = replace(neuron, v_rest=rest, v_reset=reset, v_init=rest)
            if first == INPUT and self.input.coding == "direct" and rng.random() < 0.5:
                neuron = replace(neuron, leak=float(rng.choice([0.9, 0.3])))
        if neuron.threshold is not None and rng.random() < 0.15:
            back = self.joining(shape, shape)
            edges.append(replace(self.edge(name, back, shape), delay=int(rng.integers(1, 3))))
        self.done.append(trained.Population(name, tuple(edges), neuron))
        self.shapes[name] = shape
        if neuron.threshold is not None:
            self.done[-1] = self.with_thresholds(self.done[-1])

    def op(self, shape: tuple[int, ...]) -> Any:
        rng, kind = self.rng, self.rng.random()
        bits = int(rng.choice([1, 1, 1, 2, 4, 8]))
        if kind < 0.15:
            return Identity()
        if len(shape) == 1 or kind < 0.3:
            out = int(rng.integers(1, 5))
            return Dense(draw_weights(rng, (out, int(np.prod(shape))), bits), bits)
        padding = tuple(int(rng.integers(2)) for _ in range(2))
        kernel = tuple(
            int(rng.integers(1, min(3, n + 2 * p) + 1))
            for n, p in zip(shape[1:], padding, strict=True)
        )
        stride = tuple(int(rng.choice([1, 1, 2])) for _ in range(2))
        if kind < 0.55:
            return Pool(kernel, stride, padding, str(rng.choice(["sum", "max"])))
        groups = shape[0] if rng.random() < 0.2 else 1
        out = groups * int(rng.integers(1, 3))
        weights = draw_weights(self.rng, (out, shape[0] // groups, *kernel), bits)
        return Conv(weights, stride, padding, groups=groups, bits=bits)

    def joining(self, shape: tuple[int, ...], target: tuple[int, ...]) -> Any:
        """Return an op from one shape to another, if there is a simple one."""
        if shape == target and self.rng.random() < 0.6:
            return Identity()
        if len(target) == 1:
            return Dense(draw_weights(self.rng, (target[0], int(np.prod(shape))), 1))
        if len(shape) == 3 and shape[1:] == target[1:]:
            return Conv(draw_weights(self.rng, (target[0], shape[0], 1, 1), 1))
        return None

    def stored(self, values: Any) -> np.ndarray:
        """Return values as trained: float32, or coarse dyadics; some of some networks far off."""
        array = np.asarray(values, np.float64)
        if self.extreme and self.rng.random() < 0.15:
            array = array * 10.0 ** self.rng.integers(-12, 12)
            return array.astype(np.float32).astype(np.float64)
        if self.coarse:
            return np.round(array * 4) / 4
        return array.astype(np.float32).astype(np.float64)

    def edge(self, source: str, op: Any, shape: tuple[int, ...]) -> trained.Connection:
        rng, channels = self.rng, shape[0]
        top = self.input.span[1] * self.input.unit if source == INPUT else 1.0
        spread = max(0.25, top * np.sqrt(getattr(op, "weights", np.ones((1, 1)))[0].size))
        if op.bits > 1:
            spread *= 1 << (op.bits - 2)
        delay = self.sometimes(0.12, int(rng.integers(1, 4)), 0)
        gate = self.gate() if rng.random() < 0.1 else None
        kind = rng.random()
        if kind < 0.35:  # one scale for all channels
            scale = float(rng.choice(SCALES))
            if kind < 0.1:
                scale = float(self.stored(rng.normal(0, 1))) / spread
            bias = self.sometimes(0.5, 0.0, self.stored(rng.normal(0, 0.5, channels)))
            return trained.Connection(source, op, scale, bias, gate=gate, delay=delay)
        if kind < 0.6:  # scales and biases of their own
            scale = self.stored(rng.normal(0.5, 1, channels)) / (1.0 if self.coarse else spread)
            bias = self.stored(rng.normal(0, 0.5, channels))
            return trained.Connection(source, op, scale, bias, gate=gate, delay=delay)
        gamma = self.stored(rng.normal(0.6, 0.8, channels))
        gamma = np.where(rng.random(channels) < 0.1, 0.0, gamma)
        gamma = np.where(rng.random(channels) < 0.05, gamma * 1e-7, gamma)
        square = bool(rng.random() < 0.4)  # a rational root
        norm = trained.Norm(
            gamma=gamma,
            beta=self.stored(rng.normal(0.1, 0.4, channels)),
            mean=self.stored(rng.normal(0, spread / 3, channels)),
            var=np.full(channels, 4.0) if square else self.stored(spread**2) + 0.75,
            eps=0.0 if square else 1e-5,
        )
        scale = self.sometimes(0.5, 1.0, float(rng.choice([0.5, -1.0, 2.0])))
        return trained.Connection(source, op, scale, norm=norm, gate=gate, delay=delay)

    def gate(self) -> trained.Gate:
        rng, kind = self.rng, self.rng.random()
        constant = None
        if kind < 0.6:
            constant = rng.integers(0, 257, 8) / 256  # 256: the one that a table cannot hold
            if kind < 0.15:
                constant = rng.random(8)
        return trained.Gate(rng.normal(0, 1.5, 8), bool(rng.random() < 0.4), constant)

    def membrane(self) -> float:
        """Return a membrane to start from or to rest at: mostly zero, seldom far."""
        if self.extreme and self.rng.random() < 0.3:
            return float(self.stored(self.rng.normal()))
        return float(self.rng.choice([0.0, 0.0, 0.0, 0.25, -0.125, 0.1, 1.5, -3.0]))

    def neuron(self, channels: int) -> trained.Neuron:
        rng = self.rng
        leak = float(rng.choice(RARE_LEAKS if rng.random() < 0.1 else LEAKS))
        gain = float(rng.choice([1.0, 1.0, 0.5, 0.3]))
        rest, init = self.membrane(), self.membrane()
        rest = self.sometimes(0.5, 0.0, rest)
        if rng.random() < 0.25:
            leak = float(rng.choice([0.0, leak]))  # more often a stream than a leaky read-out
            return trained.Neuron(leak, v_rest=rest, v_init=init, input_gain=gain)
        reset = self.sometimes(0.4, rest, self.membrane())
        init = self.sometimes(0.4, reset, init)
        return trained.Neuron(
            leak,
            threshold=np.zeros(channels),
            compare=str(rng.choice([">=", ">"])),
            reset=str(rng.choice(["zero", "subtract", "none"])),
            v_reset=reset,
            v_rest=rest,
            v_init=init,
            input_gain=gain,
            reset_delay=int(rng.integers(2)),
            max_spikes=self.sometimes(0.35, int(rng.integers(1, 4)), None),
            refractory=self.sometimes(0.35, int(rng.integers(1, 4)), 0),
            fire_by=self.sometimes(0.2, int(rng.integers(self.steps)), None),
        )

    def with_thresholds(self, p: trained.Population) -> trained.Population:
        """Return a population with thresholds: membranes that occur, or any number at all."""
        rng, channels = self.rng, self.shapes[p.name][0]
        if rng.random() < 0.2:
            threshold = np.full(channels, float(rng.choice([1.0, 0.0, -0.5, 0.3])))
            return replace(p, neuron=replace(p.neuron, threshold=threshold))
        edges = tuple(c for c in p.connections if c.source != p.name)
        n = p.neuron
        free = trained.Neuron(n.leak, v_rest=n.v_rest, v_init=n.v_init, input_gain=n.input_gain)
        silent = TrainedNetwork(
            self.input, (*self.done[:-1], replace(p, connections=edges, neuron=free)),
            Readout(p.name, "membrane"), self.steps,
        )  # fmt: skip
        steps = (self.steps,) if self.input.coding == "steps" else ()
        x = rng.integers(0, self.input.top + 1, (6, *steps, *self.input.shape))
        u = np.moveaxis(real.run(silent, x).u[p.name], 2, 0).reshape(channels, -1)
        flat = np.sort(u, axis=1)
        pick = (rng.uniform(0.3, 0.98, channels) * (flat.shape[1] - 1)).astype(int)
        threshold = self.sometimes(
            0.7, flat[np.arange(channels), pick], self.stored(flat[np.arange(channels), pick])
        )
        if rng.random() < 0.3:
            threshold = np.full(channels, threshold[0])
        return replace(p, neuron=replace(n, threshold=threshold))

    def readout(self) -> Readout:
        rng = self.rng
        p = self.done[-1] if rng.random() < 0.6 else self.done[int(rng.integers(len(self.done)))]
        kinds: list[tuple[str, Any]] = [("count", None), ("membrane", None), ("membrane", None)]
        if p.spiking:
            kinds += [("first_spike", None), ("first_spike", "membrane")]
        kind, fallback = kinds[int(rng.integers(len(kinds)))]
        readout = Readout(p.name, kind, fallback)
        if readout.reads_membrane and rng.random() < 0.3:
            readout = replace(readout, step=int(rng.integers(self.steps)))
        return readout

    def with_way_back(self, value: TrainedNetwork) -> TrainedNetwork:
        """Add a connection from a later population to an earlier one, sometimes."""
        rng = self.rng
        later = [p.name for p in self.done[1:] if p.spiking]
        if not later or rng.random() > 0.15:
            return value
        source = str(rng.choice(later))
        target = self.done[0]
        op = self.joining(self.shapes[source], self.shapes[target.name])
        if op is None:
            return value
        edge = replace(self.edge(source, op, self.shapes[target.name]), delay=1)
        wider = replace(target, connections=(*target.connections, edge))
        return replace(value, populations=(wider, *value.populations[1:]))
