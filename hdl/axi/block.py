"""Block: the registers of a network on AXI4-Lite; ``axi.registers`` says which."""

from __future__ import annotations

from collections.abc import Mapping

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..cores.rows import WORD
from .lite import Lite, ports
from .registers import ADDRESS, STICKY, registers

#: What is counted.
COUNTERS = ("samples_in", "samples_out", "cycles", "stalls_in", "stalls_out")
#: Of a word that is written to a network's memories: the register, and its marks.
WORDS = {"load_first": "first", "load_next": "", "load_last": "last"}


class RegisterBlock(wiring.Component):
    """Registers; a write takes effect in the cycle after it, a read shows the cycle of its address.

    Parameters
    ----------
    constants : by name, words that never change
    loadable : whether other networks can be written
    weights : CRC of the network with which the memories begin

    Members
    -------
    awvalid, .. : see ``axi.lite.ports``
    reset : the core is to be reset for this cycle
    by_last : where samples begin is told by TLAST alone
    open, waits, good, loading, room : of ``status``
    wrong : bits as of ``STICKY``: what has gone wrong in this cycle
    samples_in, .. : of ``COUNTERS``, in each cycle that counts
    put, data, first, last, done, crc : see ``axi.bridge``, and the core's ``w_crc``
    """

    def __init__(self, constants: Mapping[str, int], loadable: bool, weights: int = 0) -> None:
        self.constants, self.loadable, self.weights = dict(constants), loadable, weights
        super().__init__(
            {
                **ports(ADDRESS),
                "reset": Out(1), "by_last": Out(1),
                **{name: In(1) for name in ("open", "waits", "good", "loading", "room")},
                "wrong": In(len(STICKY)),
                **{name: In(1) for name in COUNTERS},
                "put": Out(1), "data": Out(WORD), "first": Out(1), "last": Out(1),
                "done": In(1), "crc": In(32),
            }
        )  # fmt: skip

    def elaborate(self, platform: object) -> Module:
        """Decode writes, count, and choose what is read."""
        m = Module()
        m.submodules.lite = lite = Lite(ADDRESS)
        for name, member in ports(ADDRESS).items():
            mine, its = getattr(self, name), getattr(lite, name)
            m.d.comb += its.eq(mine) if member.flow is In else mine.eq(its)
        table = {r.name: r for r in registers(self.loadable)}
        lands = {
            name: lite.writes & lite.whole & (lite.place == r.address >> 2)
            for name, r in table.items()
            if "w" in r.access
        }
        words = [name for name in WORDS if name in table]
        kept: list[Value] = [lands[name] for name in lands if name not in words]
        m.d.comb += lite.refused.eq(~Cat(*kept, *(lands[n] & self.room for n in words)).any())

        zero = Signal(name="zero")
        m.d.comb += zero.eq(lands["control"] & lite.word[1])
        m.d.sync += self.reset.eq(lands["control"] & lite.word[0])
        with m.If(lands["framing"]):
            m.d.sync += self.by_last.eq(lite.word[0])
        errors = Signal(len(STICKY), name="errors")
        cleared = Mux(lands["errors"], lite.word[: len(STICKY)], 0)
        m.d.sync += errors.eq((errors & ~cleared) | self.wrong)
        shown: dict[str, Value] = {
            "framing": self.by_last,
            "status": Cat(self.open, self.waits, self.good, self.loading, self.room),
            "errors": errors,
        }
        for name in COUNTERS:
            shown[name] = counter = Signal(32, name=f"{name}_count")
            m.d.sync += counter.eq(Mux(zero, 0, counter + getattr(self, name)))
        if self.loadable:
            # What the memories hold is not changed by a reset.
            crc = Signal(32, name="weights", init=self.weights, reset_less=True)
            with m.If(self.done):
                m.d.sync += crc.eq(self.crc)
            shown |= {"weights": Mux(self.good, crc, 0), "read_back": self.crc}
            m.d.comb += [
                self.put.eq(Cat(*(lands[name] for name in words)).any() & self.room),
                self.data.eq(lite.word),
                self.first.eq(lands["load_first"]),
                self.last.eq(lands["load_last"]),
            ]
        m.d.comb += lite.unknown.eq(1)
        with m.Switch(lite.asked):
            for name, r in table.items():
                value = shown.get(name, Const(self.constants.get(name, 0), 32))
                if r.access != "w":
                    with m.Case(r.address >> 2):
                        m.d.comb += [lite.answer.eq(value), lite.unknown.eq(0)]
        return m
