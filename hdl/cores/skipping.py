"""Skipping: which words of a block are not zero, and the passes that read only those.

Beside a buffer whose beats are whole words stands a list of the words in which something is set.
It is written as beats come and read from its first entry to its last in every pass, one a cycle. A
list and not a bitmap: to find the next set bit of hundreds takes levels of logic or cycles, the
next entry of a list is the next address, however far apart the words are. The order of words
does not matter to a sum.

A block of zeros has one entry all the same: some word of it, which is zero too and adds nothing
(``matvec``). So every pass has a last word, with which its sums are handed over.
"""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal, unsigned
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from .buffer import UNCHECKED
from .counting import count, later

#: Least cycles from one block's start to the next one's.
APART = 2


@dataclass(frozen=True)
class Words:
    """The words of a block.

    Attributes
    ----------
        number: of them, at least two. simd: elements of each. bits: of an element; the words are
            read once for each.
        unused: elements of the last word in which nothing stands, whatever is there.
    """

    number: int
    simd: int
    bits: int
    unused: tuple[int, ...] = ()

    @property
    def place_bits(self) -> int:
        """Bits of the address of a word."""
        return (self.number - 1).bit_length()

    def depth(self, banks: int) -> int:
        """Return the rows of the list."""
        return banks << self.place_bits


class Skipping(wiring.Component):
    """Lists the words of every block that are not zero, and reads the list.

    Latency: a block is full ``latency`` cycles later than in the buffer that it stands beside.
    Throughput: a beat and a word a cycle; a block every ``APART`` cycles.

    Parameters
    ----------
    words : Words. banks : blocks, as of the buffer. tokens : of them after a reset.

    Members
    -------
    valid, data, abort : the beats of the buffer, and its ``abort``
    full : a block waits, and ``turns`` are its
    turns : cycles of each of its passes, less one
    start : the reader begins it
    issue : a word is read; those of a pass without a gap. finish : with it the last of its pass
    word : the word that is read. opens, closes : it is the first, the last of its bit plane
    """

    latency = 2

    def __init__(self, words: Words, banks: int, tokens: int = 0) -> None:
        if words.number < 2:
            raise ValueError("a block of one word is read as it is")
        self.words, self.banks, self.tokens = words, banks, tokens
        super().__init__(
            {
                "valid": In(1),
                "data": In(words.simd * words.bits),
                "abort": In(1),
                "full": Out(1),
                "turns": Out(range(words.number * words.bits)),
                "start": In(1),
                "issue": In(1),
                "finish": In(1),
                "word": Out(range(words.number)),
                "opens": Out(1),
                "closes": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Write the list a cycle after the beat; make ready what a block begins with."""
        m = Module()
        w, banks = self.words, self.banks
        found, at, done, abort = self._seen(m)

        # The block that comes in: its entries so far; their number, and the first, by bank.
        into, _ = count(m, banks, done, "bank_in", self.tokens % banks)
        entries = Signal(range(w.number), name="entries")
        numbers = Array(Signal(range(w.number + 1), name=f"number_{b}", init=1)
                        for b in range(banks))  # fmt: skip
        firsts = Array(Signal(w.place_bits, name=f"first_{b}") for b in range(banks))
        total = Signal(range(w.number + 1), name="total")
        m.d.comb += total.eq(entries + found)
        with m.If(found):
            m.d.sync += entries.eq(total)
            with m.If(entries == 0):
                m.d.sync += firsts[into].eq(at)
        with m.If(done):
            m.d.sync += numbers[into].eq(total | (total == 0))
        with m.If(done | abort):
            m.d.sync += entries.eq(0)

        # The block that waits: what it begins with is ready before it is full.
        head, _ = count(m, banks, self.start, "bank_next")
        waiting = Signal(range(banks + 1), name="waiting", init=self.tokens)
        with m.If(done & ~self.start):
            m.d.sync += waiting.eq(waiting + 1)
        with m.Elif(self.start & ~done):
            m.d.sync += waiting.eq(waiting - 1)
        number_next = Signal(range(w.number + 1), name="number_next", reset_less=True)
        first_next = Signal(w.place_bits, name="first_next", reset_less=True)
        m.d.sync += [
            self.full.eq((waiting != 0) & ~self.start),
            self.turns.eq(numbers[head] * w.bits - 1),
            number_next.eq(numbers[head]),
            first_next.eq(firsts[head]),
        ]

        # The block that is read. The list answers a cycle after its address, so the next entry is
        # asked for with every word; the first one stands in a register.
        bank_out = Signal(range(banks), name="bank_out") if banks > 1 else Const(0, 0)
        number = Signal(range(w.number + 1), name="number", reset_less=True)
        first = Signal(w.place_bits, name="first", reset_less=True)
        with m.If(self.start):
            m.d.sync += [number.eq(number_next), first.eq(first_next)]
            if banks > 1:
                m.d.sync += bank_out.eq(head)
        following = Signal(range(w.number + 1), name="following", init=1)
        opens = Signal(name="at_first", init=1)
        with m.If(self.issue):
            m.d.sync += [opens.eq(self.closes), following.eq(Mux(self.closes, 1, following + 1))]
        m.submodules.list = memory = Memory(
            shape=unsigned(w.place_bits), depth=w.depth(banks), init=[], attrs=UNCHECKED
        )
        write, read = memory.write_port(), memory.read_port()
        bank_bits = (banks - 1).bit_length()
        m.d.comb += [
            write.addr.eq(Cat(entries[: w.place_bits], into[:bank_bits])),
            write.data.eq(at),
            write.en.eq(found),
            read.addr.eq(Cat(following[: w.place_bits], bank_out[:bank_bits])),
            self.word.eq(Mux(opens, first, read.data)),
            self.opens.eq(opens),
            self.closes.eq(following == number if w.bits > 1 else self.finish),
        ]
        return m

    def _seen(self, m: Module) -> tuple[Signal, Signal, Signal, Signal]:
        """Look at beats; a cycle later: one that is not zero, its word, a block's end, abort."""
        w = self.words
        word, end = count(m, w.number, self.valid, "word_in")
        with m.If(self.abort):
            m.d.sync += word.eq(0)
        used = [
            self.data[j * w.bits : (j + 1) * w.bits] & (~end).replicate(w.bits)
            if j in w.unused else self.data[j * w.bits : (j + 1) * w.bits]
            for j in range(w.simd)
        ]  # fmt: skip
        set_now = Signal(name="set_now")
        m.d.comb += set_now.eq(self.valid & Cat(used).any())
        at = later(m, word, 1, "word_late")
        found = later(m, set_now, 1, "found", reset=True)
        done = later(m, self.valid & end, 1, "done", reset=True)
        return found, at, done, later(m, self.abort, 1, "abort_late", reset=True)
