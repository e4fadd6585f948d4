"""The trained network: real numbers with explicit semantics, what every importer produces.

One timestep of one population::

    current_k = gate_k(norm_k(scale_k * acc_k + bias_k))     acc_k = op_k(source_k at t - delay_k)
    u         = v_rest + leak * (u - v_rest) + input_gain * sum_k current_k
    spike     = u >= threshold, or u > threshold             (compare)
    u         = v_reset where spike            (reset "zero"; "subtract": u - threshold)

With reset_delay 1 the reset comes with the next step's update: "subtract" takes the threshold off
after that step's leak; "zero" sets the membrane before it, which is the same as at once. Held
neurons and fire_by are as in ``mapping.network``. A population without a threshold outputs u
itself. Fields say ``leak``, the factor: a framework's ``tau = 2`` with ``v += (x - v) / tau`` is
leak 1/2.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from .graph import Graph
from .nodes import AnyNeuron, AnyPopulation, checked_edge
from .ops import Op
from .value import Value, choice, frozen, integer, per_channel, real, reals


@dataclass(frozen=True, eq=False, repr=False)
class Norm(Value):
    """Batch norm with fixed statistics: ``gamma * (x - mean) / sqrt(var + eps) + beta``.

    Attributes
    ----------
        gamma, beta, mean, var: (C,) float64; scalars are broadcast by TrainedNetwork.
        eps: float. The stored floats are the parameters, taken as exact rationals by fold.
    """

    gamma: np.ndarray
    beta: np.ndarray
    mean: np.ndarray
    var: np.ndarray
    eps: float = 1e-5

    def __post_init__(self) -> None:
        var, eps = reals(self.var, "var of a Norm"), real(self.eps, "eps of a Norm")
        if eps < 0 or (var + eps <= 0).any() or (var < 0).any():
            raise ValueError("var of a Norm must be at least 0, and var + eps positive")
        self.set(
            gamma=reals(self.gamma, "gamma of a Norm"),
            beta=reals(self.beta, "beta of a Norm"),
            mean=reals(self.mean, "mean of a Norm"),
            var=var,
            eps=eps,
        )


@dataclass(frozen=True, eq=False, repr=False)
class Table(Value):
    """A gate as hardware computes it, and as a network may be trained with it.

    The factor at timestep t is ``factors[t, clamp(floor(total))]``, where
    ``total = sum_c weights_c * (sum of acc_c over the map) + offset``.

    Attributes
    ----------
        weights: (C,) float64, of the acc of the trained network (before scale, bias and norm).
        offset: float64, or (C,) of them if the gate is per channel.
        factors: (T, bins) float64 within 0..1.
    """

    weights: np.ndarray
    offset: np.ndarray
    factors: np.ndarray

    def __post_init__(self) -> None:
        factors = np.asarray(self.factors)
        if factors.ndim != 2 or factors.dtype.kind != "f" or not factors.size:
            raise TypeError(f"factors of a gate's table must be (T, bins), not {factors.shape}")
        if not ((factors >= 0) & (factors <= 1)).all():
            raise ValueError("factors of a gate's table must lie within 0..1")
        self.set(
            weights=reals(self.weights, "weights of a gate's table"),
            offset=reals(self.offset, "offset of a gate's table"),
            factors=frozen(factors.astype(np.float64)),
        )


@dataclass(frozen=True, eq=False, repr=False)
class Gate(Value):
    """Adaptive gradient modulation: ``sigmoid(alpha[t] * mean(x)) * x``.

    Attributes
    ----------
        alpha: (T,) float64.
        per_channel: the mean runs over the map of each channel, not over the channels too.
        constant: (T,) float64 factors within 0..1 that stand in the sigmoid's place, or None
            (what ``train --tune constant-gates`` leaves).
        table: what else stands in its place, or None.
    """

    alpha: np.ndarray
    per_channel: bool = False
    constant: np.ndarray | None = None
    table: Table | None = None

    def __post_init__(self) -> None:
        constant = None if self.constant is None else reals(self.constant, "constant of a gate")
        if constant is not None and ((constant < 0) | (constant > 1)).any():
            raise ValueError("constant of a gate must lie within 0..1")
        alpha = reals(self.alpha, "alpha of a gate")
        if alpha.ndim != 1 or (constant is not None and constant.shape != alpha.shape):
            raise ValueError("alpha and constant of a gate must have one number per timestep")
        if self.table is not None:
            if not isinstance(self.table, Table):
                raise TypeError(f"table of a gate must be a Table or None, not {self.table!r}")
            if constant is not None or len(self.table.factors) != len(alpha):
                raise ValueError("a gate with a table has no constant, and as many rows as alphas")
        self.set(alpha=alpha, per_channel=bool(self.per_channel), constant=constant)


@dataclass(frozen=True, eq=False, repr=False)
class Connection(Value):
    """An edge: ``gate(norm(scale * op(source) + bias))``.

    Attributes
    ----------
        source: a population's name, or ``"input"``.
        op: Dense, Conv, Pool or Identity.
        scale, bias: (C,) float64, one per output channel; scalars broadcast by TrainedNetwork.
        norm, gate: or None.
        delay: whole timesteps.
    """

    source: str
    op: Op
    scale: np.ndarray = 1.0  # type: ignore[assignment]
    bias: np.ndarray = 0.0  # type: ignore[assignment]
    norm: Norm | None = None
    gate: Gate | None = None
    delay: int = 0

    def __post_init__(self) -> None:
        checked = checked_edge(self, Gate)
        if self.norm is not None and not isinstance(self.norm, Norm):
            raise TypeError(f"norm must be a Norm or None, not {self.norm!r}")
        self.set(
            **checked,
            scale=reals(self.scale, f"scale of the connection from {self.source!r}"),
            bias=reals(self.bias, f"bias of the connection from {self.source!r}"),
        )


@dataclass(frozen=True, eq=False, repr=False)
class Neuron(AnyNeuron):
    """Leak, threshold, compare and reset of a population.

    Attributes
    ----------
        leak: factor of the membrane in each step, 0 to 1.
        threshold: (C,) float64, or None for a population that never fires and outputs u.
        compare: ``">="`` or ``">"``.
        reset: ``"zero"`` (to v_reset), ``"subtract"`` (threshold) or ``"none"``.
        v_reset, v_rest, v_init: membrane after a spike, at rest, at the start of a sample.
        input_gain: factor of the summed current (1/tau where a framework decays its input).
        reset_delay: timesteps between a spike and its reset.
        max_spikes: spikes per sample after which u is held at v_reset, or None.
        refractory: timesteps for which u is held at v_reset after a spike.
        fire_by: timestep at which a neuron that has not fired yet does, or None.
    """

    leak: float = 1.0
    threshold: np.ndarray | None = None
    compare: str = ">="
    reset: str = "zero"
    v_reset: float = 0.0
    v_rest: float = 0.0
    v_init: float = 0.0
    input_gain: float = 1.0
    reset_delay: int = 0
    max_spikes: int | None = None
    refractory: int = 0
    fire_by: int | None = None

    def __post_init__(self) -> None:
        leak, gain = real(self.leak, "leak"), real(self.input_gain, "input_gain")
        if not 0 <= leak <= 1:
            raise ValueError(f"leak must be between 0 and 1 (it is the factor), not {leak}")
        if gain <= 0:
            raise ValueError(f"input_gain must be positive, not {gain}")
        self.set(
            **self.firing(),
            leak=leak,
            threshold=None if self.threshold is None else reals(self.threshold, "threshold"),
            compare=choice(self.compare, "compare", (">=", ">")),
            v_reset=real(self.v_reset, "v_reset"),
            v_rest=real(self.v_rest, "v_rest"),
            v_init=real(self.v_init, "v_init"),
            input_gain=gain,
            reset_delay=integer(self.reset_delay, "reset_delay", 0, 1),
        )


@dataclass(frozen=True, eq=False, repr=False)
class Population(AnyPopulation):
    """A named group of neurons with the connections that enter it."""

    connections: tuple[Connection, ...]
    neuron: Neuron

    connection_class: ClassVar[type] = Connection
    neuron_class: ClassVar[type] = Neuron
    called: ClassVar[str] = "trained"

    def fitted(self, channels: int, timesteps: int) -> Population:
        """Return it with one number per output channel; see ``AnyPopulation``."""

        def wide(array: np.ndarray, what: str) -> np.ndarray:
            return per_channel(array, channels, f"{what} of {self.name!r}")

        connections = []
        for c in self.connections:
            norm = c.norm
            if norm is not None:
                fields = ("gamma", "beta", "mean", "var")
                norm = replace(norm, **{f: wide(getattr(norm, f), f) for f in fields})
            gate = c.gate
            if gate is not None and len(gate.alpha) < timesteps:
                raise ValueError(
                    f"the gate of connection {c.source!r} -> {self.name!r} has "
                    f"{len(gate.alpha)} alphas for {timesteps} timesteps"
                )
            if gate is not None and gate.table is not None:
                table = gate.table
                offset = wide(table.offset, "gate offset") if gate.per_channel else table.offset
                if not gate.per_channel and offset.ndim:
                    raise ValueError(f"gate offset of {self.name!r} must be one number")
                weights = wide(table.weights, "gate weights")
                gate = replace(gate, table=replace(table, weights=weights, offset=offset))
            scale, bias = wide(c.scale, "scale"), wide(c.bias, "bias")
            connections.append(replace(c, gate=gate, scale=scale, bias=bias, norm=norm))
        neuron = self.neuron
        if neuron.threshold is not None:
            neuron = replace(neuron, threshold=wide(neuron.threshold, "threshold"))
        return replace(self, connections=tuple(connections), neuron=neuron)


@dataclass(frozen=True, eq=False, repr=False)
class TrainedNetwork(Graph):
    """A network as it was trained: real parameters, explicit semantics; see the module's head.

    Attributes
    ----------
        input, populations, readout: the graph, populations in an order in which they can run.
        timesteps: T it was trained with.

    Raises
    ------
        TypeError, ValueError: at construction, one sentence that names the field.
    """

    populations: tuple[Population, ...]

    population_class: ClassVar[type[AnyPopulation]] = Population

    def columns(self, population: Population) -> dict[str, Any]:
        """Return leak, threshold, reset and norm of a population."""
        neuron = population.neuron
        return {
            "leak": f"{neuron.leak:g}",
            "fires": f"u {neuron.compare} threshold" if population.spiking else "never",
            "reset": neuron.reset if population.spiking else None,
            "norm": "batch norm" if any(c.norm for c in population.connections) else None,
        }
