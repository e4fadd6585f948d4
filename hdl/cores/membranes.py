"""Membranes: what a neuron unit keeps of each neuron between timesteps, in a memory or registers.

A membrane that stands in a memory takes three cycles, for v, for the comparison and for what is
left after it, as a neuron does not come again within REVISIT cycles. In registers it takes one.
"""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.hdl import Array, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib.memory import Memory

from .buffer import UNCHECKED
from .counting import later
from .history import History
from .order import Order


@dataclass(frozen=True)
class Membranes:
    """The state of ``order.lanes`` neurons a row: membranes, and what their spikes left.

    Attributes
    ----------
        order: of the neurons. bits: of a membrane. history: what is kept beside it.
        init: what all membranes begin with, or None where they differ.
    """

    order: Order
    bits: int
    history: History
    init: int | None

    @property
    def lane_bits(self) -> int:
        """Bits of a neuron."""
        return self.bits + sum(self.history.fields.values())

    @property
    def row_bits(self) -> int:
        """Bits of a row."""
        return self.order.lanes * self.lane_bits

    @property
    def begun(self) -> bool:
        """Whether a row that is read holds v_init already where a sample starts.

        Its registers are set to it, without multiplexers.
        """
        return self.order.in_memory and self.init is not None

    def stored(
        self, m: Module, beat: dict[str, Value], flags: dict[str, Value], after: Signal,
        drive_at: int,
    ) -> Value:  # fmt: skip
        """Add them; return the row of the beat whose drive is there.

        Args:
            beat, flags: of a beat when it is selected, and when its drive is there.
            after: the row that is kept of a beat. drive_at: the stage of flags.
        """
        o = self.order
        place = "group" if o.blocks.whole else "index"
        if not o.in_memory:
            kept = [Signal(len(after), name=f"state_{k}", reset_less=True) for k in range(o.states)]
            stored = kept[0] if o.states == 1 else Array(kept)[flags[place]]
            with m.If(flags["valid"]):
                m.d.sync += stored.eq(after)
            return stored
        m.submodules.membranes = memory = Memory(
            shape=unsigned(len(after)), depth=o.states, init=[], attrs=UNCHECKED
        )
        read, write = memory.read_port(), memory.write_port()
        m.d.comb += [
            read.addr.eq(later(m, beat[place], drive_at - 2, "state_read")),
            write.addr.eq(later(m, flags[place], 2, "state_write")),
            write.data.eq(after),
            write.en.eq(later(m, flags["valid"], 2, "state_enable", reset=True)),
        ]
        state = Signal(len(after), name="state", reset_less=True)
        m.d.sync += state.eq(read.data)
        if self.init is not None:
            lane = self.init & ((1 << self.bits) - 1)
            row = sum(lane << k * self.lane_bits for k in range(o.lanes))
            with m.If(later(m, beat["starts"], drive_at - 1, "state_starts")):
                m.d.sync += state.eq(row)
        return state

    def read(
        self, m: Module, stored: Value, starts: Value, lane: int
    ) -> tuple[Value, dict[str, Value]]:
        """Return a lane's membrane, and what is kept of its spikes."""
        at = lane * self.lane_bits
        state = Signal(signed(self.bits), name=f"stored_{lane}")
        m.d.comb += state.eq(stored[at : at + self.bits])
        at += self.bits
        kept = {}
        for name, width in self.history.fields.items():
            kept[name] = Signal(width, name=f"{name}_{lane}")
            m.d.comb += kept[name].eq(Mux(starts, 0, stored[at : at + width]))
            at += width
        return state, kept
