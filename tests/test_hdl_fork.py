# amaranth: UnusedElaboratable=no
"""The fork and the buffer: every reader gets every beat once and in order, under stalls."""

from __future__ import annotations

import pytest
from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped
from streams import play

from hdl import layouts
from hdl.buffer import Buffer
from hdl.fork import Fork

PAYLOAD = layouts.words(5, 1)
STALLS = [(0, 0), (50, 0), (0, 60), (40, 80)]


def beats(rng, count: int) -> list[dict[str, int]]:
    data = rng.integers(0, 32, count).tolist()
    return [{"data": d, "first": int(rng.integers(2)), "last": k % 3 == 2}
            for k, d in enumerate(data)]  # fmt: skip


@pytest.mark.parametrize("readers", [1, 2, 3])
@pytest.mark.parametrize("stalls", STALLS)
def test_every_reader_gets_every_beat_once(readers, stalls, rng) -> None:
    sent = beats(rng, 60)
    outs = {f"o_{r}": 60 for r in range(readers)}
    seen = play(Fork(readers, PAYLOAD), {"i": sent}, outs, stalls, seed=readers)
    for r in range(readers):
        assert seen.beats[f"o_{r}"] == sent
    if stalls == (0, 0):
        assert seen.cycles["i"] == list(range(60)) == seen.cycles["o_0"]


class OneStops(wiring.Component):
    """A fork whose second reader is never ready."""

    def __init__(self) -> None:
        signature = stream.Signature(PAYLOAD)
        super().__init__({"i": In(signature), "o": Out(signature)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.fork = fork = Fork(2, PAYLOAD)
        connect(m, flipped(self.i), fork.i)
        connect(m, fork.o_0, flipped(self.o))
        m.d.comb += fork.o_1.ready.eq(0)
        return m


def test_a_reader_takes_its_beat_without_the_other_and_only_once(rng) -> None:
    with pytest.raises(AssertionError, match=r"no end in 200 cycles: \[\('o', 1, 2\)\]"):
        play(OneStops(), {"i": beats(rng, 2)}, {"o": 2}, limit=200)


@pytest.mark.parametrize("depth", [2, 3, 9])
@pytest.mark.parametrize("stalls", STALLS)
def test_a_buffer_keeps_order(depth, stalls, rng) -> None:
    sent = beats(rng, 40)
    seen = play(Buffer(PAYLOAD, depth), {"i": sent}, {"o": 40}, stalls, seed=depth)
    assert seen.beats["o"] == sent
    assert seen.cycles["o"][0] - seen.cycles["i"][0] >= Buffer.latency
    if stalls == (0, 0) and depth > 2:
        assert {b - a for a, b in zip(seen.cycles["i"], seen.cycles["o"], strict=True)} == {2}


@pytest.mark.parametrize("depth", [2, 5])
def test_a_buffer_holds_its_depth_and_no_more(depth, rng) -> None:
    class Stopped(OneStops):
        """A buffer that nobody reads; o tells what it takes."""

        def elaborate(self, platform: object) -> Module:
            m = Module()
            m.submodules.buffer = buffer = Buffer(PAYLOAD, depth)
            m.d.comb += [
                buffer.i.payload.eq(self.i.payload),
                buffer.i.valid.eq(self.i.valid),
                self.i.ready.eq(buffer.i.ready),
                self.o.valid.eq(self.i.valid & buffer.i.ready),
                self.o.payload.eq(self.i.payload),
                buffer.o.ready.eq(0),
            ]
            return m

    with pytest.raises(AssertionError, match=rf"no end in 200 cycles: \[\('o', {depth}, 20\)\]"):
        play(Stopped(), {"i": beats(rng, 20)}, {"o": 20}, limit=200)


def test_sizes_must_be_positive() -> None:
    with pytest.raises(ValueError, match="readers of a fork must be positive, not 0"):
        Fork(0, PAYLOAD)
    with pytest.raises(ValueError, match="depth of a buffer must be at least 2, not 1"):
        Buffer(PAYLOAD, 1)
