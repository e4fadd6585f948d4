"""What Hypothesis draws of real numbers: small trained networks of every option, and inputs.

Parameters are dyadic in most networks, which makes exact ties, and any float32 in the others. The
graphs are those of ``strategies``, and shrink as they do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import hypothesis.strategies as st
import numpy as np
from strategies import Shape, Strategy, arrays, batches, inputs, joins, ops, readouts

from mapping import INPUT, Network, TrainedNetwork, Unsupported, fold
from mapping.ops import Op
from mapping.trained import Connection, Gate, Neuron, Norm, Population

#: Quarters, so that membranes meet thresholds; and what no dyadic number equals.
QUARTERS = st.integers(-8, 8).map(lambda n: n / 4)
ODD = st.sampled_from([0.1, 1 / 3, 0.7, -0.3, 1.1]).map(lambda x: float(np.float32(x)))
SCALES = st.sampled_from([1.0, 0.5, 0.25, -0.5, 2.0, 1 / 9, 3.0])


def reals(channels: int, elements: Strategy) -> Strategy[Any]:
    """Draw one number, or one for each channel."""
    return elements | arrays((channels,), elements, np.float64)


@st.composite
def norms(draw: Callable, channels: int, elements: Strategy) -> Norm:
    """Draw a batch norm; of half of them, the root of the variance is rational."""
    rational = draw(st.booleans())
    return Norm(
        gamma=draw(reals(channels, elements)),
        beta=draw(reals(channels, elements)),
        mean=draw(reals(channels, elements)),
        var=draw(st.sampled_from([1.0, 4.0, 0.25] if rational else [0.75, 2.0, 5.5])),
        eps=0.0 if rational else 1e-5,
    )


@st.composite
def gates(draw: Callable, steps: int) -> Gate:
    """Draw a gate of a sigmoid, or of constants in its place."""
    alpha = draw(arrays((steps,), QUARTERS, np.float64))
    constant = draw(st.none() | arrays((steps,), st.integers(0, 256).map(lambda n: n / 256), float))
    return Gate(alpha, draw(st.booleans()), constant)


@st.composite
def connections(
    draw: Callable, source: str, op: Op, channels: int, steps: int, elements: Strategy,
    least_delay: int = 0,
) -> Connection:  # fmt: skip
    """Draw the numbers of a connection: a scale, scales and biases, or a batch norm."""
    scale, bias, norm = draw(SCALES), 0.0, None
    kind = draw(st.integers(0, 3))
    if kind == 1:
        bias = draw(reals(channels, elements))
    elif kind == 2:
        scale, bias = draw(reals(channels, elements)), draw(reals(channels, elements))
    elif kind == 3:
        norm = draw(norms(channels, elements))
    gate = draw(st.integers(0, 7).flatmap(lambda n: gates(steps) if n == 7 else st.none()))
    delay = draw(st.sampled_from([0, 0, 0, 0, 1, 2])) + least_delay
    return Connection(source, op, scale, bias, norm, gate, delay)


LEAKS = [1.0, 0.5, 0.0, 0.25, 0.75, 0.9, 3 / 256]


@st.composite
def neurons(draw: Callable, channels: int, steps: int, elements: Strategy) -> Neuron:
    """Draw a neuron with any of its options, or one that never fires."""
    leak = draw(st.sampled_from(LEAKS))
    membranes = st.sampled_from([0.0, 0.0, 0.0, 0.25, -0.125, 0.1, 1.5])
    gain = draw(st.sampled_from([1.0, 0.5, 0.3]))
    rest, init = draw(membranes), draw(membranes)
    if draw(st.integers(0, 3)) == 3:
        leak = draw(st.sampled_from([0.0, leak]))
        return Neuron(leak, v_rest=rest, v_init=init, input_gain=gain)
    return Neuron(
        leak,
        threshold=draw(st.just(1.0) | reals(channels, elements)),
        compare=draw(st.sampled_from([">=", ">"])),
        reset=draw(st.sampled_from(["zero", "subtract", "none"])),
        v_reset=draw(membranes),
        v_rest=rest,
        v_init=init,
        input_gain=gain,
        reset_delay=draw(st.integers(0, 1)),
        max_spikes=draw(st.none() | st.integers(1, 3)),
        refractory=draw(st.just(0) | st.integers(0, 3)),
        fire_by=draw(st.none() | st.none() | st.integers(0, steps - 1)),
    )


@st.composite
def populations(
    draw: Callable, name: str, known: dict[str, Shape], steps: int, elements: Strategy
) -> Population:
    """Draw a population that reads what is known: the input and earlier ones."""
    source = draw(st.sampled_from([*known]))
    op = draw(ops(known[source]))
    shape = op.out_shape(known[source])
    edges = [draw(connections(source, op, shape[0], steps, elements))]
    for other in draw(st.lists(st.sampled_from([*known]), max_size=2)):
        if (joined := draw(joins(known[other], shape))) is not None:
            edges.append(draw(connections(other, joined, shape[0], steps, elements)))
    neuron = draw(neurons(shape[0], steps, elements))
    if neuron.threshold is not None and draw(st.integers(0, 5)) == 5:  # recurrence
        back = draw(joins(shape, shape))
        edges.append(draw(connections(name, back, shape[0], steps, elements, 1)))
    known[name] = shape
    return Population(name, tuple(edges), neuron)


@st.composite
def trained_networks(draw: Callable, most: int = 3, dyadic: bool = False) -> TrainedNetwork:
    """Draw a TrainedNetwork of any ops, joins, gates, delays and neuron options.

    Args:
        most: populations. dyadic: only multiples of 1/4 for scales, biases and norms.
    """
    elements = QUARTERS if dyadic or draw(st.booleans()) else QUARTERS | ODD
    steps, enter = draw(st.integers(1, 5)), draw(inputs())
    enter = replace(enter, unit=draw(st.sampled_from([1.0, 0.5, 0.25, 1 / 3])))
    if enter.coding == "latency":
        enter = replace(enter, t_max=draw(st.none() | st.integers(0, steps - 1)))
    known: dict[str, Shape] = {INPUT: enter.shape}
    done = [draw(populations("p0", known, steps, elements))]
    while len(done) < most and draw(st.booleans()):
        done.append(draw(populations(f"p{len(done)}", known, steps, elements)))
    return TrainedNetwork(enter, tuple(done), draw(readouts(tuple(done), steps)), steps)


@st.composite
def folds(
    draw: Callable, most: int = 3, dyadic: bool = False
) -> tuple[TrainedNetwork, Network, np.ndarray]:
    """Draw a TrainedNetwork, what fold makes of it, and inputs; what it refuses is drawn anew."""
    pairs = trained_networks(most, dyadic).map(lambda value: (value, _folded(value)))
    value, network = draw(pairs.filter(lambda pair: pair[1] is not None))
    return value, network, draw(batches(network))


def _folded(value: TrainedNetwork) -> Network | None:
    """Fold; None where fold refuses by name. Whatever else is raised goes through."""
    try:
        network = fold(value)
        network.facts  # noqa: B018  refuses widths beyond WIDTH_MAX
    except Unsupported:
        return None
    return network
