"""Buffer: the blocks of a stream that wait for their reader, read word by word in any order.

Every reader of a stream has one, of at least two banks of a block each: one is filled while the
other is read. Nothing between two cores is ever refused: a sender asks for ``room`` before it
begins a block, ``reserve`` takes the bank, and ``release`` gives it back when the reader has read
it for the last time. That is the only back-pressure there is inside a network.
"""

from __future__ import annotations

from amaranth.hdl import Array, Cat, Const, Module, Signal, Value, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ..streams import word
from .counting import count
from .placing import Placing, placed

#: A memory of which no row is written in the cycle in which its old value is read: yosys otherwise
#: adds registers and multiplexers that return the old value.
UNCHECKED = {"no_rw_check": 1}


class BlockBuffer(wiring.Component):
    """Blocks in by beats, words out by address.

    A word is there one cycle after its address. Throughput: a beat and a word a cycle. A block can
    be started the cycle after its last beat.

    Parameters
    ----------
    placing : Placing. banks : blocks that it holds.
    tokens : blocks of zeros that stand in it after a reset (for connections back).
    rests : whether there is a port ``rest``

    Members
    -------
    i : :py:`In(stream.Signature(word(beat_bits), always_ready=True))`
    abort : the block that is coming in begins anew with the next beat
    reserve, room : a sender takes a bank; whether there is one
    full, first, last : whether a block waits, and its flags
    start : the reader begins the block that waits; chunk, word then address it
    release : the reader has read it
    data : the word that was addressed one cycle ago
    rest : it holds what it held after a reset, and no block is coming in or read
    """

    def __init__(self, placing: Placing, banks: int, tokens: int = 0, rests: bool = False) -> None:
        if banks < 1 or tokens > banks:
            raise ValueError(f"a buffer has at least one bank, and {tokens} first, not {banks}")
        self.placing, self.banks, self.tokens, self.rests = placing, banks, tokens, rests
        words, chunks = placing.row_bits
        super().__init__(
            {
                "i": In(stream.Signature(word(placing.beat_bits), always_ready=True)),
                "abort": In(1),
                "reserve": In(1),
                "room": Out(1),
                "full": Out(1),
                "first": Out(1),
                "last": Out(1),
                "start": In(1),
                "release": In(1),
                "word": In(max(1, words)),
                "chunk": In(max(1, chunks)),
                "data": Out(placing.word_bits),
                **({"rest": Out(1)} if rests else {}),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Write at a place that is counted, since the order of a block is known."""
        m = Module()
        p, banks = self.placing, self.banks
        here = placed(m, p, self.i, self.abort)
        column, commit = here.column, here.commit

        # Blocks: taken by senders; here and waiting.
        used = Signal(range(banks + 1), name="used", init=self.tokens)
        waiting = Signal(range(banks + 1), name="waiting", init=self.tokens)
        m.d.comb += [self.room.eq(used != banks), self.full.eq(waiting != 0)]
        if self.rests:
            m.d.comb += self.rest.eq((used == self.tokens) & (waiting == self.tokens))
        with m.If(self.reserve & ~self.release):
            m.d.sync += used.eq(used + 1)
        with m.Elif(self.release & ~self.reserve):
            m.d.sync += used.eq(used - 1)
        with m.If(commit & ~self.start):
            m.d.sync += waiting.eq(waiting + 1)
        with m.Elif(self.start & ~commit):
            m.d.sync += waiting.eq(waiting - 1)
        into, _ = count(m, banks, commit, "bank_in", self.tokens % banks)
        head, _ = count(m, banks, self.start, "bank_next")
        reading: Value = Const(0, 1)
        if banks > 1:
            reading = Signal(range(banks), name="bank_out")
            with m.If(self.start):
                m.d.sync += reading.eq(head)
        for name in ("first", "last"):
            flags = Array(Signal(name=f"{name}_{b}", reset_less=True) for b in range(banks))
            with m.If(commit):
                m.d.sync += flags[into].eq(self.i.p[name])
            m.d.comb += getattr(self, name).eq(flags[head])

        words, chunks = p.row_bits
        bank_bits = (banks - 1).bit_length()
        address = Signal(max(1, words + chunks + bank_bits), name="address")
        m.d.comb += address.eq(Cat(self.word[:words], self.chunk[:chunks], reading[:bank_bits]))
        parts = []
        for k in range(p.timesteps * p.columns):
            m.submodules[f"column_{k}"] = memory = Memory(
                shape=unsigned(p.beat_bits), depth=max(2, p.depth(banks)), init=[],
                attrs=UNCHECKED,
            )  # fmt: skip
            write, read = memory.write_port(), memory.read_port()
            m.d.comb += [
                write.addr.eq(Cat(here.word[:words], here.chunk[:chunks], into[:bank_bits])),
                write.data.eq(self.i.p.data),
                write.en.eq(self.i.valid & (column == k)),
                read.addr.eq(address),
            ]
            parts.append(read.data)
        m.d.comb += self.data.eq(Cat(parts))
        return m
