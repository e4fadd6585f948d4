"""What Hypothesis draws: ops, small networks of integers, and inputs for them.

Everything shrinks toward one dense neuron over one input bit, one timestep and one sample, so that
a property that fails shows the smallest network on which it does. ``strategies_trained`` draws
networks of real numbers. Every kind of op has its strategy in ``OF_KIND``; a test holds that.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import hypothesis.strategies as st
import numpy as np
from hypothesis import assume
from hypothesis.extra import numpy as arrays_of

from mapping import (
    INPUT,
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
from mapping.ops import Op

Shape = tuple[int, ...]
Strategy = st.SearchStrategy
#: Above so many numbers, most of an array is one and the same drawn number.
FEW = 40


def arrays(shape: Shape, elements: Strategy, dtype: Any = np.int64) -> Strategy[np.ndarray]:
    """Draw an array; of a large one most numbers are alike."""
    fill = st.nothing() if math.prod(shape) <= FEW else elements
    return arrays_of.arrays(dtype, shape, elements=elements, fill=fill)


def weights(shape: Shape, bits: int) -> Strategy[np.ndarray]:
    """Draw signs, or symmetric integers of 2 to 8 bits."""
    top = (1 << bits - 1) - 1
    return arrays(shape, st.sampled_from([1, -1]) if bits == 1 else st.integers(-top, top), np.int8)


widths = st.sampled_from([1, 1, 1, 2, 5, 8])


@st.composite
def dense(draw: Callable, shape: Shape) -> Dense:
    """Draw a layer of 1 to 4 neurons over a source."""
    bits, out = draw(widths), draw(st.integers(1, 4))
    return Dense(draw(weights((out, math.prod(shape)), bits)), bits)


@st.composite
def window(draw: Callable, shape: Shape) -> tuple[Shape, dict[str, Shape]]:
    """Draw a kernel, stride, padding and dilation that fit a map."""
    pairs = []
    for size in shape[1:]:
        padding, dilation = draw(st.integers(0, 1)), draw(st.integers(1, 2))
        most = min(3, (size + 2 * padding - 1) // dilation + 1)
        pairs.append((draw(st.integers(1, most)), draw(st.integers(1, 3)), padding, dilation))
    kernel, stride, padding, dilation = zip(*pairs, strict=True)
    return kernel, {"stride": stride, "padding": padding, "dilation": dilation}


@st.composite
def conv(draw: Callable, shape: Shape) -> Conv:
    """Draw a convolution of a map, grouped at times."""
    bits, (kernel, fields) = draw(widths), draw(window(shape))
    groups = draw(st.sampled_from([g for g in range(1, shape[0] + 1) if shape[0] % g == 0]))
    out = groups * draw(st.integers(1, 2))
    return Conv(
        draw(weights((out, shape[0] // groups, *kernel), bits)), bits=bits, groups=groups, **fields
    )


@st.composite
def pool(draw: Callable, shape: Shape) -> Pool:
    """Draw a pool of a map: sums, or maxima."""
    kernel, fields = draw(window(shape))
    fields.pop("dilation")
    sides = (n + 2 * p for n, p in zip(shape[1:], fields["padding"], strict=True))
    kernel = tuple(min(k, n) for k, n in zip(kernel, sides, strict=True))
    return Pool(kernel, kind=draw(st.sampled_from(["sum", "max"])), **fields)


def identity(shape: Shape) -> Strategy[Identity]:
    """Draw the source itself."""
    return st.just(Identity())


#: Kind of op to the strategy that draws one for a source of a shape.
ANYWHERE: dict[type[Op], Callable[[Shape], Strategy]] = {Dense: dense, Identity: identity}
OF_MAPS: dict[type[Op], Callable[[Shape], Strategy]] = {Conv: conv, Pool: pool}
OF_KIND = ANYWHERE | OF_MAPS


def ops(shape: Shape) -> Strategy[Op]:
    """Draw an op of any kind that takes a source of this shape."""
    kinds = [*ANYWHERE] if len(shape) == 1 else [*OF_KIND, *OF_MAPS, *OF_MAPS]
    return st.sampled_from(kinds).flatmap(lambda kind: OF_KIND[kind](shape))


def shapes(maps: bool = True) -> Strategy[Shape]:
    """Draw the shape of a source: neurons, or a map of channels, rows and columns."""
    flat = st.tuples(st.sampled_from([1, 2, 3, 4, 5, 70]))  # 70: more than a machine word
    if not maps:
        return flat
    a_map = st.tuples(st.integers(1, 3), st.integers(1, 4), st.integers(1, 4))
    return st.one_of(flat, a_map, a_map, a_map)


def joins(shape: Shape, target: Shape) -> Strategy[Op | None]:
    """Draw an op from one shape to another; None if there is no simple one."""
    found: list[Strategy] = [st.just(Identity())] if shape == target else []
    if len(target) == 1:
        found.append(weights((target[0], math.prod(shape)), 1).map(Dense))
    elif len(shape) == 3 and shape[1:] == target[1:]:
        found.append(weights((target[0], shape[0], 1, 1), 1).map(Conv))
    return st.one_of(found) if found else st.none()


def numbers(channels: int, least: int, most: int) -> Strategy[Any]:
    """Draw one integer, or one for each channel."""
    return st.integers(least, most) | arrays((channels,), st.integers(least, most))


@st.composite
def inputs(draw: Callable, maps: bool = True) -> Input:
    """Draw how samples enter."""
    coding = draw(st.sampled_from(["steps", "direct", "latency"]))
    return Input(draw(shapes(maps)), draw(st.sampled_from([1, 1, 2, 4])), coding)


@st.composite
def gates(draw: Callable, channels: int, steps: int) -> Gate:
    """Draw a table of factors and what looks it up."""
    per_channel, rows = draw(st.booleans()), draw(st.integers(1, 4))
    return Gate(
        weights=draw(numbers(channels, -3, 3)),
        offset=draw(st.integers(-4, 4)),
        shift=draw(st.integers(0, 2)),
        table=draw(arrays((steps, rows), st.integers(0, 255))),
        per_channel=per_channel,
    )


@st.composite
def connections(
    draw: Callable, source: str, op: Op, channels: int, steps: int, least_delay: int = 0
) -> Connection:
    """Draw the numbers of a connection."""
    return Connection(
        source,
        op,
        gain=draw(st.just(1) | numbers(channels, -5, 8)),
        bias=draw(st.just(0) | numbers(channels, -6, 6)),
        shift=draw(st.sampled_from([0, 0, 0, 1, 3])),
        gate=draw(st.none() | st.none() | gates(channels, steps)),
        delay=draw(st.sampled_from([0, 0, 0, 1, 2])) + least_delay,
    )


LEAKS = [(1, 0), (1, 1), (0, 0), (1, 2), (3, 2), (7, 3)]


@st.composite
def neurons(draw: Callable, channels: int, steps: int) -> Neuron:
    """Draw a neuron with any of its options, or an integrator that never fires."""
    num, q = draw(st.sampled_from(LEAKS))
    starts = draw(st.just(0) | numbers(channels, -4, 6))
    if draw(st.integers(0, 3)) == 3:
        return Neuron(num, q, v_init=starts)
    return Neuron(
        num,
        q,
        threshold=draw(numbers(channels, -4, 12)),
        reset=draw(st.sampled_from(["zero", "subtract", "none"])),
        v_reset=draw(st.just(0) | numbers(channels, -4, 6)),
        rho=draw(numbers(channels, -2, 8)),
        v_init=starts,
        max_spikes=draw(st.none() | st.integers(1, 3)),
        refractory=draw(st.just(0) | st.integers(0, 3)),
        fire_by=draw(st.none() | st.none() | st.integers(0, steps - 1)),
    )


@st.composite
def readouts(draw: Callable, populations: tuple[Any, ...], steps: int) -> Readout:
    """Draw what is read out of any population, trained or not."""
    p = draw(st.sampled_from(populations[::-1]))
    kinds: list[tuple[str, str | None]] = [("count", None), ("membrane", None)]
    if p.spiking:
        kinds += [("first_spike", None), ("first_spike", "membrane")]
    kind, fallback = draw(st.sampled_from(kinds))
    readout = Readout(p.name, kind, fallback)
    step = draw(st.none() | st.integers(0, steps - 1)) if readout.reads_membrane else None
    return Readout(p.name, kind, fallback, step)


@st.composite
def populations(draw: Callable, name: str, known: dict[str, Shape], steps: int) -> Population:
    """Draw a population that reads what is known: the input and earlier ones."""
    source = draw(st.sampled_from([*known]))
    op = draw(ops(known[source]))
    shape = op.out_shape(known[source])
    edges = [draw(connections(source, op, shape[0], steps))]
    for other in draw(st.lists(st.sampled_from([*known]), max_size=2)):
        if (joined := draw(joins(known[other], shape))) is not None:
            edges.append(draw(connections(other, joined, shape[0], steps)))
    neuron = draw(neurons(shape[0], steps))
    if neuron.threshold is not None and draw(st.integers(0, 4)) == 4:  # recurrence
        edges.append(draw(connections(name, draw(joins(shape, shape)), shape[0], steps, 1)))
    known[name] = shape
    return Population(name, tuple(edges), neuron)


@st.composite
def networks(draw: Callable, maps: bool = True, most: int = 3) -> Network:
    """Draw a Network of any ops, joins, gates, delays, connections back, and neuron options.

    Args:
        maps: without, sources are flat, as the input is. most: populations.
    """
    steps, enter = draw(st.integers(1, 5)), draw(inputs(maps))
    known: dict[str, Shape] = {INPUT: enter.shape}
    done = [draw(populations("p0", known, steps))]
    while len(done) < most and draw(st.booleans()):
        done.append(draw(populations(f"p{len(done)}", known, steps)))
    first, last = done[0], done[-1]
    if first is not last and last.spiking and draw(st.integers(0, 3)) == 3:  # a way back
        target = known[first.name]
        if (joined := draw(joins(known[last.name], target))) is not None:
            edge = draw(connections(last.name, joined, target[0], steps, 1))
            done[0] = replace(first, connections=(*first.connections, edge))
    network = Network(enter, tuple(done), draw(readouts(tuple(done), steps)), steps)
    try:
        network.facts  # noqa: B018  refuses widths beyond WIDTH_MAX
    except TooWide:
        assume(False)
    return network


@st.composite
def batches(draw: Callable, network: Any, samples: int = 3) -> np.ndarray:
    """Draw inputs for a network, trained or not: up to so many samples."""
    enter, count = network.input, draw(st.integers(1, samples))
    steps = (draw(st.integers(1, network.timesteps)),) if enter.coding == "steps" else ()
    return draw(arrays((count, *steps, *enter.shape), st.integers(0, enter.top)))


@st.composite
def runs(draw: Callable, maps: bool = True, most: int = 3) -> tuple[Network, np.ndarray]:
    """Draw a Network and inputs for it."""
    network = draw(networks(maps, most))
    return network, draw(batches(network))
