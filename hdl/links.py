"""Links: of each connection, how its source is stored, in which order it is read, and its sums."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from mapping import INPUT, Connection, Network
from mapping.intervals import Interval, uniform

from .choices import CODED
from .cores import lane_shape, sums
from .cores.lane_shape import LaneShape
from .cores.matvec_shape import Shape, stages
from .cores.placing import Placing, unused
from .gates import counts
from .planned import PlannedConnection
from .sizes import Sizes, lanewise, mapped, near
from .streams import Blocks
from .sweeps import Sweep


@dataclass(frozen=True)
class Links:
    """The connections of a network whose sizes are chosen.

    ``bits`` gives the signed bits of a value, as of ``planned.VALUES``, of a population by name;
    ``signed``, whether its membranes may be negative. ``loads``: sums have the bits that any
    network of the structure needs, with values of these.
    """

    network: Network
    blocks: Blocks
    sizes: Sizes
    skips: tuple[bool, ...]
    bits: Callable[[str, str], int]
    signed: Callable[[str], bool]
    loads: bool

    @property
    def constant(self) -> bool:
        """Whether the input is one tensor for all timesteps."""
        return self.network.input.coding == "direct"

    @property
    def enter(self) -> Placing:
        """How a line of the input is stored; all its readers share its words."""
        elements = math.prod(self.network.input.shape) // self.sizes.rows
        planes = self.network.input.span[1].bit_length()
        blocks = Blocks(1) if self.constant else self.blocks
        return Placing(elements, self.sizes.enter, planes, blocks, self.sizes.enter)

    def of(self, k: int) -> tuple[PlannedConnection, ...]:
        """Return the connections into population k, in step: their sums are equally late."""
        found = [self._one(k, c) for c in self.network.populations[k].connections]
        late = max(c.shape.latency for c in found)
        return tuple(
            replace(c, shape=replace(c.shape, registers=c.shape.registers + late - c.shape.latency))
            for c in found
        )

    def runs(self, k: int) -> int:
        """Return how often a block is read: twice where a gate hears all of it first."""
        return 1 + counts(self.network.populations[k])

    def source(self, c: Connection) -> int:
        """Return the index of a connection's source, -1 for the input."""
        return -1 if c.source == INPUT else self.sizes.names.index(c.source)

    def _one(self, k: int, c: Connection) -> PlannedConnection:
        source, name = self.source(c), self.sizes.names[k]
        back = source >= k
        sweep, placing = self._stored(k, c, source)
        steps = c.delay
        if source < 0 and steps and self.blocks.parallel > 1:
            raise ValueError(
                f"population {name!r} hears the input {steps} timesteps late, which "
                "needs parallel = 1"
            )
        if back:
            steps -= self._back(name, c)
        shape = self._lanes(k, c, placing) if lanewise(self.network, name, c) else None
        made = PlannedConnection(
            source=source, placing=placing, banks=1, steps=steps, back=back,
            constant=self.constant and source < 0,
            shape=shape or self._sums(k, c, placing, sweep), sweep=sweep,
        )  # fmt: skip
        return replace(made, banks=max(made.least, made.tokens * made.lines))

    def _back(self, name: str, c: Connection) -> int:
        """Return the timesteps by which a connection back is late in any case: a block."""
        blocks = self.blocks
        if blocks.block > c.delay or blocks.first != blocks.block:
            raise ValueError(
                f"population {name!r} hears {c.source!r} {c.delay} timesteps late by a "
                f"connection back, so that a block must divide T = {blocks.timesteps} and "
                f"hold at most {c.delay} timesteps, not {blocks.block}"
            )
        return blocks.block

    def _stored(self, k: int, c: Connection, source: int) -> tuple[Sweep | None, Placing]:
        """Return the window that goes over a source, or None, and how its lines are stored."""
        channels, rows, cols = mapped(self.network, c.source)
        runs = self.runs(k)
        if c.op.window is None and rows == 1 and runs == 1:
            return None, self.enter if source < 0 else self._placing(k, source, channels * cols, 0)
        apart = channels * cols if c.op.window is None else channels  # of a place
        groups = c.op.groups_of(self.network.shapes[c.source])
        alone = lanewise(self.network, self.sizes.names[k], c)
        if source < 0:
            placing = self.enter
        elif alone:
            placing = self._placing(k, source, channels * cols, self.sizes.pe[k])
        else:
            step = self.sizes.lanes[source]
            most = near(apart // groups, self.sizes.simd[k], step)
            placing = self._placing(k, source, channels * cols, most)
        simd = placing.simd
        if c.op.window is None:
            line = apart // simd
            whole = Sweep((rows, 1), (1, 1), (rows, 1), column=line, seen=line, runs=runs)
            return whole, placing
        out = self.network.shapes[self.sizes.names[k]]
        places = (out[1], out[2]) if len(out) == 3 else (1, 1)
        tile = self.sizes.pe[k]
        seen = tile // simd if alone else channels // groups // simd
        turns = 1 if alone else out[0] // groups // tile
        window = c.op.window
        return Sweep(
            (rows, cols), places, tuple(window.kernel), window.stride, window.padding,
            window.dilation, channels // simd, seen, turns, runs,
        ), placing  # fmt: skip

    def _placing(self, k: int, source: int, elements: int, simd: int) -> Placing:
        """Return how a line of a population's output is stored; simd: of a word, 0 if any."""
        lanes, blocks = self.sizes.lanes[source], self.blocks
        p = self.network.populations[source]
        bits = 1 if p.spiking else max(1, self.bits(p.name, "v") - (not self.signed(p.name)))
        simd = simd or min(-(-self.sizes.simd[k] // lanes) * lanes, elements)
        if blocks.block == 1:
            return Placing(elements, simd, bits, blocks, simd)
        tile = self.sizes.pe[source]
        return Placing(elements, simd, bits, blocks, math.gcd(simd, tile), tile)

    def _sums(self, k: int, c: Connection, placing: Placing, sweep: Sweep | None) -> Shape:
        """Return the matrix-vector unit of a connection."""
        skips, signed = self.skips[k] and placing.words > 1, self._signed(c)
        if skips and sweep is not None:
            raise ValueError(
                f"population {self.sizes.names[k]!r} reads lines of a map, where zero words are "
                "not skipped yet"
            )
        if skips and (signed or c.op.bits > 1):
            raise ValueError(
                f"population {self.sizes.names[k]!r} reads {c.source!r} with weights of several "
                "bits, or its membranes, where zero words are not skipped: skip_zeros must leave "
                "it out"
            )
        flat, weight_bits = c.op.weights.reshape(len(c.op.weights), -1), c.op.bits
        return Shape(
            fan_in=placing.elements if sweep is None else sweep.words * placing.simd,
            neurons=self.sizes.channels[k], bits=placing.bits, pe=self.sizes.pe[k],
            simd=placing.simd, steps=placing.blocks.parallel, lanes=self.sizes.lanes[k],
            raw_bits=skips + (
                sums.most_bits(flat.shape[1], placing.bits, weight_bits) if self.loads
                else sums.raw_bits(flat, placing.bits, weight_bits, signed)
            ),
            registers=stages(placing.simd, weight_bits),
            unused=() if sweep else unused(placing, self.source(c) >= 0),
            coded=self.sizes.pe[k] >= CODED and weight_bits == 1, skips=skips,
            weight_bits=weight_bits, signed_x=signed,
        )  # fmt: skip

    def _signed(self, c: Connection) -> bool:
        """Return whether a source comes in two's complement: membranes that may be negative."""
        return c.source != INPUT and not self.network[c.source].spiking and self.signed(c.source)

    def _heard(self, c: Connection) -> Interval:
        """Return what a connection reads can be, of any network that the design holds."""
        channels = self.network.shapes[c.source][0]
        if c.source == INPUT:
            return uniform(*self.network.input.span, channels)
        if self.loads and self._signed(c):
            half = 1 << self.bits(c.source, "v") - 1
            return uniform(-half, half - 1, channels)
        return self.network.facts[c.source].out

    def _lanes(self, k: int, c: Connection, placing: Placing) -> LaneShape:
        """Return the lanewise unit of a connection."""
        network = self.network
        window = c.op.window
        assert window is not None
        return LaneShape(
            kind="sum" if c.op.linear else "max", taps=window.kernel[0] * window.kernel[1],
            neurons=self.sizes.channels[k], bits=placing.bits, pe=self.sizes.pe[k],
            simd=placing.simd, steps=placing.blocks.parallel, lanes=self.sizes.lanes[k],
            raw_bits=lane_shape.raw_bits(
                c.op, self._heard(c), network.shapes[c.source], self._signed(c), self.loads
            ),
            weight_bits=c.op.bits, signed_x=self._signed(c),
        )  # fmt: skip
