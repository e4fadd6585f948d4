"""Plan: what will be emitted of a network; everything about the hardware is computed here, once.

``plan(network, ..)`` chooses parallelism and block, and derives every width, depth and cycle from
them and from ``network.facts``. Cores, manifest, testbench and reports read the Plan.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from mapping import INPUT, Connection, Network, Population
from mapping.facts import Facts
from mapping.intervals import bits
from mapping.value import integer

from .answers import reading
from .cores import popcount, skipping
from .cores.buffer import Placing
from .cores.history import History
from .cores.matvec import Shape
from .cores.neuron import REVISIT, NeuronUnit, Order, Parameters, Widths, latency
from .cores.reading import Reading
from .numbers import history, parameters, raw_bits, signed_bits
from .streams import Blocks
from .structure import difference, stated
from .takes import TAKES
from .timing import Timing, timed

#: Outputs and inputs of a core a cycle unless told.
PE, SIMD = 8, 32
#: Outputs a cycle from which on weights are held as prefix parities.
CODED = 3
#: Elements of an output beat, at most.
OUTPUT = 64

#: Values of a population that ``network.facts`` bounds.
VALUES = ("drive", "scaled", "v", "state")

#: Signed bits by population and name, as of ``PlannedPopulation.bits``.
Bits = Mapping[str, Mapping[str, int]]
#: One number for all, one per population, or some of them by name.
Choice = int | Sequence[int] | Mapping[str, int] | None


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
        shape: of its matrix-vector unit.
    """

    source: int
    placing: Placing
    banks: int
    steps: int
    back: bool
    constant: bool
    shape: Shape

    @property
    def tokens(self) -> int:
        """Blocks of zeros that its buffer holds after a reset."""
        return int(self.back)

    @property
    def rom(self) -> tuple[int, int]:
        """Width and depth of the weights."""
        return self.shape.rom_bits, self.shape.rows

    @property
    def list(self) -> skipping.Words:
        """What its zero words are found by, where they are skipped."""
        s = self.shape
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

    @property
    def tiles(self) -> int:
        """Tiles of a block."""
        return -(-self.neurons // self.order.tile)

    @property
    def skips(self) -> bool:
        """Whether zero words of a connection are skipped."""
        return any(c.shape.skips for c in self.connections)

    def cycles(self, first: bool) -> int:
        """Cycles of a block, at full rate and at most; first: of a sample."""
        blocks = self.order.blocks
        return self.tiles * self.period * (blocks.chunks - (blocks.skipped if first else 0))

    @property
    def bits(self) -> dict[str, int]:
        """Signed bits of what differs from network to network: of values, then of columns."""
        return {name: getattr(self.widths, name) for name in VALUES} | self.memory

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

    def parameters(self, population: Population) -> Parameters:
        """Return the numbers of this population, or of another of the same structure."""
        sizes = [0 if c.shape.skips else c.shape.bits for c in self.connections]
        return parameters(population, sizes, self.memory, self.past)

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

    @property
    def skips(self) -> bool:
        """Whether zero words are skipped anywhere."""
        return any(p.skips for p in self.populations)

    @property
    def bound(self) -> bool:
        """Whether cycles depend on data, and all that are stated are the most."""
        return self.skips or (self.answer is not None and self.answer.stop)

    def readers(self, source: int) -> list[tuple[int, int]]:
        """Return population and connection of everyone who reads a source."""
        return [
            (k, j)
            for k, p in enumerate(self.populations)
            for j, c in enumerate(p.connections)
            if c.source == source
        ]


def chosen(value: Choice, names: Sequence[str], default: int, what: str) -> list[int]:
    """Return one number per population.

    Raises
    ------
        TypeError, ValueError: not positive, not one per population, or an unknown name.
    """
    if value is None:
        value = {}
    if isinstance(value, Mapping):
        unknown = [name for name in value if name not in names]
        if unknown:
            known = ", ".join(map(repr, names))
            raise ValueError(f"{what} is given for {unknown[0]!r}; the populations are {known}")
        given = [value.get(name, default) for name in names]
    elif isinstance(value, int) or not hasattr(value, "__len__"):
        given = [value] * len(names)
    else:
        given = list(value)
    if len(given) != len(names):
        raise ValueError(
            f"{what} must be one number or {len(names)} (one per population), not {len(given)}"
        )
    return [integer(number, what, 1, 4096) for number in given]


def plan(
    network: Network, pe: Choice = None, simd: Choice = None, lanes: Choice = None,
    block: int | None = None, parallel: int = 1, others: Sequence[Network] = (),
    loadable: bool | Bits = False, classes: bool = False, stop: bool = False,
    skip_zeros: bool | Sequence[str] = False,
) -> Plan:  # fmt: skip
    """Plan a network.

    Args:
        network: dense layers, joins, delays, connections back.
        pe, simd: outputs and inputs a cycle. lanes: neurons a cycle.
        block: timesteps of a block, B; 1 unless told. parallel: of them summed at once.
        others: networks of the same structure that the design must hold as well: it is loadable.
        loadable: whether everything that differs from network to network of the structure stands in
            memories that can be written. Its widths are those that the networks given need, or,
            where a mapping is given, those.
        skip_zeros: whether words of inputs that are zero are not read; or the names of the
            populations that do not. Cycles are then the most that there can be.
        classes: whether the read-out is computed on chip: a class and a score leave, a sample
            each, and no spikes. stop: the same, and a sample ends at its first output spike.

    Raises
    ------
        Unsupported: a node that is not emitted as RTL yet. ValueError: bad parallelism, or a
            network of another structure.
    """
    TAKES.refuse(network)
    for other in others:
        if (differs := difference(stated(network), other)) is not None:
            raise ValueError(f"networks that share a design have one structure: {differs}")
    if skip_zeros and (classes or stop):
        raise ValueError("skip_zeros does not go together with classes or stop yet")
    block = 1 if block is None else integer(block, "block", 1, network.timesteps)
    parallel = integer(parallel, "parallel", 1, block)
    blocks = Blocks(network.timesteps, block, parallel)
    names = [p.name for p in network.populations]
    sizes = [network.facts[name].shape[0] for name in names]
    pes = [min(n, size) for n, size in zip(chosen(pe, names, PE, "PE"), sizes, strict=True)]
    simds = chosen(simd, names, SIMD, "SIMD")
    laned = chosen(lanes, names, 1, "lanes")
    for k, (name, size) in enumerate(zip(names, sizes, strict=True)):
        if size % laned[k] or pes[k] % laned[k]:
            raise ValueError(
                f"lanes of {name!r} must divide its {size} neurons and its PE of {pes[k]}, and "
                f"{laned[k]} does not"
            )
    skips = skipped(skip_zeros, names, blocks)
    maker = _Maker(network, blocks, names, sizes, pes, simds, laned, skips, tuple(others), loadable)
    populations = tuple(maker.population(k) for k in range(len(names)))
    output = names.index(network.readout.source)
    leaves = maker.leaves(output, populations)
    answer = reading((network, *others), blocks, stop) if classes or stop else None
    made = Plan(
        network, blocks, maker.enter, maker.constant, populations, output, leaves, 2,
        Timing(0, 0, 0, (), 2), maker.loads, answer,
    )  # fmt: skip
    timing = timed(made)
    return replace(
        made,
        populations=tuple(
            replace(
                p,
                connections=tuple(
                    replace(c, banks=banks)
                    for c, banks in zip(p.connections, timing.banks[k], strict=True)
                ),
            )
            for k, p in enumerate(populations)
        ),
        output_banks=timing.output_banks,
        timing=timing,
    )


def skipped(value: bool | Sequence[str], names: Sequence[str], blocks: Blocks) -> list[bool]:
    """Return for each population whether it skips zero words.

    Raises
    ------
        TypeError, ValueError: neither a truth nor names, an unknown name, or blocks that are long.
    """
    if isinstance(value, bool):
        mine = [value] * len(names)
    elif isinstance(value, str) or not all(isinstance(name, str) for name in value):
        raise TypeError(f"skip_zeros must be true, false or names of populations, not {value!r}")
    else:
        unknown = [name for name in value if name not in names]
        if unknown:
            known = ", ".join(map(repr, names))
            raise ValueError(f"skip_zeros is given for {unknown[0]!r}; the populations are {known}")
        mine = [name in value for name in names]
    if any(mine) and blocks.block > 1:
        raise ValueError(
            "zero words are skipped timestep by timestep: skip_zeros needs a block of 1, not "
            f"{blocks.block}"
        )
    return mine


@dataclass(frozen=True)
class _Maker:
    """The choices for a network, and what follows from them population by population."""

    network: Network
    blocks: Blocks
    names: list[str]
    sizes: list[int]
    pes: list[int]
    simds: list[int]
    lanes: list[int]
    skips: list[bool]
    others: tuple[Network, ...]
    loadable: bool | Bits

    @property
    def loads(self) -> bool:
        """Whether the design is loadable."""
        return bool(self.loadable) or bool(self.others)

    @property
    def constant(self) -> bool:
        """Whether the input is one tensor for all timesteps."""
        return self.network.input.coding == "direct"

    @property
    def enter(self) -> Placing:
        """How the input is stored; all its readers share its words."""
        first = next(
            (
                k
                for k, p in enumerate(self.network.populations)
                for c in p.connections
                if c.source == INPUT
            ),
            0,
        )
        elements = math.prod(self.network.input.shape)
        simd = min(self.simds[first], elements)
        planes = self.network.input.span[1].bit_length()
        return Placing(elements, simd, planes, self._input_blocks(), simd)

    def _input_blocks(self) -> Blocks:
        return Blocks(1) if self.constant else self.blocks

    def population(self, k: int) -> PlannedPopulation:
        """Plan one population."""
        p = self.network.populations[k]
        shapes = [self._connection(k, c) for c in p.connections]
        # Connections in step are equally late; where words are skipped, sums are a cycle later.
        late = max(shape.registers + shape.skips for _, shape, _ in shapes)
        connections = tuple(
            PlannedConnection(
                source=self._source(c),
                placing=placing,
                banks=2,
                steps=steps,
                back=self._source(c) >= k,
                constant=self.constant and self._source(c) < 0,
                shape=replace(shape, registers=late - shape.skips),
            )
            for c, (placing, shape, steps) in zip(p.connections, shapes, strict=True)
        )
        tile, lanes, blocks = self.pes[k], self.lanes[k], self.blocks
        neurons = self.sizes[k]
        tiles = -(-neurons // tile)
        least = blocks.parallel * tile // lanes
        skips = any(c.shape.skips for c in connections)
        if skips:
            least = max(least, -(-skipping.APART // tiles))
        period = max(least, *(c.shape.cycles for c in connections))
        if blocks.block == 1:
            least = least if skips else period
            revisit = tiles * least
        elif blocks.parallel > 1:
            revisit = (neurons - (tiles - 1) * tile) // lanes
        else:
            period = least = revisit = max(period, REVISIT)
        facts = [n.facts[p.name] for n in (self.network, *self.others)]
        widths = Widths(
            raw=tuple(c.shape.raw_bits for c in connections),
            **{name: self._bits(p.name, name, facts) for name in VALUES},
            signed=tuple(c.shape.skips for c in connections) if skips else (),
        )
        # A Network's population has a connection from before it: that is never empty.
        forward = [j for j, c in enumerate(connections) if not c.back]
        leader = next((j for j in forward if not connections[j].constant), None)
        made = PlannedPopulation(
            name=p.name,
            shape=self.network.shapes[p.name],
            neurons=neurons,
            spiking=p.spiking,
            order=Order(neurons, lanes, tile, blocks, revisit),
            widths=widths,
            past=history(p.neuron, facts[0].spikes, self.network.timesteps),
            memory={},
            period=period,
            least=least if skips else period,
            leader=leader,
            latency=0,
            connections=connections,
        )
        if self.loads:
            made = replace(made, memory=self._memory(made))
        return replace(made, latency=latency(made.parameters(p), made.order))

    def _source(self, c: Connection) -> int:
        return -1 if c.source == INPUT else self.names.index(c.source)

    def _connection(self, k: int, c: Connection) -> tuple[Placing, Shape, int]:
        """Return how a connection's source is stored, its sums, and the steps of its delay."""
        source, blocks = self._source(c), self.blocks
        back = source >= k
        steps = c.delay
        if source < 0:
            placing = self.enter
            if steps and blocks.parallel > 1:
                raise ValueError(
                    f"population {self.names[k]!r} hears the input {steps} timesteps late, which "
                    "needs parallel = 1"
                )
        else:
            lanes, size = self.lanes[source], self.sizes[source]
            simd = min(-(-self.simds[k] // lanes) * lanes, size)
            if blocks.block == 1:
                placing = Placing(size, simd, 1, blocks, simd)
            else:
                granule = math.gcd(simd, self.pes[source])
                placing = Placing(size, simd, 1, blocks, granule, self.pes[source])
        if back:
            if blocks.block > steps or blocks.first != blocks.block:
                raise ValueError(
                    f"population {self.names[k]!r} hears {c.source!r} {steps} timesteps late by a "
                    f"connection back, so that a block must divide T = {blocks.timesteps} and "
                    f"hold at most {steps} timesteps, not {blocks.block}"
                )
            steps -= blocks.block
        skips = self.skips[k] and placing.words > 1
        shape = Shape(
            fan_in=placing.elements, neurons=self.sizes[k], bits=placing.bits, pe=self.pes[k],
            simd=placing.simd, steps=placing.blocks.parallel, lanes=self.lanes[k],
            raw_bits=(signed_bits if skips else raw_bits)(c.op, placing.bits),
            registers=popcount.stages(placing.simd),
            unused=unused(placing, source >= 0),
            coded=self.pes[k] >= CODED, skips=skips,
        )  # fmt: skip
        return placing, shape, steps

    def _bits(self, name: str, value: str, facts: list[Facts]) -> int:
        """Return the signed bits of one of VALUES."""
        if isinstance(self.loadable, Mapping):
            return self.loadable[name][value]
        return max(getattr(f, value).bits for f in facts)

    def _memory(self, made: PlannedPopulation) -> dict[str, int]:
        """Return the columns of a parameter memory, wide enough for every network."""
        if isinstance(self.loadable, Mapping):
            return {n: b for n, b in self.loadable[made.name].items() if n not in VALUES}
        columns: dict[str, int] = {}
        for network in (self.network, *self.others):
            for name, column in made.parameters(network[made.name]).columns().items():
                columns[name] = max(columns.get(name, 1), bits(min(column), max(column)))
        return columns

    def leaves(self, output: int, populations: tuple[PlannedPopulation, ...]) -> Placing:
        """Return how the output's beats come: spikes, or membranes where it never fires."""
        p = populations[output]
        lanes, size = p.order.lanes, p.neurons
        width = 1 if p.spiking else p.widths.v
        common = size if self.blocks.block == 1 else math.gcd(size, p.order.tile)
        wide = max(
            d for d in range(lanes, common + 1, lanes)
            if common % d == 0 and (d == lanes or d * width <= OUTPUT)
        )  # fmt: skip
        if self.blocks.block == 1:
            return Placing(size, wide, width, self.blocks, wide)
        return Placing(size, wide, width, self.blocks, wide, p.order.tile)


def positions(placing: Placing, gathered: bool) -> list[int]:
    """Return the bit (of elements of one bit) of each element within the words of a timestep.

    Gathered beats that are cut off hold their elements in their high bits; input beats, in the low
    ones.
    """
    place = []
    for element in range(placing.elements):
        beat, offset = divmod(element, placing.granule)
        here = min(placing.granule, placing.elements - beat * placing.granule)
        place.append(beat * placing.granule + offset + (placing.granule - here if gathered else 0))
    return place


def unused(placing: Placing, gathered: bool) -> tuple[int, ...]:
    """Return the bits of the last word in which no element stands."""
    start = (placing.words - 1) * placing.simd
    taken = {place - start for place in positions(placing, gathered)}
    return tuple(j for j in range(placing.simd) if j not in taken)


def label(plan: Plan, k: int, j: int) -> str:
    """Return how the parts of connection j into population k are called: k, or k_j."""
    return f"{k}_{j}" if len(plan.populations[k].connections) > 1 else str(k)
