"""Widths, proved: the interval of every value of a Network over its T timesteps.

Nothing else in the project guesses a width: backends read ``network.facts``. Intervals are
per output channel and inclusive, and hold for every input that the Input admits (contract,
section 1). With (plo, phi) the interval of v after the last step::

    lo' = leak(plo) + drive_lo        hi' = leak(phi) + drive_hi

and the state after firing spans ``{lo', min(hi', threshold - 1)}`` if lo' < threshold, joined
with v_reset if hi' >= threshold.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .ends import INPUT
from .ops import Dense
from .value import WIDTH_MAX, Unsupported, frozen

if TYPE_CHECKING:
    from .network import Connection, Network, Population

Span = tuple[int, int]


def bits(low: int, high: int) -> int:
    """Return the bits of a signed (two's complement) signal that holds low..high."""
    return (
        max(int(high).bit_length() if high > 0 else 0, (~int(low)).bit_length() if low < 0 else 0)
        + 1
    )


@dataclass(frozen=True)
class Interval:
    """Inclusive bounds per output channel, int64 arrays of shape (C,), low <= high."""

    low: np.ndarray
    high: np.ndarray

    @property
    def span(self) -> Span:
        """The least and the largest value of any channel."""
        return int(self.low.min()), int(self.high.max())

    @property
    def bits(self) -> int:
        """Signed bits that hold every channel."""
        return bits(*self.span)

    def __str__(self) -> str:
        return f"{self.span[0]} .. {self.span[1]} ({self.bits} bits)"


@dataclass(frozen=True)
class Facts:
    """What is derived of one population.

    Attributes
    ----------
        shape: of its output.
        out: least and largest output value; ``(0, 1)`` is a spike tensor.
        depth: populations between the input and its output, along the longest way.
        static: its drive is the same at every timestep of a sample.
        acc: per connection, the Interval of op(source).
        raw: per connection, the least and largest XNOR popcount sum
            ``sum_b 2**b * popcount(xnor(x_b, w))`` (contract, section 2), partial sums included.
        drive: Interval of the sum of all currents.
        scaled: Interval of v * num, before the shift.
        v: Interval of v as it is compared with the threshold (before reset).
        state: Interval of v between timesteps (after reset), v_init included.
    """

    shape: tuple[int, ...]
    out: Span
    depth: int
    static: bool
    acc: tuple[Interval, ...]
    raw: tuple[Span, ...]
    drive: Interval
    scaled: Interval
    v: Interval
    state: Interval


def n_neg(op: Dense) -> np.ndarray:
    """Return the number of -1 weights of each output channel, (out,) int64."""
    return frozen((op.weights < 0).sum(axis=1).astype(np.int64))


def unsupported(population: Population) -> str | None:
    """Name what this version does not run of a population, or None."""
    where = f"population {population.name!r}"
    neuron = population.neuron
    for c in population.connections:
        if not isinstance(c.op, Dense):
            return f"{where}: {type(c.op).__name__} connections are not run yet"
        if c.op.bits != 1:
            return f"{where}: weights of {c.op.bits} bits are not run yet"
        if c.gate is not None:
            return f"{where}: a gate is not run yet"
        if c.shift:
            return f"{where}: a shifted connection (a stream) is not run yet"
    if neuron.reset == "subtract":
        return f"{where}: soft reset (reset='subtract') is not run yet"
    if neuron.max_spikes is not None:
        return f"{where}: max_spikes is not run yet"
    if neuron.refractory:
        return f"{where}: refractory steps are not run yet"
    return None


def refuse_unsupported(network: Network) -> None:
    """Raise Unsupported, naming the first node of a kind that this version does not run."""
    if network.input.coding == "latency":
        raise Unsupported("input: latency coding is not run yet")
    if network.readout.kind == "first_spike":
        raise Unsupported("read-out: first_spike is not run yet")
    for population in network.populations:
        if reason := unsupported(population):
            raise Unsupported(reason)


def facts(network: Network) -> dict[str, Facts]:
    """Derive the Facts of every population of a network; see Network.facts."""
    refuse_unsupported(network)
    known: dict[str, Facts] = {}
    outs: dict[str, Span] = {INPUT: (0, network.input.top)}
    for population in network.populations:
        for c in population.connections:
            if c.source != INPUT and not network[c.source].spiking:
                raise Unsupported(
                    f"population {population.name!r}: a Dense connection from {c.source!r}, "
                    "which has no threshold, is not run yet"
                )
            outs.setdefault(c.source, (0, 1))  # a later population, through a delay: spikes
        known[population.name] = _population(network, population, outs, known)
        outs[population.name] = known[population.name].out
    return known


def acc_interval(op: Dense, source: Span) -> Interval:
    """Return the interval of op(source), every source value within ``source``."""
    positive = (op.weights > 0).sum(axis=1).astype(object)
    negative = op.weights.shape[1] - positive
    low, high = source
    return _checked(positive * low - negative * high, positive * high - negative * low, "acc")


def _checked(low: np.ndarray, high: np.ndarray, what: str) -> Interval:
    """Make an Interval of exact (object) arrays, or say that it is too wide."""
    limit = 1 << (WIDTH_MAX - 1)
    if min(low) < -limit or max(high) >= limit:
        need = bits(int(min(low)), int(max(high)))
        raise ValueError(f"{what} needs {need} bits; the widest value may have {WIDTH_MAX}")
    return Interval(frozen(low.astype(np.int64)), frozen(high.astype(np.int64)))


def _drive(connection: Connection, acc: Interval, first: bool) -> tuple[np.ndarray, np.ndarray]:
    gain, bias = connection.gain.astype(object), connection.bias.astype(object)
    low, high = gain * acc.low.astype(object), gain * acc.high.astype(object)
    low, high = np.minimum(low, high), np.maximum(low, high)
    if first:  # a delayed source has said nothing yet: acc is 0
        low, high = np.minimum(low, 0), np.maximum(high, 0)
    return low + bias, high + bias


def _population(
    network: Network, population: Population, outs: dict[str, Span], known: dict[str, Facts]
) -> Facts:
    neuron, connections = population.neuron, population.connections
    where = f"population {population.name!r}: "
    accs = tuple(acc_interval(c.op, outs[c.source]) for c in connections)
    pairs = [_drive(c, a, c.delay > 0) for c, a in zip(connections, accs, strict=True)]
    low = functools.reduce(np.add, (p[0] for p in pairs))
    high = functools.reduce(np.add, (p[1] for p in pairs))
    drive = _checked(low, high, where + "drive")

    state_lo = state_hi = after_lo = after_hi = neuron.v_init.astype(object)
    v_lo = v_hi = None
    for _ in range(network.timesteps):
        step_lo = ((after_lo * neuron.num) >> neuron.q) + low
        step_hi = ((after_hi * neuron.num) >> neuron.q) + high
        v_lo = step_lo if v_lo is None else np.minimum(v_lo, step_lo)
        v_hi = step_hi if v_hi is None else np.maximum(v_hi, step_hi)
        previous = after_lo, after_hi
        after_lo, after_hi = _fired(neuron, step_lo, step_hi)
        state_lo, state_hi = np.minimum(state_lo, after_lo), np.maximum(state_hi, after_hi)
        if all((a == b).all() for a, b in zip(previous, (after_lo, after_hi), strict=True)):
            break  # a fixed point: every further step is the same
    v = _checked(v_lo, v_hi, where + "v")
    state = _checked(state_lo, state_hi, where + "v after reset")
    sources = [known[c.source] for c in connections if c.source in known]
    return Facts(
        shape=network.shapes[population.name],
        out=(0, 1) if population.spiking else v.span,
        depth=1 + max((s.depth for s in sources), default=0),
        static=all(
            c.delay == 0 and c.source == INPUT and network.input.coding == "direct"
            for c in connections
        ),
        acc=accs,
        raw=tuple((0, c.op.weights.shape[1] * outs[c.source][1]) for c in connections),
        drive=drive,
        scaled=_checked(state_lo * neuron.num, state_hi * neuron.num, where + "v * num"),
        v=v,
        state=state,
    )


def _fired(neuron: object, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the interval after firing and reset of v within low..high (exact arrays)."""
    threshold, reset = neuron.threshold, neuron.v_reset  # type: ignore[attr-defined]
    if threshold is None or neuron.reset == "none":  # type: ignore[attr-defined]
        return low, high
    threshold, reset = threshold.astype(object), reset.astype(object)
    stays, fires = low < threshold, high >= threshold
    kept_hi = np.minimum(high, threshold - 1)
    after_lo = np.where(stays, np.where(fires, np.minimum(low, reset), low), reset)
    after_hi = np.where(stays, np.where(fires, np.maximum(kept_hi, reset), kept_hi), reset)
    return after_lo, after_hi
