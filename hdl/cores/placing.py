"""Placing: where in a bank the beats of a stream belong; their order is known, so it is counted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from amaranth.hdl import Const, Module, Mux, Signal, Value
from amaranth.lib import wiring

from ..streams import Blocks
from .counting import after, count


@dataclass(frozen=True)
class Placing:
    """How beats of a stream become words of a bank: of a block, or of a line of a map.

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


class Incoming(NamedTuple):
    """Where the beat that is here belongs: ``word``, ``chunk`` and ``column`` of its bank.

    ``commit`` is set on the bank's last beat.
    """

    word: Value
    chunk: Value
    column: Value
    commit: Value


def placed(m: Module, p: Placing, i: wiring.PureInterface, abort: Value) -> Incoming:
    """Count the beats of a bank that comes in.

    A chunk that is not a tile's last is followed by the same elements once more.
    """
    here = i.valid
    end_word, end_column = _counted(p.words), _counted(p.columns)
    word_at, column = end_word("word_in"), end_column("column_in")
    granules = p.words if p.tile is None else -(-p.elements // p.granule)
    final = (word_at == p.words - 1) & (column == (granules - 1) % p.columns)
    turn, end_turn = count(m, p.turns, here, "turn")
    step, end_step = Const(0, 1), Const(1, 1)
    chunk = _counted(p.blocks.chunks)("chunk_in")
    now: Value = chunk
    if p.blocks.skipped:  # of a first block; so 0 is the beginning of a tile
        now = Signal.like(chunk, name="chunk_now")
        begins = i.p.first & (chunk == 0)
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
    with m.If(commit | abort):
        for x in (*places, *(bases if repeats else ()), chunk, turn, step):
            if isinstance(x, Signal):
                m.d.sync += x.eq(0)
    index: Value = column
    if p.timesteps > 1:
        index = Signal(range(p.timesteps * p.columns), name="index_in")
        m.d.comb += index.eq(step * p.columns + column)
    return Incoming(word_at, now, index, commit)


def _counted(size: int) -> Callable[[str], Value]:
    """Return what makes a signal of 0 .. size - 1, or the constant 0 where that is all."""
    return lambda name: Signal(range(size), name=name) if size > 1 else Const(0, 1)


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
