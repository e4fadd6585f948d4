"""Plan: what will be emitted of a network; everything about the hardware is computed here, once.

``plan(network, ..)`` chooses parallelism and block, and derives every width, depth and cycle from
them and from ``network.facts``. Cores, manifest, testbench and reports read the Plan.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from mapping import INPUT, Connection, Network
from mapping.facts import Facts
from mapping.intervals import bits
from mapping.value import integer

from .answers import reading
from .choices import PE, SIMD, Choice, chosen, skipped
from .cores import popcount, skipping
from .cores.buffer import Placing
from .cores.history import remembers
from .cores.matvec import Shape
from .cores.neuron import REVISIT, Order, Widths, latency
from .numbers import history, raw_bits, signed_bits
from .planned import VALUES, Bits, Plan, PlannedConnection, PlannedPopulation, unused
from .streams import Blocks
from .structure import difference, stated
from .takes import TAKES
from .timing import Timing, timed

#: Outputs a cycle from which on weights are held as prefix parities.
CODED = 3
#: Elements of an output beat, at most.
OUTPUT = 64


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
        past = history(p.neuron, facts[0].spikes, self.network.timesteps)
        made = PlannedPopulation(
            name=p.name,
            shape=self.network.shapes[p.name],
            neurons=neurons,
            spiking=p.spiking,
            order=Order(
                neurons, lanes, tile, blocks, revisit, remembers=remembers(p.neuron.num, past)
            ),
            widths=widths,
            past=past,
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
