"""Delay: the words of a stream, some timesteps later."""

from __future__ import annotations

import operator

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from . import layouts


class Delay(wiring.Component):
    """For each word sends that of the same place ``steps`` timesteps ago, or zeros.

    Zeros stand for what came before the sample: its first ``steps`` timesteps get none of the
    sample before it, however short that was. Zero words make zero sums, as n_neg is taken off.
    One word in makes one word out at once, of the timestep that it belongs to: a delay holds
    nothing back. Throughput: a word a cycle. Latency: one cycle.

    Parameters
    ----------
    words : of a timestep
    steps : timesteps
    simd, bits : values a word, bits a value

    Members
    -------
    i, o : :py:`stream.Signature(layouts.words(simd, bits))`
    """

    latency = 1

    def __init__(self, *, words: int, steps: int, simd: int, bits: int) -> None:
        for name, size in (("words", words), ("steps", steps)):
            if operator.index(size) < 1:
                raise ValueError(f"{name} of a delay must be positive, not {size!r}")
        self.words, self.steps = words, steps
        layout = layouts.words(simd, bits)
        super().__init__({"i": In(stream.Signature(layout)), "o": Out(stream.Signature(layout))})

    def elaborate(self, platform: object) -> Module:
        """Read each place of a ring of ``steps * words`` as it is written: the old word comes."""
        m = Module()
        depth = self.steps * self.words
        m.submodules.ring = ring = Memory(shape=len(self.i.p.data), depth=depth, init=[])
        write, read = ring.write_port(), ring.read_port()
        place = Signal(range(depth), name="place")
        ended = Signal(range(self.steps + 1), name="ended")  # timesteps of this sample, at most
        age = Signal(range(self.steps + 1), name="age")
        silent = Signal(name="silent")
        m.d.comb += [
            age.eq(Mux(self.i.p.first, 0, ended)),
            self.i.ready.eq(~self.o.valid | self.o.ready),
            write.addr.eq(place),
            write.data.eq(self.i.p.data),
            write.en.eq(self.i.valid & self.i.ready),
            read.addr.eq(place),
            read.en.eq(self.i.ready),
            self.o.p.data.eq(Mux(silent, 0, read.data)),
        ]
        with m.If(self.i.ready):
            m.d.sync += [
                self.o.valid.eq(self.i.valid),
                self.o.p.first.eq(self.i.p.first),
                self.o.p.last.eq(self.i.p.last),
                silent.eq(age != self.steps),
            ]
        with m.If(write.en):
            m.d.sync += place.eq(Mux(place == depth - 1, 0, place + 1))
            with m.If(self.i.p.last):
                m.d.sync += ended.eq(Mux(age == self.steps, age, age + 1))
        return m
