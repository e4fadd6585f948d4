"""UART: bytes on two wires, 8 bits, no parity, one stop bit; the first adapter of a link.

An adapter turns whatever a board has into two streams of bytes, ``rx`` and ``tx``; ``Endpoint``
knows nothing else of it. Another one (USB, Ethernet, an AXI FIFO) is another file with these two
members.
"""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Array, Cat, Const, Module, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

#: Bits of a byte on the wire: start, eight, the lowest first, and stop.
BITS = 10
#: Cycles of a bit, at least: with fewer, the receiver cannot find the middle of a bit.
LEAST = 4


def check(clock: int, baud: int) -> None:
    """Refuse a rate that the clock does not allow.

    Raises
    ------
        ValueError: a bit would take fewer than LEAST cycles, or a rate is not above 0.
    """
    if min(clock, baud) < 1 or clock < LEAST * baud:
        raise ValueError(
            f"{baud:,} baud needs a clock of {LEAST * max(baud, 1):,} Hz at least, not {clock:,}"
        )


def edges(clock: int, baud: int, half: bool = False) -> list[int]:
    """Return the cycles in which the bits of a byte begin; half: their middles.

    The nearest cycle of each, so that no error adds up, whatever baud does to the clock.
    """
    return [(2 * clock * (2 * k + half) + 2 * baud) // (4 * baud) for k in range(BITS + 1)]


def byte_cycles(clock: int, baud: int) -> int:
    """Return the cycles that a byte takes on the wire, rounded up."""
    check(clock, baud)
    return -(-BITS * clock // baud)


def _gaps(places: Sequence[int]) -> list[int]:
    return [b - a for a, b in zip(places, places[1:], strict=False)]


class _Turns:
    """Counts down the cycles of one bit after the other."""

    def __init__(self, m: Module, lengths: Sequence[int], runs: Value) -> None:
        self.bit = Signal(range(len(lengths)), name="bit")
        self.left = Signal(range(max(lengths)), name="left")
        self.end = Signal(name="bit_ends")
        self._m, self._lengths = m, list(lengths)
        table = Array(Const(n - 1, len(self.left)) for n in lengths[1:])
        m.d.comb += self.end.eq(runs & (self.left == 0))
        with m.If(runs):
            m.d.sync += self.left.eq(self.left - 1)
        with m.If(self.end):
            m.d.sync += [self.bit.eq(self.bit + 1), self.left.eq(table[self.bit])]

    def begin(self) -> None:
        """Begin with the first one in the next cycle."""
        self._m.d.sync += [self.bit.eq(0), self.left.eq(self._lengths[0] - 1)]


class UartTx(wiring.Component):
    """Sends a byte at a time; the next one follows without a gap.

    Members
    -------
    i : :py:`In(stream.Signature(8))`
    pin : the wire; 1 at rest
    """

    def __init__(self, clock: int, baud: int) -> None:
        check(clock, baud)
        self.lengths = _gaps(edges(clock, baud))
        super().__init__({"i": In(stream.Signature(8)), "pin": Out(1, init=1)})

    def elaborate(self, platform: object) -> Module:
        """Shift a start bit, the byte, and ones."""
        m = Module()
        busy = Signal(name="busy")
        bits = Signal(9, name="bits", init=0x1FF)
        turns = _Turns(m, self.lengths, busy)
        done = turns.end & (turns.bit == BITS - 1)
        m.d.comb += self.i.ready.eq(~busy | done)
        with m.If(turns.end):
            m.d.sync += Cat(self.pin, bits).eq(Cat(bits, 1))
        with m.If(self.i.ready):
            m.d.sync += busy.eq(self.i.valid)
            with m.If(self.i.valid):
                m.d.sync += [self.pin.eq(0), bits.eq(Cat(self.i.payload, 1))]
                turns.begin()
        return m


class UartRx(wiring.Component):
    """Receives bytes; each is there for one cycle, and is lost where it is not taken then.

    A byte without a stop bit is dropped: what it stood in is damaged, and is found so by its CRC.

    Members
    -------
    pin : the wire, of no clock
    o : :py:`Out(stream.Signature(8))`
    """

    def __init__(self, clock: int, baud: int) -> None:
        check(clock, baud)
        # Sampled two cycles after the wire, and begun one later: the middles come as much sooner.
        self.lengths = _gaps([0, *edges(clock, baud, half=True)[:BITS]])
        super().__init__({"pin": In(1), "o": Out(stream.Signature(8))})

    def elaborate(self, platform: object) -> Module:
        """Look at the middle of each bit, counted from the edge of the start bit."""
        m = Module()
        near, now = Signal(name="pin_1", init=1), Signal(name="pin_2", init=1)
        m.d.sync += [near.eq(self.pin), now.eq(near)]
        busy = Signal(name="busy")
        turns = _Turns(m, self.lengths, busy)
        m.d.sync += self.o.valid.eq(0)
        with m.If(~busy):
            with m.If(~now):
                m.d.sync += busy.eq(1)
                turns.begin()
        with m.Elif(turns.end):
            with m.If(turns.bit == 0):  # the start bit's middle: else it was no start
                m.d.sync += busy.eq(~now)
            with m.Elif(turns.bit == BITS - 1):
                m.d.sync += [busy.eq(0), self.o.valid.eq(now)]
            with m.Else():
                m.d.sync += self.o.payload.eq(Cat(self.o.payload[1:], now))
        return m


class Uart(wiring.Component):
    """Both directions: the adapter.

    Members
    -------
    rx : :py:`Out(stream.Signature(8))`; tx : :py:`In(stream.Signature(8))`
    rx_pin, tx_pin : the wires
    """

    def __init__(self, clock: int, baud: int) -> None:
        self.clock, self.baud = clock, baud
        check(clock, baud)
        super().__init__(
            {
                "rx": Out(stream.Signature(8)),
                "tx": In(stream.Signature(8)),
                "rx_pin": In(1),
                "tx_pin": Out(1, init=1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Join the two."""
        m = Module()
        m.submodules.rx = rx = UartRx(self.clock, self.baud)
        m.submodules.tx = tx = UartTx(self.clock, self.baud)
        wiring.connect(m, wiring.flipped(self.rx), rx.o)
        wiring.connect(m, wiring.flipped(self.tx), tx.i)
        m.d.comb += [rx.pin.eq(self.rx_pin), self.tx_pin.eq(tx.pin)]
        return m
