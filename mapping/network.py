"""The integer network: what every backend runs, bit for bit.

One timestep of one population (all values are integers)::

    acc_k  = op_k(out of source_k at t - delay_k)  0 before the sample began
    drive  = sum_k (gate_k * (gain_k * acc_k + bias_k)) >> shift_k        gate_k = 1 without a gate
    v      = ((v * num) >> q) + drive              >> rounds toward minus infinity
    spike  = v >= threshold
    v      = v_reset where spike                   (reset "zero"; "subtract": v - rho; "none": v)

A population without a threshold outputs v itself. State is v_init at the start of every sample.
A neuron is *held* during its refractory steps, and after max_spikes spikes: v is v_reset,
whatever arrives, and it does not fire. A neuron that has not fired before timestep fire_by fires
there.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace

import numpy as np

from .claims import Cause, Kind
from .ends import Input, Readout
from .facts import Facts, facts
from .graph import check_ends, shapes
from .ops import Op, checked_op
from .value import (
    LEAK_BITS_MAX,
    WIDTH_MAX,
    Value,
    choice,
    fire_by,
    frozen,
    integer,
    integers,
    name,
    per_channel,
)

RESETS = ("zero", "subtract", "none")


@dataclass(frozen=True, eq=False, repr=False)
class Gate(Value):
    """Multiplicative gate from a table: ``g = table[t, clamp(total >> shift)]``, 0 <= . < n.

    Attributes
    ----------
        weights: (C,) integers; total = sum_c weights_c * (sum of acc_c over the map) + offset.
        offset: an integer, or (C,) of them if per_channel. shift: an integer.
        table: (T, n) integers.
        per_channel: whether each channel has its own total.
    """

    weights: np.ndarray
    offset: np.ndarray
    shift: int
    table: np.ndarray
    per_channel: bool = False

    def __post_init__(self) -> None:
        table = np.asarray(self.table)
        if table.ndim != 2 or table.dtype.kind not in "iu" or not table.size:
            raise TypeError(f"gate table must be integers of shape (T, n), not {table.shape}")
        if int(table.max()) >= 1 << 32 or int(table.min()) <= -(1 << 32):
            raise ValueError("gate table must fit 33 signed bits")
        self.set(
            weights=integers(self.weights, "gate weights"),
            offset=integers(self.offset, "gate offset"),
            shift=integer(self.shift, "gate shift", 0, WIDTH_MAX),
            table=frozen(table.astype(np.int64)),
            per_channel=bool(self.per_channel),
        )


@dataclass(frozen=True, eq=False, repr=False)
class Connection(Value):
    """An edge: ``gain * op(source) + bias``.

    Attributes
    ----------
        source: a population's name, or ``"input"``.
        op: what is computed of it.
        gain, bias: (C,) int64, one per output channel; a scalar is broadcast by Network.
        shift: arithmetic right shift of the current (streams only).
        gate: or None.
        delay: whole timesteps.
    """

    source: str
    op: Op
    gain: np.ndarray = 1  # type: ignore[assignment]
    bias: np.ndarray = 0  # type: ignore[assignment]
    shift: int = 0
    gate: Gate | None = None
    delay: int = 0

    def __post_init__(self) -> None:
        name(self.source, "connection source")
        checked_op(self.op)
        if self.gate is not None and not isinstance(self.gate, Gate):
            raise TypeError(f"gate must be a Gate or None, not {self.gate!r}")
        self.set(
            gain=integers(self.gain, f"gain of the connection from {self.source!r}"),
            bias=integers(self.bias, f"bias of the connection from {self.source!r}"),
            shift=integer(self.shift, "shift of a connection", 0, WIDTH_MAX),
            delay=integer(self.delay, "delay of a connection", 0, 1 << 16),
        )


@dataclass(frozen=True, eq=False, repr=False)
class Neuron(Value):
    """Leak, threshold and reset of a population; (C,) arrays, scalars broadcast by Network.

    Attributes
    ----------
        num, q: the leak factor num / 2**q, at most 1.
        threshold: (C,) int64, or None for a population that never fires and outputs v.
        reset: ``"zero"`` (to v_reset), ``"subtract"`` (rho) or ``"none"``.
        v_reset, rho, v_init: (C,) int64.
        max_spikes: spikes per sample after which v is held at v_reset, or None.
        refractory: timesteps for which v is held at v_reset after a spike.
        fire_by: timestep at which a neuron that has not fired yet does, whatever its membrane
            (single-spike codes that count silent neurons at the last step), or None.
    """

    num: int = 1
    q: int = 0
    threshold: np.ndarray | None = None
    reset: str = "zero"
    v_reset: np.ndarray = 0  # type: ignore[assignment]
    rho: np.ndarray = 0  # type: ignore[assignment]
    v_init: np.ndarray = 0  # type: ignore[assignment]
    max_spikes: int | None = None
    refractory: int = 0
    fire_by: int | None = None

    def __post_init__(self) -> None:
        q = integer(self.q, "q of a neuron", 0, LEAK_BITS_MAX)
        spikes = self.max_spikes
        self.set(
            num=integer(self.num, "num of a neuron", 0, 1 << q),
            q=q,
            threshold=None if self.threshold is None else integers(self.threshold, "threshold"),
            reset=choice(self.reset, "reset", RESETS),
            v_reset=integers(self.v_reset, "v_reset"),
            rho=integers(self.rho, "rho"),
            v_init=integers(self.v_init, "v_init"),
            max_spikes=None if spikes is None else integer(spikes, "max_spikes", 1),
            refractory=integer(self.refractory, "refractory", 0, 1 << 16),
            fire_by=fire_by(self.fire_by, self.threshold),
        )

    @property
    def holds(self) -> bool:
        """Whether a neuron may be held at v_reset."""
        return self.threshold is not None and (self.max_spikes is not None or self.refractory > 0)


@dataclass(frozen=True, eq=False, repr=False)
class Certificate(Value):
    """What is known of one population against the trained one, given equal inputs.

    Attributes
    ----------
        exact: it does exactly what the trained population does, for every input.
        kind: what is proved of it.
        reason: why it is exact, or why it is only bounded; one sentence, for people.
        cause: why it is not exact; None if it is.
        fraction_bits: F. Of neurons that are proved the unit connection's gain is 2**F (0 where
            one fires by its bias alone); of rounded ones, F is that of the finest channel. Of a
            population without threshold, the bits by which its unit was made finer.
        lattice: (tables, T, C) int64, or None: the constants c of contract section 4, clamped
            to the reachable range. After n + 1 steps without a reset the trained neuron fires
            iff its lattice value reaches lattice[k, n]; table 0 counts from v_reset, table 1
            (present if it differs) from v_init.
        bound: of |v * unit - u| in units of the trained network, given equal inputs and the same
            spikes so far, or None; u is counted from v_rest where there is a threshold.
        unit: (C,) float64: what the integer 1 of v is worth in the trained network; 0 where a
            neuron fires by its bias alone. With a bound it is this very number, else the float64
            next to what may be irrational. A proved neuron fires alike, but biases far beyond
            the reach of its data may have been made smaller, so that v need not be u.
    """

    exact: bool
    kind: Kind
    reason: str
    cause: Cause | None = None
    fraction_bits: int = 0
    lattice: np.ndarray | None = None
    bound: float | None = None
    unit: np.ndarray | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.exact, (bool, np.bool_)) or not isinstance(self.reason, str):
            raise TypeError("a Certificate must have a bool and a sentence")
        lattice, unit = self.lattice, self.unit
        kind = Kind(choice(self.kind, "kind of a Certificate", tuple(k.value for k in Kind)))
        cause = self.cause
        if cause is not None:
            cause = Cause(choice(cause, "cause of a Certificate", tuple(c.value for c in Cause)))
        if bool(self.exact) != (cause is None) or (self.exact and kind is Kind.ROUNDED):
            raise ValueError("a Certificate is exact, or has a cause why it is not")
        if not self.exact and kind is not Kind.SPIKES and self.bound is None:
            raise ValueError("a Certificate that is not exact must have a bound, or prove spikes")
        self.set(
            exact=bool(self.exact),
            kind=kind,
            cause=cause,
            fraction_bits=integer(self.fraction_bits, "fraction_bits", -WIDTH_MAX, WIDTH_MAX),
            lattice=None if lattice is None else frozen(np.asarray(lattice, np.int64)),
            bound=None if self.bound is None else float(self.bound),
            unit=None if unit is None else frozen(np.asarray(unit, np.float64)),
        )


@dataclass(frozen=True, eq=False, repr=False)
class Population(Value):
    """A named group of neurons with the connections that enter it."""

    name: str
    connections: tuple[Connection, ...]
    neuron: Neuron
    certificate: Certificate | None = None

    def __post_init__(self) -> None:
        name(self.name, "population name")
        connections = tuple(self.connections)
        if not connections or not all(isinstance(c, Connection) for c in connections):
            raise TypeError(f"connections of {self.name!r} must be a tuple of Connection")
        if not isinstance(self.neuron, Neuron):
            raise TypeError(f"neuron of {self.name!r} must be a Neuron, not {self.neuron!r}")
        if self.certificate is not None and not isinstance(self.certificate, Certificate):
            raise TypeError(f"certificate of {self.name!r} must be a Certificate or None")
        self.set(connections=connections)

    @property
    def spiking(self) -> bool:
        """Whether it has a threshold."""
        return self.neuron.threshold is not None


def _broadcast(population: Population, channels: int) -> Population:
    def wide(array: np.ndarray, what: str) -> np.ndarray:
        return per_channel(array, channels, f"{what} of {population.name!r}")

    neuron = population.neuron
    threshold = neuron.threshold
    return replace(
        population,
        connections=tuple(
            replace(
                c,
                gain=wide(c.gain, "gain"),
                bias=wide(c.bias, "bias"),
                gate=c.gate and replace(c.gate, weights=wide(c.gate.weights, "gate weights")),
            )
            for c in population.connections
        ),
        neuron=replace(
            neuron,
            threshold=None if threshold is None else wide(threshold, "threshold"),
            v_reset=wide(neuron.v_reset, "v_reset"),
            rho=wide(neuron.rho, "rho"),
            v_init=wide(neuron.v_init, "v_init"),
        ),
    )


def _check_gates(population: Population, known: dict[str, tuple[int, ...]], steps: int) -> None:
    """Raise ValueError for a gate whose table is too short or that does not fit its channels."""
    for c in population.connections:
        if c.gate is None:
            continue
        where = f"the gate of connection {c.source!r} -> {population.name!r}"
        if len(c.gate.table) < steps:
            raise ValueError(f"{where} has {len(c.gate.table)} rows of its table for {steps} steps")
        channels = known[population.name][0]
        per_channel(c.gate.weights, channels, f"weights of {where}")
        if c.gate.offset.ndim and not c.gate.per_channel:
            raise ValueError(f"{where} has one total, so its offset must be one integer")
        per_channel(c.gate.offset, channels, f"offset of {where}")


@dataclass(frozen=True, eq=False, repr=False)
class Network(Value):
    """A network of integers; see the equation at the head of this module.

    Attributes
    ----------
        input, populations, readout: the graph, populations in an order in which they can run.
        timesteps: T. Widths and certificates hold for up to T steps a sample.

    Raises
    ------
        TypeError, ValueError: at construction, one sentence that names the field.
    """

    input: Input
    populations: tuple[Population, ...]
    readout: Readout
    timesteps: int

    def __post_init__(self) -> None:
        populations = tuple(self.populations)
        if not all(isinstance(p, Population) for p in populations):
            raise TypeError("populations of a Network must be a tuple of network Populations")
        if not isinstance(self.input, Input):
            raise TypeError(f"input must be an Input, not {self.input!r}")
        known = shapes(self.input.shape, populations)
        spiking = {p.name for p in populations if p.spiking}
        steps = check_ends(self.input, self.readout, self.timesteps, known, spiking)
        for p in populations:
            _check_gates(p, known, steps)
        wide = tuple(_broadcast(p, known[p.name][0]) for p in populations)
        self.set(populations=wide, timesteps=steps, _shapes=known)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of the input and of every population, by name."""
        return dict(self._shapes)  # type: ignore[attr-defined]

    def __getitem__(self, key: str) -> Population:
        for population in self.populations:
            if population.name == key:
                return population
        raise KeyError(key)

    @functools.cached_property
    def facts(self) -> dict[str, Facts]:
        """Everything derived: shapes, intervals, widths; one Facts per population, in order.

        Raises
        ------
            Unsupported: a node of a kind that this version does not run.
            TooWide: a value that would need more than WIDTH_MAX bits.
        """
        return facts(self)

    @property
    def exact(self) -> bool:
        """Whether every population is certified exact."""
        return all(p.certificate is not None and p.certificate.exact for p in self.populations)

    def __repr__(self) -> str:
        from .show import line

        return f"<{line(self)}>"

    def __str__(self) -> str:
        from .show import table

        return table(self)

    def _repr_html_(self) -> str:
        from .show import page

        return page(self)
