"""A population of integers: its connections, its gate, its neurons.

``mapping.network`` says what one timestep of it computes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from .claims import Certificate
from .nodes import AnyNeuron, AnyPopulation, checked_edge
from .ops import Op
from .value import LEAK_BITS_MAX, WIDTH_MAX, Value, frozen, integer, integers, per_channel


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
        self.set(
            **checked_edge(self, Gate),
            gain=integers(self.gain, f"gain of the connection from {self.source!r}"),
            bias=integers(self.bias, f"bias of the connection from {self.source!r}"),
            shift=integer(self.shift, "shift of a connection", 0, WIDTH_MAX),
        )


@dataclass(frozen=True, eq=False, repr=False)
class Neuron(AnyNeuron):
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
        self.set(
            **self.firing(),
            num=integer(self.num, "num of a neuron", 0, 1 << q),
            q=q,
            threshold=None if self.threshold is None else integers(self.threshold, "threshold"),
            v_reset=integers(self.v_reset, "v_reset"),
            rho=integers(self.rho, "rho"),
            v_init=integers(self.v_init, "v_init"),
        )


@dataclass(frozen=True, eq=False, repr=False)
class Population(AnyPopulation):
    """A named group of neurons with the connections that enter it, and its certificate."""

    connections: tuple[Connection, ...]
    neuron: Neuron
    certificate: Certificate | None = None

    connection_class: ClassVar[type] = Connection
    neuron_class: ClassVar[type] = Neuron
    called: ClassVar[str] = "integer"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.certificate is not None and not isinstance(self.certificate, Certificate):
            raise TypeError(f"certificate of {self.name!r} must be a Certificate or None")

    def fitted(self, channels: int, timesteps: int) -> Population:
        """Return it with one integer per output channel; see ``AnyPopulation``."""

        def wide(array: np.ndarray, what: str) -> np.ndarray:
            return per_channel(array, channels, f"{what} of {self.name!r}")

        for c in self.connections:
            if c.gate is not None:
                called = f"the gate of connection {c.source!r} -> {self.name!r}"
                _check_gate(c.gate, channels, timesteps, called)
        neuron = self.neuron
        threshold = neuron.threshold
        return replace(
            self,
            connections=tuple(
                replace(
                    c,
                    gain=wide(c.gain, "gain"),
                    bias=wide(c.bias, "bias"),
                    gate=c.gate and replace(c.gate, weights=wide(c.gate.weights, "gate weights")),
                )
                for c in self.connections
            ),
            neuron=replace(
                neuron,
                threshold=None if threshold is None else wide(threshold, "threshold"),
                v_reset=wide(neuron.v_reset, "v_reset"),
                rho=wide(neuron.rho, "rho"),
                v_init=wide(neuron.v_init, "v_init"),
            ),
        )


def _check_gate(gate: Gate, channels: int, timesteps: int, called: str) -> None:
    """Raise ValueError for a gate whose table is too short or that does not fit its channels."""
    if len(gate.table) < timesteps:
        raise ValueError(f"{called} has {len(gate.table)} rows of its table for {timesteps} steps")
    per_channel(gate.weights, channels, f"weights of {called}")
    if gate.offset.ndim and not gate.per_channel:
        raise ValueError(f"{called} has one total, so its offset must be one integer")
    per_channel(gate.offset, channels, f"offset of {called}")
