"""Maker: populations of a plan, from the sizes that are chosen: orders, cycles and widths."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from mapping import Network
from mapping.intervals import bits

from .cores import skipping
from .cores.history import History, remembers
from .cores.neuron import latency
from .cores.order import REVISIT, Order
from .cores.parameters import Widths, current
from .cores.placing import Placing
from .gates import counts, fixed, gate_bits
from .links import Links
from .numbers import history, term
from .planned import VALUES, Bits, PlannedConnection, PlannedPopulation
from .sizes import Sizes
from .streams import Blocks

#: Cycles between the last beat that a gate hears and the first that it tells, at least
#: (``GateUnit.gap``).
GAP = 4
#: Elements of an output beat, at most.
OUTPUT = 64


@dataclass(frozen=True)
class Maker:
    """The choices for a network, and what follows from them population by population."""

    network: Network
    blocks: Blocks
    sizes: Sizes
    skips: tuple[bool, ...]
    others: tuple[Network, ...]
    loadable: bool | Bits

    @property
    def links(self) -> Links:
        """What its connections follow from."""
        chosen = (self.network, self.blocks, self.sizes, self.skips)
        return Links(*chosen, self._bits, self._signed, self.loads)

    @property
    def loads(self) -> bool:
        """Whether the design is loadable."""
        return bool(self.loadable) or bool(self.others)

    def population(self, k: int) -> PlannedPopulation:
        """Plan one population."""
        p = self.network.populations[k]
        connections = self.links.of(k)
        facts = self.network.facts[p.name]
        past = history(p.neuron, facts.spikes, self.network.timesteps)
        period, least, order = self._order(k, connections, past)
        signs = tuple(c.shape.signed for c in connections)
        widths = Widths(
            raw=tuple(c.shape.raw_bits for c in connections),
            **{name: self._bits(p.name, name) for name in VALUES},
            signed=signs if any(signs) else (),
            gates={
                j: gate_bits(c.gate)
                for j, c in enumerate(p.connections)
                if c.gate is not None and fixed(c.gate) is None
            },
            terms={
                j: self._current(p.name, j)
                for j, c in enumerate(p.connections)
                if c.shift or (c.gate is not None and fixed(c.gate) is None)
            },
        )
        # A Network's population has a connection from before it: that is never empty.
        forward = [j for j, c in enumerate(connections) if not c.back]
        leader = next((j for j in forward if not connections[j].constant), None)
        made = PlannedPopulation(
            name=p.name,
            shape=self.network.shapes[p.name],
            neurons=order.neurons,
            spiking=p.spiking,
            order=order,
            widths=widths,
            past=past,
            memory={},
            period=period,
            least=least,
            leader=leader,
            latency=0,
            connections=connections,
            totals={j: total.bits for j, total in enumerate(facts.totals) if total is not None},
        )
        if self.loads:
            made = replace(made, memory=self._memory(made))
        return replace(made, latency=latency(made.parameters(p), made.order))

    def _order(
        self, k: int, connections: tuple[PlannedConnection, ...], past: History
    ) -> tuple[int, int, Order]:
        """Return the cycles of a pass, the fewest of them, and how neurons are taken."""
        tile, lanes, blocks = self.sizes.pe[k], self.sizes.lanes[k], self.blocks
        neurons = math.prod(self.network.shapes[self.sizes.names[k]])
        tiles = -(-neurons // tile)
        least = blocks.parallel * tile // lanes
        skips = any(c.shape.skips for c in connections)
        if skips:
            least = max(least, -(-skipping.APART // tiles))
        period = max(least, *(c.shape.cycles for c in connections))
        if counts(self.network.populations[k]):  # of the last beats heard, before any is used
            period = max(period, blocks.parallel * tile // lanes + GAP)
        if blocks.block == 1:
            least = least if skips else period
            revisit = tiles * least
        elif blocks.parallel > 1:
            revisit = (neurons - (tiles - 1) * tile) // lanes
        else:
            period = least = revisit = max(period, REVISIT)
        channels = self.sizes.channels[k]
        order = Order(
            neurons, lanes, tile, blocks, revisit, None if channels == neurons else channels,
            remembers(self.network.populations[k].neuron.num, past),
        )  # fmt: skip
        return period, least if skips else period, order

    def _bits(self, name: str, value: str) -> int:
        """Return the signed bits of one of VALUES."""
        if isinstance(self.loadable, Mapping):
            return self.loadable[name][value]
        networks = (self.network, *self.others)
        return max(getattr(n.facts[name], value).bits for n in networks)

    def _current(self, name: str, j: int) -> int:
        """Return the signed bits of the current of a connection that stands apart."""
        if isinstance(self.loadable, Mapping):
            return self.loadable[name][current(j)]
        networks = (self.network, *self.others)
        return max(bits(*term(n[name].connections[j], n.facts[name].acc[j])) for n in networks)

    def _signed(self, name: str) -> bool:
        """Return whether membranes may be negative; of what is written later, they always may."""
        return self.loads or self.network.facts[name].v.span[0] < 0

    def _memory(self, made: PlannedPopulation) -> dict[str, int]:
        """Return the columns of a parameter memory, wide enough for every network."""
        if isinstance(self.loadable, Mapping):
            given = self.loadable[made.name]
            return {n: b for n, b in given.items() if n not in (*VALUES, *made.widths.currents)}
        columns: dict[str, int] = {}
        for network in (self.network, *self.others):
            for name, column in made.parameters(network[made.name]).columns().items():
                columns[name] = max(columns.get(name, 1), bits(min(column), max(column)))
        return columns

    def leaves(self, p: PlannedPopulation) -> Placing:
        """Return how the output's beats come: spikes, or membranes where it never fires."""
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
