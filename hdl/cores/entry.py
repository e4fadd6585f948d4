"""Entry: the network's input stream, counted; whatever comes in, whole blocks go on.

A sample is the beats of its blocks, one block after the other; ``first`` is set on its first beat,
``last`` on its last one. A sample may end early after any whole block. Everything else is an
error, which is kept until the next reset:

- ``cut``: a sample began before the one before had ended;
- ``short``: ``last`` came within a block;
- ``long``: the beat that completes the sample lacked ``last``; what follows up to the next
  ``first`` is dropped;
- ``stray``: a beat came after the end of a sample, without ``first``; it is dropped.

A sample that was cut or short has no end inside: what it left behind is forgotten, and the next
whole sample is exact, as every core begins anew with a sample's first block.
"""

from __future__ import annotations

from amaranth.hdl import Module, Mux, ResetSignal, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..streams import word

#: Bits of ``error``, the lowest first.
ERRORS = ("cut", "short", "long", "stray")


class Entry(wiring.Component):
    """Takes a beat a cycle while the block at hand has its bank.

    Latency: one cycle. Nothing is taken during reset. While ``drop`` is set (the answer is known)
    further blocks of the sample at hand are taken and dropped, a beat a cycle; they are counted as
    ever, so that errors are the same. A block that has begun is completed.

    Parameters
    ----------
    bits : of a beat
    beats, beats_first : of a block, and of a sample's first one
    blocks : of a whole sample
    drops : whether ``drop`` is heeded

    Members
    -------
    i : :py:`In(stream.Signature(word(bits)))`
    room, reserve : of all readers
    o : :py:`Out(stream.Signature(word(bits), always_ready=True))`
    abort : what has gone on of the block at hand is given up; a cycle before a further beat
    error : sticky, see ERRORS
    drop : further blocks of the sample at hand are not needed
    began : a sample's first beat is taken; entered: its first block is whole, and goes on
    """

    latency = 1

    def __init__(
        self, bits: int, *, beats: int, beats_first: int, blocks: int, drops: bool = False
    ) -> None:
        self.beats, self.beats_first, self.blocks, self.drops = beats, beats_first, blocks, drops
        super().__init__(
            {
                "i": In(stream.Signature(word(bits))),
                "room": In(1),
                "reserve": Out(1),
                "o": Out(stream.Signature(word(bits), always_ready=True)),
                "abort": Out(1),
                "error": Out(len(ERRORS)),
                "drop": In(1),
                "began": Out(1),
                "entered": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Count beats and blocks; the flags only ever say where a sample begins or ends."""
        m = Module()
        is_open = Signal(name="open")  # within a sample
        dropping = Signal(name="dropping")  # until the next first
        held = Signal(name="held")  # a bank is taken
        left = Signal(range(max(2, self.beats)), name="left")  # beats of this block after the next
        block = Signal(range(max(2, self.blocks)), name="block")
        beat = Signal(name="beat")
        m.d.comb += [
            self.i.ready.eq(~ResetSignal() & (held | self.room)),
            beat.eq(self.i.valid & self.i.ready),
        ]
        first, last = self.i.p.first, self.i.p.last
        inside = Signal(name="inside")  # this beat belongs to a sample
        now_left = Signal.like(left, name="left_now")
        now_block = Signal.like(block, name="block_now")
        m.d.comb += [
            inside.eq(first | is_open),
            now_left.eq(Mux(first, self.beats_first - 1, left)),
            now_block.eq(Mux(first, 0, block)),
        ]
        keeps = Signal(name="kept")  # this beat's block goes on
        m.d.comb += keeps.eq(first | held | ~self.drop)

        def kept(value: Value) -> Value:
            return value & keeps if self.drops else value

        end_block = now_left == 0
        end_sample = end_block & (last | (now_block == self.blocks - 1))
        partial = Signal(name="partial")  # some beats of the block at hand have gone on
        with m.If(beat):
            with m.If(inside):
                m.d.sync += [
                    is_open.eq(~end_sample & ~last),
                    left.eq(Mux(end_block, self.beats - 1, now_left - 1)),
                    block.eq(now_block + end_block),
                    held.eq(kept(~end_block)),
                    partial.eq(kept(~end_block & ~last)),
                    dropping.eq(end_sample & ~last),
                ]
        m.d.comb += self.reserve.eq(kept(beat & inside) & ~held)
        m.d.comb += self.began.eq(beat & first)
        m.d.comb += self.entered.eq(beat & inside & end_block & (now_block == 0))

        gone = Signal(name="gone")  # the block at hand is given up
        short = last & ~end_block
        m.d.comb += gone.eq(beat & partial & (first | (inside & short)))
        errors = {
            "cut": beat & first & is_open,
            "short": beat & inside & short,
            "long": beat & inside & end_sample & ~last,
            "stray": beat & ~first & ~is_open & ~dropping,
        }
        for k, name in enumerate(ERRORS):
            with m.If(errors[name]):
                m.d.sync += self.error[k].eq(1)

        payload = Signal(self.o.payload.shape(), name="payload", reset_less=True)
        m.d.sync += [
            self.o.valid.eq(kept(beat & inside) & ~short),
            payload.data.eq(self.i.p.data),
            payload.first.eq(now_block == 0),
            payload.last.eq(end_sample),
        ]
        m.d.comb += [self.o.payload.eq(payload), self.abort.eq(gone)]
        return m
