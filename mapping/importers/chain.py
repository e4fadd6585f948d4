"""Layers, as an importer finds them, turned into the populations of a TrainedNetwork.

A Layer says what one module computes of its sources. ``build`` walks back from the last one:
weights, norms and scales gather in terms ``norm(scale * op(source) + bias)`` until a neuron takes
them as its connections. What no term can hold (a pool that is convolved, a sum that is pooled)
becomes a population without threshold, a stream. What an op does, the op is asked.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from ..intervals import uniform
from ..ops import Op, Shape
from ..ports import INPUT, Input, Readout
from ..trained import Connection, Neuron, Population, TrainedNetwork
from ..value import Unsupported
from .layers import Layer, Term, Value
from .weights import split

#: Most neurons of a population.
NEURONS = 1 << 22


class Builder:
    """Populations in the order in which they can run, and one line of text for each layer."""

    def __init__(self, enter: Input) -> None:
        self.enter = enter
        self.populations: list[Population] = []
        self.findings: list[str] = []
        self.names: dict[str, str] = {}  # module path to population name, of neurons
        self._shapes: dict[str, Shape] = {INPUT: enter.shape}
        self._nonnegative = {INPUT}  # sources: a zero around such a one changes no maximum
        self._done: dict[int, Value] = {}

    def name(self, path: str) -> str:
        """Return a population name for a module path, new in this network."""
        plain = "".join(c if c.isascii() and (c.isalnum() or c in "_-.") else "_" for c in path)
        plain = plain if plain[:1].isalpha() else f"m{plain}" if plain else "m"
        plain, number = plain[:56], 1
        unused = plain
        while unused in self._shapes:
            number += 1
            unused = f"{plain}-{number}"
        return unused

    def add(self, name: str, value: Value, neuron: Neuron, label: str) -> Value:
        """Append a population that sums the terms; return its output."""
        if value.flat and len(value.shape) == 3:
            raise Unsupported(
                f"{label} reads a flattened map of shape {value.shape}: only a Linear layer, or "
                f"the end of the network, may follow a flatten"
            )
        connections = tuple(
            Connection(t.source, t.op, t.scale, t.bias, t.norm) for t in value.terms
        )
        self.populations.append(Population(name, connections, neuron))
        self._shapes[name] = value.shape
        if neuron.threshold is not None:
            self._nonnegative.add(name)
        return Value((Term(name),), value.shape)

    def value(self, layer: Layer) -> Value:
        """Return what a layer outputs; populations that it needs are appended."""
        waiting = [layer]  # a stack, not recursion: nets may be a thousand modules deep
        while waiting:
            top = waiting[-1]
            missing = [s for s in top.sources if id(s) not in self._done]
            if missing:
                waiting.extend(missing)
                continue
            waiting.pop()
            if id(top) not in self._done:
                self._done[id(top)] = self._compute(top)
        return self._done[id(layer)]

    def _compute(self, layer: Layer) -> Value:
        values = [self._done[id(s)] for s in layer.sources]
        try:
            return getattr(self, f"_{layer.does}")(layer, *values)
        except Unsupported:
            raise
        except ValueError as error:
            raise Unsupported(f"{layer}: {error}") from None

    def stream(self, layer: Layer, value: Value) -> Value:
        """Return a value as a population's output, through a new stream where it is none."""
        if value.bare:
            return value
        if value.flat:
            shaped = self.stream(layer, replace(value, flat=False))
            return replace(shaped, flat=True)
        name = self.name(f"{layer.path}.in")
        made = self.add(name, value, Neuron(leak=0.0), str(layer))
        if all(self._stays_nonnegative(term) for term in value.terms):
            self._nonnegative.add(name)
        return made

    def _stays_nonnegative(self, term: Term) -> bool:
        shape = self._shapes[term.source]
        plain = term.source in self._nonnegative and term.norm is None
        scaled_up = (term.scale >= 0).all() and (term.bias >= 0).all()
        return bool(
            plain
            and scaled_up
            and (term.op.interval(uniform(0, 1, shape[0]), shape).low >= 0).all()
        )

    def _enter(self, layer: Layer) -> Value:
        e = self.enter
        size = _size(e.shape)
        self.findings.append(f"input: {size}, {e.bits} bit, coding {e.coding}, unit {e.unit:g}")
        return Value((Term(INPUT),), e.shape)

    def _weigh(self, layer: Layer, value: Value) -> Value:
        weights, bias = layer.data["weights"], layer.data.get("bias")
        integers, scale, bits = split(weights, str(layer))
        op = layer.data["make"](integers, bits=bits)
        value, factor, offset = self._through(layer, value, op)
        if weights.ndim == 2:
            if len(value.shape) == 3 and not value.flat:
                raise Unsupported(f"{layer} reads a map of shape {value.shape}: flatten it first")
        elif value.flat:
            raise Unsupported(f"{layer} reads a flattened map of shape {value.shape}")
        shape = op.out_shape(value.shape)
        bias = np.float64(0) if bias is None else np.asarray(bias, np.float64)
        if offset:
            bias = bias + offset * scale * _constant(op, value.shape)
        scale = scale * factor
        kind = "two-valued" if bits == 1 else f"integers of {bits} bits"
        self.findings.append(
            f"{layer}: {op.name} {_size(integers.shape)}, {kind} times "
            f"{_span(scale)}" + (f", bias {_span(bias)}" if bias.any() else "")
        )
        return Value((Term(value.terms[0].source, op, scale, bias),), shape)

    def _through(self, layer: Layer, value: Value, op: Op) -> tuple[Value, float, float]:
        """Return a source, and ``factor * source + offset``, which is the value.

        One factor and offset of a whole source, as of pixels that a model normalises, pass through
        weights; no stream has to round them. Zeros around a map are zeros of the value, though.
        """
        (term, *more) = value.terms
        if (
            not more
            and term.of_source
            and not value.bare
            and term.scale.size == term.bias.size == 1
        ):
            factor, offset = float(term.scale), float(term.bias)
            if factor > 0 and (not offset or _constant(op, value.shape) is not None):
                return replace(value, terms=(Term(term.source),)), factor, offset
        return self.stream(layer, value), 1.0, 0.0

    def _scale(self, layer: Layer, value: Value) -> Value:
        if value.flat and (np.ndim(layer.data["scale"]) or np.ndim(layer.data["bias"])):
            raise Unsupported(f"{layer} scales a flattened map of shape {value.shape} by channel")
        scale, bias = np.float64(layer.data["scale"]), np.float64(layer.data["bias"])
        terms = [t.scaled(scale, np.float64(0)) for t in value.terms]
        terms[0] = terms[0].scaled(np.float64(1), bias)
        self.findings.append(f"{layer}: times {_span(scale)} plus {_span(bias)}")
        return replace(value, terms=tuple(terms))

    def _norm(self, layer: Layer, value: Value) -> Value:
        if value.flat:
            raise Unsupported(f"{layer} reads a flattened map of shape {value.shape}")
        if len(value.terms) != 1 or value.terms[0].norm is not None:
            value = self.stream(layer, value)
        norm = layer.data["norm"]
        if norm.gamma.ndim and len(norm.gamma) != value.shape[0]:
            raise Unsupported(f"{layer} has {len(norm.gamma)} channels for {value.shape[0]}")
        self.findings.append(
            f"{layer}: batch norm with fixed statistics, {value.shape[0]} channels, "
            f"eps {norm.eps:g}"
        )
        return replace(value, terms=(replace(value.terms[0], norm=norm),))

    def _apply(self, layer: Layer, value: Value) -> Value:
        op, scale = layer.data["op"], layer.data["scale"]
        value = self.stream(layer, value)
        if value.flat:
            raise Unsupported(f"{layer} reads a flattened map of shape {value.shape}")
        source = value.terms[0].source
        shape = op.out_shape(value.shape)
        below = op.interval(uniform(-1, -1, value.shape[0]), value.shape)
        if not op.linear and below.span[1] >= 0 and source not in self._nonnegative:
            raise Unsupported(
                f"{layer} pads a maximum of values that may be negative: its padding is no zero"
            )
        self.findings.append(f"{layer}: {op!r}" + ("" if scale == 1 else f", times {scale:g}"))
        return Value((Term(source, op, np.float64(scale)),), shape)

    def _flatten(self, layer: Layer, value: Value) -> Value:
        return replace(value, flat=True) if len(value.shape) == 3 else value

    def _join(self, layer: Layer, *values: Value) -> Value:
        first = values[0]
        for other in values[1:]:
            if other.shape != first.shape or other.flat != first.flat:
                raise Unsupported(f"{layer} adds shapes {first.shape} and {other.shape}")
        self.findings.append(f"{layer}: sum of {len(values)}")
        return replace(first, terms=tuple(t for v in values for t in v.terms))

    def _fire(self, layer: Layer, value: Value) -> Value:
        neuron = layer.data["neuron"]
        if layer.path in self.names:
            raise Unsupported(f"{layer} is called more than once a timestep: its state is shared")
        name = self.name(layer.path)
        made = self.add(name, value, neuron, str(layer))
        self.names[layer.path] = name
        self.findings.append(f"{layer}: {meaning(neuron)}")
        return made


