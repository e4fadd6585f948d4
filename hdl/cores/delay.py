"""Delay: the beats of a stream, some timesteps later."""

from __future__ import annotations

import operator

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ..streams import word
from .counting import count
from .placing import Placing


class Delay(wiring.Component):
    """For each beat sends that of the same elements ``steps`` timesteps ago, or zeros.

    Zeros stand for what came before the sample: its first ``steps`` timesteps get none of the
    sample before it, however short that was. Zeros make zero sums, as n_neg is taken off. One beat
    in makes one beat out at once, of the timestep that it belongs to: a delay holds nothing back.
    Latency: ``latency`` cycles.

    Parameters
    ----------
    placing : of the stream; a beat holds one timestep
    steps : timesteps

    Members
    -------
    i, o : :py:`stream.Signature(word(beat_bits), always_ready=True)`
    abort : as of a buffer
    """

    latency = 1

    def __init__(self, placing: Placing, steps: int) -> None:
        if operator.index(steps) < 1:
            raise ValueError(f"steps of a delay must be positive, not {steps!r}")
        if placing.tile is None and placing.blocks.parallel > 1:
            raise ValueError("a delay takes beats of one timestep")
        self.placing, self.steps = placing, steps
        layout = word(placing.beat_bits)
        super().__init__(
            {
                "i": In(stream.Signature(layout, always_ready=True)),
                "abort": In(1),
                "o": Out(stream.Signature(layout, always_ready=True)),
            }
        )

    @property
    def kept(self) -> int:
        """Beats of a timestep that are kept: of the tile at hand, where a sample is one block."""
        p = self.placing
        granules = -(-p.elements // p.granule)
        return min(p.turns, granules) if p.blocks.whole else granules

    @property
    def depth(self) -> int:
        """Rows of the memory."""
        return ((self.steps - 1) << (self.kept - 1).bit_length()) + self.kept

    def elaborate(self, platform: object) -> Module:
        """Keep a ring of timesteps; its old word comes out of a place as the new one goes in.

        A block comes tile by tile, each through all timesteps, so that the ring's place and the
        sample's age return at the beginning of a tile to where the block began.
        """
        m = Module()
        p, here = self.placing, self.i.valid
        granules = -(-p.elements // p.granule)
        turns = min(p.turns, granules)
        turn, end_turn = count(m, turns, here, "turn")
        granule: Value = Signal(range(granules), name="granule") if granules > 1 else Const(0, 1)
        turned, tiled = Signal(name="turned"), Signal(name="tiled")
        final = granule == granules - 1
        skipped = p.blocks.block - p.blocks.first
        position: Value = Const(0, 1)
        now: Value = position
        if p.blocks.block > 1:
            position = now = Signal(range(p.blocks.block), name="position")
            if skipped:
                now = Signal.like(position, name="position_now")
                m.d.comb += now.eq(Mux(self.i.p.first & (position == 0), skipped, position))
        m.d.comb += [
            turned.eq(end_turn | final),
            tiled.eq(turned & (now == p.blocks.block - 1)),
        ]
        slot, age = (
            Signal(range(max(2, self.steps)), name="slot"),
            Signal(range(self.steps + 1), name="age"),
        )
        slot_base, age_base = (Signal.like(x, name=f"{x.name}_base") for x in (slot, age))
        fresh = Signal(name="fresh", init=1)  # no timestep of this tile has come yet
        age_now = Signal.like(age, name="age_now")
        m.d.comb += age_now.eq(Mux(fresh & self.i.p.first, 0, age))
        after_slot = Mux(slot == self.steps - 1, 0, slot + 1)
        after_age = Mux(age_now == self.steps, age_now, age_now + 1)
        with m.If(here):
            if granules > 1:
                base = Signal.like(granule, name="granule_base")
                m.d.sync += granule.eq(granule + 1)
                with m.If(turned):
                    with m.If(tiled):
                        m.d.sync += [granule.eq(Mux(final, 0, granule + 1))]
                        m.d.sync += base.eq(Mux(final, 0, granule + 1))
                    with m.Else():
                        m.d.sync += granule.eq(base)
            with m.If(turned):
                if isinstance(turn, Signal):
                    m.d.sync += turn.eq(0)
                if isinstance(position, Signal):
                    m.d.sync += position.eq(Mux(tiled, 0, now + 1))
                m.d.sync += [slot.eq(after_slot), age.eq(after_age), fresh.eq(tiled)]
                with m.If(tiled & final):
                    m.d.sync += [slot_base.eq(after_slot), age_base.eq(after_age)]
                with m.Elif(tiled):
                    m.d.sync += [slot.eq(slot_base), age.eq(age_base)]
        with m.If(self.abort):
            if granules > 1:
                m.d.sync += [granule.eq(0), base.eq(0)]
            for counter in (turn, position):
                if isinstance(counter, Signal):
                    m.d.sync += counter.eq(0)
            m.d.sync += [slot.eq(slot_base), age.eq(age_base), fresh.eq(1)]

        m.submodules.ring = ring = Memory(
            shape=unsigned(p.beat_bits), depth=max(2, self.depth), init=[]
        )
        write, read = ring.write_port(), ring.read_port()
        low = (self.kept - 1).bit_length()
        high = (self.steps - 1).bit_length()
        row = turn if p.blocks.whole else granule
        place = Signal(max(1, low + high), name="place")
        silent = Signal(name="silent")
        m.d.comb += [
            place.eq(Cat(row[:low], slot[:high])),
            write.addr.eq(place),
            write.data.eq(self.i.p.data),
            write.en.eq(here),
            read.addr.eq(place),
            self.o.p.data.eq(Mux(silent, 0, read.data)),
        ]
        first, last = (Signal(name=n, reset_less=True) for n in ("first_late", "last_late"))
        m.d.sync += [
            self.o.valid.eq(here),
            first.eq(self.i.p.first),
            last.eq(self.i.p.last),
            silent.eq(age_now != self.steps),
        ]
        m.d.comb += [self.o.p.first.eq(first), self.o.p.last.eq(last)]
        return m
