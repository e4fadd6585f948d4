"""Buffer: the blocks of a stream that wait for their reader, read word by word in any order.

Every reader of a stream has one, of at least two banks of a block each: one is filled while the
other is read. Nothing between two cores is ever refused: a sender asks for ``room`` before it
begins a block, ``reserve`` takes the bank, and ``release`` gives it back when the reader has read
it for the last time. That is the only back-pressure there is inside a network.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal, Value, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ..streams import Blocks, word
from .counting import after, count

#: A memory of which no row is written in the cycle in which its old value is read: yosys otherwise
#: adds registers and multiplexers that return the old value.
UNCHECKED = {"no_rw_check": 1}


@dataclass(frozen=True)
class Placing:
    """How beats of a stream become words of a buffer.

    Attributes
    ----------
        elements: of the stream. simd: of a word. bits: of an element.
        blocks: how the timesteps come.
        granule: elements of a beat; divides simd and, where there are tiles, tile.
        tile: elements after which the sender goes on to the next chunk of timesteps, or None for
            a sender whose beats are whole words with all timesteps of a chunk.
    """

    elements: int
    simd: int
    bits: int
    blocks: Blocks
    granule: int
    tile: int | None = None

    @property
    def words(self) -> int:
        """Words of a chunk."""
        return -(-self.elements // self.simd)

    @property
    def columns(self) -> int:
        """Beats that make a word of one timestep."""
        return self.simd // self.granule

    @property
    def timesteps(self) -> int:
        """Timesteps of a chunk that come one after the other."""
        return 1 if self.tile is None else self.blocks.parallel

    @property
    def beat_bits(self) -> int:
        """Bits of a beat."""
        together = self.blocks.parallel // self.timesteps
        return self.granule * self.bits * together

    @property
    def word_bits(self) -> int:
        """Bits of a word: first the elements, then the timesteps of a chunk."""
        return self.simd * self.bits * self.blocks.parallel

    @property
    def turns(self) -> int:
        """Beats of a tile of one timestep."""
        return 1 if self.tile is None else -(-self.tile // self.granule)

    @property
    def beats(self) -> int:
        """Beats of a whole block."""
        granules = self.words if self.tile is None else -(-self.elements // self.granule)
        return granules * self.timesteps * self.blocks.chunks

    @property
    def beats_first(self) -> int:
        """Beats of a sample's first block."""
        chunks = self.blocks.chunks
        return self.beats // chunks * (chunks - self.blocks.skipped)

    @property
    def row_bits(self) -> tuple[int, int]:
        """Address bits of a word and of a chunk within a bank."""
        return _bits(self.words), _bits(self.blocks.chunks)

    def depth(self, banks: int) -> int:
        """Return the rows of each column: banks, chunks and words at places of a power of two."""
        words, chunks = self.row_bits
        return ((((banks - 1) << chunks) + self.blocks.chunks - 1) << words) + self.words


def _bits(size: int) -> int:
    return (size - 1).bit_length()


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
        row, column, commit = self._place(m)

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
        bank_bits = _bits(banks)
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
                write.addr.eq(Cat(row, into[:bank_bits])),
                write.data.eq(self.i.p.data),
                write.en.eq(self.i.valid & (column == k)),
                read.addr.eq(address),
            ]
            parts.append(read.data)
        m.d.comb += self.data.eq(Cat(parts))
        return m

    def _place(self, m: Module) -> tuple[Value, Value, Value]:
        """Count the beats of a block; return its row, its column, and whether it is the last.

        A chunk that is not a tile's last is followed by the same elements once more.
        """
        p, here = self.placing, self.i.valid
        end_word, end_column = self._counted(p.words), self._counted(p.columns)
        word_at, column = end_word("word_in"), end_column("column_in")
        granules = p.words if p.tile is None else -(-p.elements // p.granule)
        final = (word_at == p.words - 1) & (column == (granules - 1) % p.columns)
        turn, end_turn = count(m, p.turns, here, "turn")
        step, end_step = Const(0, 1), Const(1, 1)
        chunk = self._counted(p.blocks.chunks)("chunk_in")
        now: Value = chunk
        if p.blocks.skipped:  # of a first block; so 0 is the beginning of a tile
            now = Signal.like(chunk, name="chunk_now")
            begins = self.i.p.first & (chunk == 0)
            m.d.comb += now.eq(Mux(begins, p.blocks.skipped, chunk))
        end_chunk = now == p.blocks.chunks - 1
        turned = Signal(name="turned")
        m.d.comb += turned.eq(end_turn | final)
        if p.timesteps > 1:
            step, end_step = count(m, p.timesteps, here & turned, "step_in")
        tiled, commit = Signal(name="tiled"), Signal(name="commit")
        m.d.comb += [tiled.eq(turned & end_step & end_chunk), commit.eq(here & tiled & final)]

        following = [after(word_at)] if p.columns == 1 else [
            Mux(column == p.columns - 1, after(word_at), word_at),
            Mux(column == p.columns - 1, 0, after(column)),
        ]  # fmt: skip
        places = [x for x in (word_at, column) if isinstance(x, Signal)]
        following = [
            a for a, x in zip(following, (word_at, column), strict=False) if isinstance(x, Signal)
        ]
        bases = [Signal.like(x, name=f"{x.name}_base") for x in places]
        repeats = p.timesteps * p.blocks.chunks > 1
        with m.If(here):
            for x, a, base in zip(places, following, bases, strict=True):
                m.d.sync += x.eq(a)
                if repeats:
                    with m.If(turned):
                        with m.If(tiled):
                            m.d.sync += base.eq(a)
                        with m.Else():
                            m.d.sync += x.eq(base)
            if isinstance(chunk, Signal):
                with m.If(turned & end_step):
                    m.d.sync += chunk.eq(Mux(end_chunk, 0, now + 1))
            if isinstance(turn, Signal):
                with m.If(turned):
                    m.d.sync += turn.eq(0)
        with m.If(commit | self.abort):
            for x in (*places, *(bases if repeats else ()), chunk, turn, step):
                if isinstance(x, Signal):
                    m.d.sync += x.eq(0)
        index: Value = column
        if p.timesteps > 1:
            index = Signal(range(p.timesteps * p.columns), name="index_in")
            m.d.comb += index.eq(step * p.columns + column)
        words, chunks = p.row_bits
        return Cat(word_at[:words], now[:chunks]), index, commit

    @staticmethod
    def _counted(size: int) -> Callable[[str], Value]:
        """Return what makes a signal of 0 .. size - 1, or the constant 0 where that is all."""
        return lambda name: Signal(range(size), name=name) if size > 1 else Const(0, 1)
