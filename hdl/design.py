"""What is built of a network: one Layer per population, with its folding, widths and numbers.

A Layer is read off ``network.facts``; nothing here guesses a width. Several networks of one
structure can share a design whose widths hold for each of them and whose parameters stand in
memories, so that a simulation can write other numbers there (campaigns).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mapping import INPUT, Network, Neuron, Population, Unsupported
from mapping.intervals import bits, n_neg
from mapping.kinds import refuse_beyond_dense
from mapping.value import integer

from .dense import DenseCore
from .history import History
from .packing import counts, pack
from .population import Parameters, PopulationCore, Widths

#: Folding unless told: outputs and inputs that a core takes per cycle.
PE, SIMD = 8, 32

Folding = int | Sequence[int] | None


@dataclass(frozen=True)
class Layer:
    """One population and the dense core in front of it."""

    population: Population
    shape: tuple[int, ...]
    fan_in: int
    neurons: int
    bits: int
    pe: int
    simd: int
    tail: str
    widths: Widths
    memory: dict[str, int]
    past: History

    def dense(self) -> DenseCore:
        """Return the dense core."""
        return DenseCore(
            pack(self.population.connections[0].op, self.pe, self.simd, self.tail),
            fan_in=self.fan_in, neurons=self.neurons, bits=self.bits, pe=self.pe, simd=self.simd,
            raw_bits=self.widths.raw[0],
        )  # fmt: skip

    def core(self) -> PopulationCore:
        """Return the population core."""
        return PopulationCore(self.parameters(self.population), self.widths)

    def parameters(self, population: Population) -> Parameters:
        """Return the numbers of this population, or of another of the same structure."""
        return parameters(population, self.bits, self.memory, self.past)

    @property
    def rom_bits(self) -> int:
        """Bits of weights as stored, padding included."""
        groups, words = counts(self.population.connections[0].op, self.pe, self.simd)
        return groups * words * self.pe * self.simd


def history(neuron: Neuron, spikes: int, timesteps: int) -> History:
    """Return what its spikes can leave behind within a sample.

    Args:
        spikes: the most that one neuron sends (``Facts.spikes``). timesteps: of a sample, at most.
    """
    if neuron.threshold is None:
        return History()
    limit, by = neuron.max_spikes, neuron.fire_by
    return History(
        None if limit is None or limit > spikes else limit,
        min(neuron.refractory, timesteps - 1),
        None if by is None or by >= timesteps else by,
    )


def parameters(
    population: Population, input_bits: int, memory: dict[str, int], past: History
) -> Parameters:
    """Return a population's numbers, biases and n_neg merged into one constant."""
    neuron, (connection,) = population.neuron, population.connections
    planes = (1 << input_bits) - 1
    merged = connection.bias - connection.gain * planes * n_neg(connection.op)
    threshold = neuron.threshold
    return Parameters(
        neuron.num,
        neuron.q,
        (connection.gain.tolist(),),
        merged.tolist(),
        neuron.v_init.tolist(),
        None if threshold is None else threshold.tolist(),
        neuron.v_reset.tolist(),
        memory,
        neuron.reset,
        neuron.rho.tolist(),
        past,
    )


def refuse_unsupported(network: Network) -> None:
    """Raise Unsupported, naming the first population that is no link of a chain of dense layers."""
    refuse_beyond_dense(network, "RTL")
    previous = INPUT
    for population in network.populations:
        where = f"population {population.name!r}"
        if len(population.connections) > 1:
            raise Unsupported(f"{where}: several connections (a join) are not emitted as RTL yet")
        connection = population.connections[0]
        if connection.delay:
            raise Unsupported(f"{where}: a delayed connection is not emitted as RTL yet")
        if connection.source != previous:
            raise Unsupported(
                f"{where}: it reads {connection.source!r}, not {previous!r} before it: only "
                "chains are emitted as RTL yet"
            )
        previous = population.name


def folding(value: Folding, count: int, sizes: list[int], default: int, what: str) -> list[int]:
    """Return one PE or SIMD per layer, none larger than the layer.

    Raises
    ------
        TypeError, ValueError: not positive, or not one number per layer.
    """
    if value is None:
        value = default
    given = list(value) if isinstance(value, (list, tuple, np.ndarray)) else [value] * count
    if len(given) != count:
        raise ValueError(f"{what} must be one number or {count} (one per layer), not {len(given)}")
    return [min(integer(one, what, 1, 4096), size) for one, size in zip(given, sizes, strict=True)]


def layers(
    network: Network, pe: Folding = None, simd: Folding = None, others: Sequence[Network] = ()
) -> list[Layer]:
    """Plan a network's layers.

    Args:
        network: a chain of dense layers.
        pe, simd: outputs and inputs per cycle, one number or one per layer.
        others: networks of the same structure that the design must hold as well.

    Raises
    ------
        Unsupported: a node that is not emitted as RTL yet. ValueError: a bad folding.
    """
    refuse_unsupported(network)
    facts = [n.facts for n in (network, *others)]
    shared = bool(others)
    ops = [p.connections[0].op for p in network.populations]
    pes = folding(pe, len(ops), [op.weights.shape[0] for op in ops], PE, "PE")
    simds = folding(simd, len(ops), [op.weights.shape[1] for op in ops], SIMD, "SIMD")
    plan = []
    for k, p in enumerate(network.populations):
        mine = [f[p.name] for f in facts]
        source_bits = network.input.span[1].bit_length() if k == 0 else 1
        widths = Widths(
            raw=(max(max(1, f.raw[0][1].bit_length()) for f in mine),),
            drive=max(f.drive.bits for f in mine),
            scaled=max(f.scaled.bits for f in mine),
            v=max(f.v.bits for f in mine),
            state=max(f.state.bits for f in mine),
        )
        past = history(p.neuron, mine[0].spikes, network.timesteps)
        plan.append(
            Layer(
                population=p,
                shape=mine[0].shape,
                fan_in=ops[k].weights.shape[1],
                neurons=ops[k].weights.shape[0],
                bits=source_bits,
                pe=pes[k],
                simd=simds[k],
                tail="low" if k == 0 else "high",
                widths=widths,
                memory=_memory([n[p.name] for n in (network, *others)], source_bits, past)
                if shared
                else {},
                past=past,
            )
        )
    return plan


def _memory(populations: list[Population], input_bits: int, past: History) -> dict[str, int]:
    """Return the columns of a shared design's parameter ROM, wide enough for every network."""
    columns: dict[str, int] = {}
    for population in populations:
        for name, column in parameters(population, input_bits, {}, past).columns().items():
            columns[name] = max(columns.get(name, 1), bits(min(column), max(column)))
    return columns


def structure(network: Network) -> tuple[object, ...]:
    """Return what networks must have in common to share a design."""
    return (
        network.input.shape,
        network.input.span,
        network.timesteps,
        tuple(
            (
                p.name,
                p.connections[0].op.weights.shape,
                p.neuron.num,
                p.neuron.q,
                p.spiking,
                (p.neuron.reset, p.neuron.max_spikes, p.neuron.refractory, p.neuron.fire_by)
                if p.spiking
                else None,
            )
            for p in network.populations
        ),
    )