def meaning(n: Neuron) -> str:
    """Say in one line what a neuron computes."""
    gain = "" if n.input_gain == 1 else f"{n.input_gain:g} * "
    if n.v_rest:
        line = f"u = {n.v_rest:g} + {n.leak:g} * (u - {n.v_rest:g}) + {gain}current"
    else:
        line = f"u = {n.leak:g} * u + {gain}current"
    if n.threshold is None:
        return line + "; never fires"
    line += f"; fires at u {n.compare} {_span(n.threshold)}"
    after = {"zero": f"u = {n.v_reset:g}", "subtract": "u - threshold", "none": "no reset"}[n.reset]
    line += f"; then {after}" + (", one timestep late" if n.reset_delay else "")
    line += f"; starts at {n.v_init:g}"
    if n.max_spikes is not None:
        line += f"; at most {n.max_spikes} spikes a sample"
    if n.refractory:
        line += f"; refractory for {n.refractory}"
    return line


def build(
    last: Layer, enter: Input, timesteps: int, readout: str | None = None
) -> tuple[TrainedNetwork, list[str], dict[str, str]]:
    """Build the network that ends in a layer.

    Args:
        last: the output's layer.
        enter: the input. timesteps: T.
        readout: kind of the read-out; None: ``"count"`` of spikes, else ``"membrane"``, the sum.

    Returns
    -------
        The network, one line of text per layer, and population names by module path of neurons.

    Raises
    ------
        Unsupported: a layer, or a combination of layers, that TrainedNetwork does not hold.
    """
    builder = Builder(enter)
    value = builder.value(last)
    spiking = {p.name for p in builder.populations if p.spiking}
    if value.bare and value.terms[0].source in spiking:
        source = value.terms[0].source
        kind = readout or "count"
    else:
        if value.flat:
            value = builder.stream(last, replace(value, flat=False))
        source = builder.name(f"{last.path}.sum")
        builder.add(source, value, Neuron(leak=1.0), str(last))
        kind = readout or "membrane"
        builder.findings.append(f"{last}: summed over time, the largest sum is the class")
    try:
        made = TrainedNetwork(enter, tuple(builder.populations), Readout(source, kind), timesteps)
    except ValueError as error:
        raise Unsupported(f"what was read is no network: {error}") from None
    limited(made)
    builder.findings.append(f"read-out: {kind} of {source!r}, T = {timesteps}")
    return made, builder.findings, builder.names


