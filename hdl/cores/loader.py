"""Loader: words come in, are written to memories, read back from them, and checked.

A load is one run of words: ``first`` is set on its first, ``last`` on its last one. The first word
waits until no sample is in flight, and from then on none is taken. The words go to the memories in
their order, row by row, each row from its lowest bits on. When as many have come as the memories
hold, all rows are read back, four bits a cycle, into a CRC-32; the word that follows must be marked
``last`` and equal it: only then are samples taken again. So a load is checked by what stands in the
memories, not by what has come in, and ``good`` tells what came of it once its last word is taken.

A load with too few words, too many, or a wrong CRC leaves ``good`` low; so does one that a reset
cuts off. Words outside a load are dropped; ``first`` begins anew at any time.
"""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Array, Cat, Const, Module, Mux, ResetSignal, Signal, Value
from amaranth.lib import crc, stream, wiring
from amaranth.lib.wiring import In, Out

from ..streams import word
from .counting import later
from .rows import WORD, words

#: Bits that are read back at once.
SHARE = 4


class Loader(wiring.Component):
    """A word a cycle in, four bits a cycle back; takes ``1 + drain`` cycles to begin.

    Parameters
    ----------
    sizes : bits of a row, and rows, of each memory. drain : cycles for which everything must be at
        rest before the first word is taken.

    Members
    -------
    w : :py:`In(stream.Signature(word(32)))`
    rest : no sample has begun and not ended, and no block waits or is read
    hold : no sample may begin
    loading : of each memory, whether it is addressed by ``place``: one at a time, as the others
        may have fewer rows
    place : a row. write_0, .. : which words of it are written; word: what is written
    rows_0, .. : the row of each memory, one cycle after its address
    good : the memories hold what they held first, or what was loaded and checked
    crc : CRC-32 of what was read back last
    """

    def __init__(self, sizes: Sequence[tuple[int, int]], drain: int) -> None:
        self.sizes, self.drain = list(sizes), drain
        most = max(rows for _, rows in self.sizes)
        members = {
            "w": In(stream.Signature(word(WORD))),
            "rest": In(1),
            "hold": Out(1),
            "loading": Out(len(self.sizes)),
            "place": Out(range(max(2, most))),
            "word": Out(WORD),
            "good": Out(1),
            "crc": Out(32),
        }
        for k, (bits, _) in enumerate(self.sizes):
            members |= {f"write_{k}": Out(len(words(bits))), f"rows_{k}": In(bits)}
        super().__init__(members)

    def elaborate(self, platform: object) -> Module:
        """Write and read back in the same order, by one counter."""
        m = Module()
        w = self.w
        good = Signal(name="good_now", init=1, reset_less=True)
        quiet = Signal(range(self.drain + 1), name="quiet")
        begun = Signal(name="begun")  # a first word has been written
        step, clear, write = Signal(name="step"), Signal(name="clear"), Signal(name="writes")
        reading, writing = Signal(name="reading"), Signal(name="writing")
        memory, at_word, end = self._place(m, step, clear)
        share = Signal(range(WORD // SHARE), name="share_at")
        coming = [reading]  # on their way: from the memory, to the choice, to the CRC
        for k in range(3):
            coming.append(later(m, coming[-1], 1, f"coming_{k}", reset=True))
        awake = ~ResetSignal()

        with m.FSM(name="state"):
            with m.State("REST"):
                m.d.comb += clear.eq(1)
                m.d.sync += [quiet.eq(0), begun.eq(0)]
                m.d.comb += w.ready.eq(awake & ~w.p.first)
                with m.If(w.valid & w.p.first):
                    m.next = "WAIT"
            with m.State("WAIT"):
                m.d.comb += [self.hold.eq(1), clear.eq(1)]
                m.d.sync += quiet.eq(Mux(self.rest, quiet + 1, 0))
                with m.If(quiet == self.drain):
                    m.next = "WRITE"
            with m.State("WRITE"):
                m.d.comb += [self.hold.eq(1), writing.eq(1)]
                again = w.p.first & begun
                m.d.comb += w.ready.eq(awake & ~again)
                with m.If(w.valid & again):
                    m.d.comb += clear.eq(1)
                    m.d.sync += begun.eq(0)
                with m.Elif(w.valid & w.ready):
                    m.d.comb += [write.eq(1), step.eq(1)]
                    m.d.sync += [good.eq(0), begun.eq(1)]
                    with m.If(w.p.last):
                        m.next = "REST"
                    with m.Elif(end):
                        m.next = "READ"
            with m.State("READ"):
                m.d.comb += [self.hold.eq(1), reading.eq(1)]
                m.d.sync += share.eq(share + 1)
                with m.If(share == WORD // SHARE - 1):
                    m.d.comb += step.eq(1)
                    with m.If(end):
                        m.next = "CHECK"
            with m.State("CHECK"):
                done = ~Cat(coming[1:]).any()
                m.d.comb += [self.hold.eq(1), w.ready.eq(awake & done & ~w.p.first)]
                with m.If(w.valid & w.p.first):
                    m.d.sync += begun.eq(0)
                    m.next = "WRITE"
                with m.Elif(w.valid & w.ready):
                    m.d.sync += good.eq(w.p.last & (w.p.data == self.crc))
                    m.next = "REST"

        m.d.comb += [
            self.word.eq(w.p.data),
            self.good.eq(good),
        ]
        for k, (bits, _) in enumerate(self.sizes):
            m.d.comb += self.loading[k].eq((writing | reading) & (memory == k))
            for n in range(len(words(bits))):
                here = (memory == k) & (at_word == n)
                m.d.comb += getattr(self, f"write_{k}")[n].eq(write & here)

        m.submodules.check = check = crc.catalog.CRC32_ISO_HDLC(SHARE).create()
        read = Signal(SHARE, name="share_read", reset_less=True)
        m.d.sync += read.eq(
            self._share(
                m, later(m, memory, 2, "memory_read"), later(m, at_word, 2, "word_read"),
                later(m, share, 2, "share_shown"),
            )
        )  # fmt: skip
        m.d.comb += [
            check.start.eq(writing),
            check.data.eq(read),
            check.valid.eq(coming[3]),
            self.crc.eq(check.crc),
        ]
        return m

    def _place(self, m: Module, step: Value, clear: Value) -> tuple[Value, Value, Value]:
        """Count memories, their rows and words; return memory, word, and whether it is the last."""
        counts = [len(words(bits)) for bits, _ in self.sizes]
        memory = Signal(range(max(2, len(self.sizes))), name="memory")
        at_word = Signal(range(max(2, *counts, 2)), name="word_at")
        ends = Signal(name="word_ends")
        row_ends = Signal(name="row_ends")
        m.d.comb += [
            ends.eq(at_word == Array(Const(n - 1, len(at_word)) for n in counts)[memory]),
            row_ends.eq(
                self.place == Array(Const(n - 1, len(self.place)) for _, n in self.sizes)[memory]
            ),
        ]
        last = memory == len(self.sizes) - 1
        with m.If(step):
            m.d.sync += at_word.eq(at_word + 1)
            with m.If(ends):
                m.d.sync += [at_word.eq(0), self.place.eq(self.place + 1)]
                with m.If(row_ends):
                    m.d.sync += [self.place.eq(0), memory.eq(Mux(last, 0, memory + 1))]
        with m.If(clear):
            m.d.sync += [at_word.eq(0), self.place.eq(0), memory.eq(0)]
        return memory, at_word, ends & row_ends & last

    def _share(self, m: Module, memory: Value, at_word: Value, share: Value) -> Value:
        """Return four bits of the rows that were read; rows are filled up with zeros."""
        shown = Signal(SHARE, name="shown")
        with m.Switch(memory):
            for k, (bits, _) in enumerate(self.sizes):
                # A block RAM is slow, and the choice is deep: a register stands in between.
                row = later(m, getattr(self, f"rows_{k}"), 1, f"rows_{k}")
                with m.Case(k):
                    with m.Switch(at_word):
                        for n in range(len(words(bits))):
                            with m.Case(n):
                                mine = Signal(WORD, name=f"word_{k}_{n}")
                                m.d.comb += mine.eq(row[n * WORD : (n + 1) * WORD])
                                m.d.comb += shown.eq(mine.word_select(share, SHARE))
        return shown
