"""What is derived of a network: the interval of every value over its T timesteps, so its width.

Nothing else in the project guesses a width: backends read ``network.facts``. Intervals are
per output channel and inclusive, and hold for every input that the Input admits (contract,
section 1). With (plo, phi) the interval of v after the last step::

    lo' = leak(plo) + drive_lo        hi' = leak(phi) + drive_hi

and the state after firing spans ``{lo', min(hi', threshold - 1)}`` if lo' < threshold, joined,
if hi' >= threshold, with v_reset or with ``{max(lo', threshold) - rho, hi' - rho}``. Neurons that
may be held join v_reset. An integrator's total is bounded besides by the spikes that its sources
can send in a whole sample.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .graph import Graph
from .intervals import Bounds, Interval, checked, product, uniform
from .ops import Shape
from .population import Connection, Neuron, Population
from .ports import INPUT, Input
from .value import Unsupported


@dataclass(frozen=True)
class Facts:
    """What is derived of one population.

    Attributes
    ----------
        shape: of its output.
        out: Interval of its output, spikes 0 to 1.
        spikes: most spikes of one of its neurons in a sample; 0 without a threshold.
        depth: populations between the input and its output, along the longest way.
        static: its drive is the same at every timestep of a sample.
        acc: per connection, the Interval of op(source).
        totals: per connection, the Interval of its gate's total before the shift, or None.
        drive: Interval of the sum of all currents.
        scaled: Interval of v * num, before the shift.
        v: Interval of v as it is compared with the threshold (before reset).
        state: Interval of v between timesteps (after reset), v_init included.
    """

    shape: Shape
    out: Interval
    spikes: int
    depth: int
    static: bool
    acc: tuple[Interval, ...]
    totals: tuple[Interval | None, ...]
    drive: Interval
    scaled: Interval
    v: Interval
    state: Interval


@dataclass(frozen=True)
class Source:
    """What a connection reads: the Interval of its values, its shape, and how it comes about."""

    out: Interval
    shape: Shape
    spikes: int | None
    depth: int
    static: bool


class Derivation:
    """Facts of a network's populations, one after another, in their order."""

    def __init__(
        self, enter: Input, timesteps: int, shapes: dict[str, Shape], most: dict[str, int | None]
    ) -> None:
        """Begin.

        Args:
            shapes: of the input and every population. most: per population, the most spikes of
                a neuron in a sample, or None if it has no threshold.
        """
        self.steps, self.shapes, self.most = timesteps, shapes, most
        self.sources = {
            INPUT: Source(
                uniform(*enter.span, enter.shape[0]),
                enter.shape,
                1 if enter.coding == "latency" else timesteps,
                0,
                enter.coding == "direct",
            )
        }

    def source(self, name: str, reader: str) -> Source:
        """Return what a population reads by a name; a later population gives spikes only.

        Raises
        ------
            Unsupported: a later population without a threshold.
        """
        if name in self.sources:
            return self.sources[name]
        if self.most[name] is None:
            raise Unsupported(
                f"population {reader!r}: a connection back from {name!r}, which has no threshold, "
                "has no proven width"
            )
        shape = self.shapes[name]
        return Source(uniform(0, 1, shape[0]), shape, self.most[name], 0, False)

    def add(self, population: Population) -> Facts:
        """Derive the next population."""
        feeds = [self.source(c.source, population.name) for c in population.connections]
        fact = _population(population, feeds, self.shapes[population.name], self.steps)
        neuron = population.neuron
        stateless = neuron.num == 0 and not neuron.holds and neuron.fire_by is None
        self.sources[population.name] = Source(
            fact.out,
            fact.shape,
            self.most[population.name],
            fact.depth,
            fact.static and stateless,
        )
        return fact


def facts(network: Graph) -> dict[str, Facts]:
    """Derive the Facts of every population of a Network, a Graph of integers; see there."""
    most = {
        p.name: most_spikes(p.neuron, network.timesteps) if p.spiking else None
        for p in network.populations
    }
    derived = Derivation(network.input, network.timesteps, network.shapes, most)
    return {p.name: derived.add(p) for p in network.populations}


def _weighed(connection: Connection, acc: Interval, delayed: bool) -> Bounds:
    """Return the bounds of gain * acc (exact)."""
    gain = connection.gain.astype(object)
    low, high = product((gain, gain), (acc.low.astype(object), acc.high.astype(object)))
    if delayed:  # nothing has arrived yet: acc is 0
        low, high = np.minimum(low, 0), np.maximum(high, 0)
    return low, high


def _current(
    connection: Connection, data: Bounds, acc: Interval, area: int, prefix: str
) -> tuple[Bounds, Interval | None]:
    """Return the bounds of one connection's current, and of its gate's total."""
    checked(*data, prefix + "gain * acc")
    low, high = (x + connection.bias.astype(object) for x in data)
    checked(low, high, prefix + "gain * acc + bias")
    total = None
    gate = connection.gate
    if gate is not None:
        weights = gate.weights.astype(object)
        heard = acc.with_zero() if connection.delay else acc
        edges = heard.low.astype(object) * area, heard.high.astype(object) * area
        lows, highs = product((weights, weights), edges)
        if not gate.per_channel:
            lows, highs = np.array([lows.sum()]), np.array([highs.sum()])
        offset = gate.offset.astype(object)
        total = checked(lows + offset, highs + offset, prefix + "gate total")
        table = (int(gate.table.min()), int(gate.table.max()))
        low, high = product(table, (low, high))  # type: ignore[arg-type]
    if gate is not None:
        checked(low, high, prefix + "gated current")
    return (low >> connection.shift, high >> connection.shift), total