def limited(network: TrainedNetwork) -> None:
    """Refuse a population that no machine should be asked to run; files declare what they like."""
    for name, shape in network.shapes.items():
        if math.prod(shape) > NEURONS:
            raise Unsupported(f"population {name!r} has shape {shape}, more than {NEURONS} neurons")
    for p in network.populations:
        for c in p.connections:
            shape = network.shapes[c.source]
            pads = getattr(c.op, "padding", (0, 0))
            if any(pads) and math.prod(
                (shape[0], *(n + 2 * p for n, p in zip(shape[1:], pads, strict=True)))
            ) > 2 * NEURONS:  # fmt: skip
                raise Unsupported(
                    f"connection {c.source!r} -> {p.name!r} pads {shape} by {pads}, to more than "
                    f"{2 * NEURONS} values"
                )


def whole(value: object, what: str) -> int:
    """Return a number that must be an integer, of a file or a module."""
    number = float(value)  # type: ignore[arg-type]
    if not math.isfinite(number) or number != int(number):
        raise Unsupported(f"{what} must be an integer, not {value!r}")
    return int(number)


def _constant(op: Op, shape: Shape) -> np.ndarray | None:
    """Return what an op makes of a source of ones, (C,); None where that differs in a channel."""
    acc = op.apply(np.ones((1, *shape), np.int64))[0]
    each = acc.reshape(len(acc), -1)
    return each[:, 0] if (each == each[:, :1]).all() else None


def _size(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))


def _span(values: np.ndarray) -> str:
    low, high = float(np.min(values)), float(np.max(values))
    return f"{low:g}" if low == high else f"{low:g}..{high:g}"
