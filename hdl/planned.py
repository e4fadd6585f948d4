"""Planned: the values of a plan, with every width, depth and cycle; ``hdl.plan`` makes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from mapping import Network, Population

from .cores import skipping
from .cores.gate import GateWidths, Gating
from .cores.history import History
from .cores.lane_shape import LaneShape
from .cores.lines import LineBuffer
from .cores.matvec_shape import Shape
from .cores.neuron import NeuronUnit, Order, Parameters, Widths
from .cores.placing import Placing
from .cores.reading import Reading
from .gates import gating
from .numbers import parameters
from .streams import Blocks
from .sweeps import Sweep
from .timing import Timing

#: Values of a population that ``network.facts`` bounds.
VALUES = ("drive", "scaled", "v", "state")

#: Signed bits by population and name, as of ``PlannedPopulation.bits``.
Bits = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True)
class PlannedConnection:
    """One connection: its way from its source, and its matrix-vector unit.

    Attributes
    ----------
        source: index of the population that it reads, -1 for the input.
        placing: how what comes is stored. banks: blocks that its buffer holds.
        steps: timesteps by which it is late: of its delay core, 0 without one; where it is
            constant, the timesteps of a sample in which it is silent.
        back: whether it is a connection back, which reads the block before.
        constant: whether a block of its source holds for the whole sample.
        shape: of its matrix-vector unit, or of its lanewise unit.
        sweep: how it reads the lines of a map; None: blocks, word by word. placing and banks are
            then of a line.
    """

    source: int
    placing: Placing
    banks: int
    steps: int
    back: bool
    constant: bool
    shape: Shape | LaneShape
    sweep: Sweep | None = None

    @property
    def lines(self) -> int:
        """Lines of a block of its source."""
        return self.sweep.source[0] if self.sweep else 1

    @property
    def needs(self) -> tuple[int, ...]:
        """Of each line that is read of a block, the lines of the source that must be there."""
        return self.sweep.needs if self.sweep else (1,)

    @property
    def freed_by(self) -> tuple[int, ...]:
        """Of each line of the source, the last line that is read which needs it."""
        if self.sweep is None:
            return (0,)
        done = self.sweep.done
        return tuple(next(y for y, n in enumerate(done) if n > row) for row in range(self.lines))

    @property
    def least(self) -> int:
        """Banks without which it cannot run at all."""
        if self.sweep is None:
            return 1
        return self.sweep.source[0] if self.constant else self.sweep.most

    @property
    def stream(self) -> Placing:
        """How a whole block of its source comes."""
        return replace(self.placing, elements=self.placing.elements * self.lines)

    @property
    def depth(self) -> int:
        """Rows of each memory of its buffer."""
        if self.sweep is None:
            return self.placing.depth(self.banks)
        return LineBuffer.depth(self.placing, self.sweep, self.banks)

    @property
    def tokens(self) -> int:
        """Blocks of zeros that its buffer holds after a reset."""
        return int(self.back)

    @property
    def rom(self) -> tuple[int, int]:
        """Width and depth of the weights; 0 rows where there are none."""
        return self.shape.rom_bits, self.shape.rows

    @property
    def words(self) -> int:
        """Words of a pass, of one bit plane."""
        return self.placing.words if self.sweep is None else self.sweep.words

    @property
    def list(self) -> skipping.Words:
        """What its zero words are found by, where they are skipped."""
        s = self.shape
        assert isinstance(s, Shape)
        return skipping.Words(s.words, s.simd, s.bits, s.unused)


@dataclass(frozen=True)
class PlannedPopulation:
    """One population: its connections in step, and its neuron unit.

    Attributes
    ----------
        period: cycles of a pass: a tile of ``order.tile`` neurons, ``blocks.parallel`` timesteps.
            Where zero words are skipped it is the most. least: the fewest.
        leader: index of the connection that says where samples begin, or None.
        memory: columns of the parameter ROM that are kept even if uniform, with their widths.
        latency: of its neuron unit.
        totals: signed bits of the totals of its gates, by connection.
    """

    name: str
    shape: tuple[int, ...]
    neurons: int
    spiking: bool
    order: Order
    widths: Widths
    past: History
    memory: dict[str, int]
    period: int
    least: int
    leader: int | None
    latency: int
    connections: tuple[PlannedConnection, ...]
    totals: Mapping[int, int] = field(default_factory=dict)

    @property
    def lines(self) -> int:
        """Rows of its map; 1 of a vector."""
        return self.shape[1] if len(self.shape) == 3 else 1

    @property
    def runs(self) -> int:
        """How often a block is read: twice where a gate hears all of it first."""
        return max((c.sweep.runs for c in self.connections if c.sweep), default=1)

    @property
    def rounds(self) -> int:
        """Lines that are read of a block, of all runs; the last run is sent."""
        return self.runs * self.lines

    @property
    def places(self) -> int:
        """Places of a line: columns of its map."""
        return self.shape[2] if len(self.shape) == 3 else 1

    @property
    def tiles(self) -> int:
        """Tiles of a block."""
        return -(-self.neurons // self.order.tile)

    @property
    def swept(self) -> bool:
        """Whether a connection reads by lines."""
        return any(c.sweep is not None for c in self.connections)

    @property
    def skips(self) -> bool:
        """Whether zero words of a connection are skipped."""
        return any(c.shape.skips for c in self.connections)

    def line_cycles(self, first: bool) -> int:
        """Cycles of a line, at full rate and at most; first: of a sample's first block.

        A vector is a line.
        """
        blocks = self.order.blocks
        tiles = self.tiles // self.lines
        return tiles * self.period * (blocks.chunks - (blocks.skipped if first else 0))

    def cycles(self, first: bool) -> int:
        """Cycles of a block, at full rate and at most; first: of a sample."""
        return self.rounds * self.line_cycles(first)

    @property
    def bits(self) -> dict[str, int]:
        """Signed bits of what differs from network to network: of values, then of columns."""
        values = {name: getattr(self.widths, name) for name in VALUES}
        return values | self.widths.currents | self.memory

    @property
    def trace(self) -> dict[str, int]:
        """Ports of its trace, and their bits.

        ``index`` is the row of ``lanes`` neurons, ``starts`` set in a sample's first timestep,
        ``v`` the membranes before reset.
        """
        lanes = self.order.lanes
        index = max(1, (self.order.rows - 1).bit_length())
        spike = {"spike": lanes} if self.spiking else {}
        return {"valid": 1, "index": index, "starts": 1, "v": lanes * self.widths.v, **spike}

    @property
    def gates(self) -> dict[int, GateWidths]:
        """Widths of the gates of its connections, by number; those that differ at all."""
        return {
            j: GateWidths(
                self.widths.raw[j], self.connections[j].shape.signed, self.totals[j], bits
            )
            for j, bits in self.widths.gates.items()
        }

    def parameters(self, population: Population) -> Parameters:
        """Return the numbers of this population, or of another of the same structure."""
        lacks = [
            c.shape.lack(connection.op)
            for c, connection in zip(self.connections, population.connections, strict=True)
        ]
        return parameters(population, lacks, self.memory, self.past)

    def unit(self, population: Population) -> NeuronUnit:
        """Return its neuron unit, with the numbers of a population."""
        return NeuronUnit(self.parameters(population), self.widths, self.order)


@dataclass(frozen=True)
class Plan:
    """A network as hardware.

    Attributes
    ----------
        network: that it was made for. blocks: how timesteps come.
        enter: how input beats are stored; constant: whether the input holds for a sample.
        rows: lines in which the input comes; enter is then of a line.
        output: index of the population whose output leaves. leaves: how its beats come.
        timing: when blocks begin, and what follows from it.
        loadable: whether other networks of its structure can be written into its memories.
        answer: what is read on chip, and leaves in place of the output; None: the output leaves.
    """

    network: Network
    blocks: Blocks
    enter: Placing
    constant: bool
    populations: tuple[PlannedPopulation, ...]
    output: int
    leaves: Placing
    output_banks: int
    timing: Timing
    loadable: bool
    answer: Reading | None = None
    rows: int = 1

    @property
    def skips(self) -> bool:
        """Whether zero words are skipped anywhere."""
        return any(p.skips for p in self.populations)

    @property
    def bound(self) -> bool:
        """Whether cycles depend on data, and all that are stated are the most."""
        return self.skips or (self.answer is not None and self.answer.stop)

    @property
    def fills(self) -> bool:
        """Whether lines of the input go on before their block is whole (``cores.line_entry``)."""
        return any(self.populations[k].connections[j].sweep for k, j in self.readers(-1))

    def gating(self, network: Network, k: int, j: int) -> Gating:
        """Return the numbers of the gate of connection j into population k of a network."""
        p = self.populations[k]
        c = network.populations[k].connections[j]
        lack = p.connections[j].shape.lack(c.op)
        return gating(c, lack, p.lines * p.places, {})

    def readers(self, source: int) -> list[tuple[int, int]]:
        """Return population and connection of everyone who reads a source."""
        return [
            (k, j)
            for k, p in enumerate(self.populations)
            for j, c in enumerate(p.connections)
            if c.source == source
        ]


def label(plan: Plan, k: int, j: int) -> str:
    """Return how the parts of connection j into population k are called: k, or k_j."""
    return f"{k}_{j}" if len(plan.populations[k].connections) > 1 else str(k)