def most_spikes(neuron: Any, steps: int) -> int:
    """Return the most spikes of a neuron, trained or integer, in a sample."""
    most = steps if neuron.max_spikes is None else min(steps, neuron.max_spikes)
    return min(most, -(-steps // (1 + neuron.refractory)))


def _population(population: Population, feeds: list[Source], shape: Shape, steps: int) -> Facts:
    neuron, connections = population.neuron, population.connections
    prefix = f"population {population.name!r}: "
    area = int(np.prod(shape[1:]))
    pairs = list(zip(connections, feeds, strict=True))
    accs = tuple(c.op.interval(f.out, f.shape) for c, f in pairs)
    data = [_weighed(c, a, c.delay > 0) for c, a in zip(connections, accs, strict=True)]
    currents = [
        _current(c, d, a, area, prefix) for c, d, a in zip(connections, data, accs, strict=True)
    ]
    low = high = np.zeros(shape[0], object)
    for bounds, _ in currents:  # one after the other, as they are added up
        low, high = low + bounds[0], high + bounds[1]
        drive = checked(low, high, prefix + "drive")
    cap = _whole_sample(neuron, connections, feeds, data, steps)

    reset = neuron.v_reset.astype(object)
    state_lo = state_hi = after_lo = after_hi = neuron.v_init.astype(object)
    v_lo = v_hi = None
    for _ in range(steps):
        step_lo = ((after_lo * neuron.num) >> neuron.q) + low
        step_hi = ((after_hi * neuron.num) >> neuron.q) + high
        if cap is not None:
            step_lo, step_hi = np.maximum(step_lo, cap[0]), np.minimum(step_hi, cap[1])
        if neuron.holds:
            step_lo, step_hi = np.minimum(step_lo, reset), np.maximum(step_hi, reset)
        v_lo = step_lo if v_lo is None else np.minimum(v_lo, step_lo)
        v_hi = step_hi if v_hi is None else np.maximum(v_hi, step_hi)
        previous = after_lo, after_hi
        after_lo, after_hi = _fired(neuron, step_lo, step_hi)
        if neuron.holds:
            after_lo, after_hi = np.minimum(after_lo, reset), np.maximum(after_hi, reset)
        state_lo, state_hi = np.minimum(state_lo, after_lo), np.maximum(state_hi, after_hi)
        if all((a == b).all() for a, b in zip(previous, (after_lo, after_hi), strict=True)):
            break  # a fixed point: every further step is the same
    v = checked(v_lo, v_hi, prefix + "v")
    state = checked(state_lo, state_hi, prefix + "v after reset")
    return Facts(
        shape=shape,
        out=uniform(0, 1, shape[0]) if population.spiking else v,
        spikes=most_spikes(neuron, steps) if population.spiking else 0,
        depth=1 + max(f.depth for f in feeds),
        static=all(f.static and not c.delay and c.gate is None for c, f in pairs),
        acc=accs,
        totals=tuple(total for _, total in currents),
        drive=drive,
        scaled=checked(state_lo * neuron.num, state_hi * neuron.num, prefix + "v * num"),
        v=v,
        state=state,
    )


def _whole_sample(
    neuron: Neuron,
    connections: tuple[Connection, ...],
    feeds: list[Source],
    data: list[Bounds],
    steps: int,
) -> Bounds | None:
    """Bound an integrator's v by all that its sources can send in a sample; None if not one."""
    if (neuron.num, neuron.q) != (1, 0) or any(c.gate or c.shift for c in connections):
        return None
    if neuron.reset == "subtract" or all((f.spikes or steps) >= steps for f in feeds):
        return None
    low = np.minimum(neuron.v_init, neuron.v_reset).astype(object)
    high = np.maximum(neuron.v_init, neuron.v_reset).astype(object)
    for c, f, (data_lo, data_hi) in zip(connections, feeds, data, strict=True):
        times = f.spikes  # a maximum is reached as often as all neurons of its window fire
        if times is None or not c.op.linear:
            times = steps
        bias = c.bias.astype(object) * steps
        low = low + np.minimum(data_lo, 0) * times + np.minimum(bias, 0)
        high = high + np.maximum(data_hi, 0) * times + np.maximum(bias, 0)
    return low, high


def _fired(neuron: Neuron, low: np.ndarray, high: np.ndarray) -> Bounds:
    """Return the interval after firing and reset of v within low..high (exact arrays)."""
    if neuron.threshold is None or neuron.reset == "none":
        return low, high
    threshold = neuron.threshold.astype(object)
    stays, fires = low < threshold, high >= threshold
    kept_lo, kept_hi = low, np.minimum(high, threshold - 1)
    if neuron.fire_by is not None:  # then any membrane may fire
        fires, over = np.ones_like(fires), low
    else:
        over = np.maximum(low, threshold)
    if neuron.reset == "zero":
        fired_lo = fired_hi = neuron.v_reset.astype(object)
    else:
        rho = neuron.rho.astype(object)
        fired_lo, fired_hi = over - rho, high - rho
    after_lo = np.where(stays, np.where(fires, np.minimum(kept_lo, fired_lo), kept_lo), fired_lo)
    after_hi = np.where(stays, np.where(fires, np.maximum(kept_hi, fired_hi), kept_hi), fired_hi)
    return after_lo, after_hi
