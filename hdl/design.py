"""What is built of a network: one Layer per population, with its folding, widths and numbers.

A Layer is read off ``network.facts``; nothing here guesses a width. Several networks of one
structure can share a design whose widths hold for each of them and whose parameters stand in
memories, so that a simulation can write other numbers there (campaigns).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mapping import INPUT, Dense, Network, Neuron, Population
from mapping.intervals import bits
from mapping.value import integer

from .dense import DenseCore
from .history import History
from .packing import counts, n_neg, pack
from .population import Parameters, PopulationCore, Widths
from .takes import TAKES

#: Folding unless told: outputs and inputs that a core takes per cycle.
PE, SIMD = 8, 32

Folding = int | Sequence[int] | None


@dataclass(frozen=True)
class Edge:
    """One connection: where it reads, and its dense core.

    ``source`` is the index of a population, -1 for the input. ``tail`` is where the inputs of a
    last, partial word stand.
    """

    source: int
    delay: int
    op: Dense
    bits: int
    pe: int
    simd: int
    raw_bits: int

    @property
    def fan_in(self) -> int:
        """Inputs of a neuron."""
        return self.op.weights.shape[1]

    @property
    def tail(self) -> str:
        """Input words are filled from below, gathered spikes from above."""
        return "low" if self.source < 0 else "high"

    @property
    def words(self) -> int:
        """Words of inputs a timestep."""
        return -(-self.fan_in // self.simd)

    @property
    def rom_bits(self) -> int:
        """Bits of weights as stored, padding included."""
        groups, words = counts(self.op, self.pe, self.simd)
        return groups * words * self.pe * self.simd

    def rom(self, op: Dense) -> list[int]:
        """Return the weights of this connection, or of another of its shape, as ROM words."""
        return pack(op, self.pe, self.simd, self.tail)

    def dense(self) -> DenseCore:
        """Return the dense core."""
        return DenseCore(
            self.rom(self.op), fan_in=self.fan_in, neurons=self.op.weights.shape[0],
            bits=self.bits, pe=self.pe, simd=self.simd, raw_bits=self.raw_bits,
        )  # fmt: skip


@dataclass(frozen=True)
class Layer:
    """One population and the dense cores in front of it, one per connection, of one PE."""

    population: Population
    shape: tuple[int, ...]
    neurons: int
    pe: int
    edges: tuple[Edge, ...]
    widths: Widths
    memory: dict[str, int]
    past: History

    def dense(self) -> list[DenseCore]:
        """Return the dense cores."""
        return [edge.dense() for edge in self.edges]

    def core(self) -> PopulationCore:
        """Return the population core."""
        return PopulationCore(self.parameters(self.population), self.widths)

    def parameters(self, population: Population) -> Parameters:
        """Return the numbers of this population, or of another of the same structure."""
        return parameters(population, [e.bits for e in self.edges], self.memory, self.past)


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
    population: Population, input_bits: Sequence[int], memory: dict[str, int], past: History
) -> Parameters:
    """Return a population's numbers, biases and n_neg of all connections in one constant."""
    neuron, connections = population.neuron, population.connections
    merged = sum(
        c.bias - c.gain * ((1 << p) - 1) * n_neg(c.op)
        for c, p in zip(connections, input_bits, strict=True)
    )
    threshold = neuron.threshold
    return Parameters(
        neuron.num,
        neuron.q,
        tuple(c.gain.tolist() for c in connections),
        merged.tolist(),
        neuron.v_init.tolist(),
        None if threshold is None else threshold.tolist(),
        neuron.v_reset.tolist(),
        memory,
        neuron.reset,
        neuron.rho.tolist(),
        past,
    )


def raw_bits(op: Dense, planes: int) -> int:
    """Return the bits of the XNOR popcount sums of unsigned inputs, partial sums included.

    That is ``sum_b 2**b * popcount(xnor(x_b, w))``, b below ``planes``.
    """
    return (op.fan_in * ((1 << planes) - 1)).bit_length()


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

    All connections into a population have its PE, so that their sums come in the same groups, and
    its SIMD; those from the input have the first population's, as they share its words.

    Args:
        network: dense layers, joins, delays; no recurrence.
        pe, simd: outputs and inputs per cycle, one number or one per layer.
        others: networks of the same structure that the design must hold as well.

    Raises
    ------
        Unsupported: a node that is not emitted as RTL yet. ValueError: a bad folding.
    """
    TAKES.refuse(network)
    everyone = (network, *others)
    facts = [n.facts for n in everyone]
    populations = network.populations
    outs = [facts[0][p.name].shape[0] for p in populations]
    fans = [max(c.op.weights.shape[1] for c in p.connections) for p in populations]
    pes = folding(pe, len(outs), outs, PE, "PE")
    simds = folding(simd, len(fans), fans, SIMD, "SIMD")
    order = {INPUT: -1, **{p.name: k for k, p in enumerate(populations)}}
    plan = []
    for k, p in enumerate(populations):
        mine = [f[p.name] for f in facts]
        edges = []
        for c in p.connections:
            source = order[c.source]
            planes = network.input.span[1].bit_length() if source < 0 else 1
            edges.append(
                Edge(
                    source=source,
                    delay=c.delay,
                    op=c.op,
                    bits=planes,
                    pe=pes[k],
                    simd=min(simds[0 if source < 0 else k], c.op.weights.shape[1]),
                    raw_bits=raw_bits(c.op, planes),
                )
            )
        widths = Widths(
            raw=tuple(edge.raw_bits for edge in edges),
            drive=max(f.drive.bits for f in mine),
            scaled=max(f.scaled.bits for f in mine),
            v=max(f.v.bits for f in mine),
            state=max(f.state.bits for f in mine),
        )
        past = history(p.neuron, mine[0].spikes, network.timesteps)
        plain = Layer(p, mine[0].shape, outs[k], pes[k], tuple(edges), widths, {}, past)
        memory = _memory(plain, [n[p.name] for n in everyone]) if others else {}
        plan.append(replace(plain, memory=memory))
    return plan


def _memory(layer: Layer, populations: list[Population]) -> dict[str, int]:
    """Return the columns of a shared design's parameter ROM, wide enough for every network."""
    columns: dict[str, int] = {}
    for population in populations:
        for name, column in layer.parameters(population).columns().items():
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
                tuple((c.source, c.delay, c.op.weights.shape) for c in p.connections),
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
