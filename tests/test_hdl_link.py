# amaranth: UnusedElaboratable=no
"""The gateware of the link, mechanism by mechanism, against the Python that speaks to it."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from clocked import Bench, clocked
from hypothesis import given, settings
from hypothesis import strategies as st

from hdl.link.collector import Collector
from hdl.link.counters import Counters
from hdl.link.endpoint import Endpoint
from hdl.link.facts import Core
from hdl.link.feed import Feed
from hdl.link.measure import Measure
from hdl.link.protocol import (
    ERROR,
    LOAD,
    NEXT,
    REPLY,
    RUN,
    STATUS,
    Code,
    Frame,
    Kind,
    Status,
    Want,
)  # fmt: skip
from hdl.link.reader import Reader
from hdl.link.receiver import Receiver
from hdl.link.sender import Sender
from hdl.link.uart import LEAST, Uart, UartRx, UartTx, edges
from sim.engines.board.decoder import Decoder

LIMIT, SILENCE = 40, 30
FRAMES = st.builds(
    Frame, st.integers(0, 255), st.integers(0, 2**32 - 1), st.integers(0, 2**16 - 1),
    st.binary(max_size=LIMIT),
)  # fmt: skip
SLOW = settings(max_examples=10, deadline=None)


# UART

RATES = [(4, 1), (25, 3), (12, 1), (100, 3), (48, 11), (7, 1)]  # cycles of some bits


@pytest.mark.parametrize(("clock", "baud"), RATES)
def test_edges_are_nearest(clock: int, baud: int) -> None:
    for half in (False, True):
        for k, edge in enumerate(edges(clock, baud, half)):
            assert abs(2 * baud * edge - clock * (2 * k + half)) <= baud


@pytest.mark.parametrize(("clock", "baud"), RATES)
def test_a_uart_sends_what_it_is_given_without_a_gap(clock: int, baud: int) -> None:
    data = [0x00, 0xFF, 0x55, 0x80, 0x01]

    def bench() -> Bench[list[int]]:
        wire, left = [], list(data)
        for _ in range((10 * clock // baud + 2) * (len(data) + 1)):
            seen = yield {"i_valid": int(bool(left)), "i_payload": left[0] if left else 0}
            wire.append(seen["pin"])
            if left and seen["i_ready"]:
                left.pop(0)
        return wire

    wire = clocked(UartTx(clock, baud), bench())
    start = wire.index(0)
    places, length = edges(clock, baud), edges(clock, baud)[10]
    wanted = []
    for byte in data:
        bits = [0, *(byte >> k & 1 for k in range(8)), 1]
        wanted += [bits[k] for k in range(10) for _ in range(places[k + 1] - places[k])]
    assert length * len(data) == len(wanted)
    assert wire[start : start + len(wanted)] == wanted
    assert set(wire[start + len(wanted) :]) == {1}
    assert set(wire[:start]) == {1}


def received(clock: int, baud: int, wire: Sequence[int]) -> list[int]:
    def bench() -> Bench[list[int]]:
        out = []
        for level in (*wire, *[1] * (2 * clock // baud + 8)):
            seen = yield {"pin": level}
            if seen["o_valid"]:
                out.append(seen["o_payload"])
        return out

    return clocked(UartRx(clock, baud), bench())


@pytest.mark.parametrize(("clock", "baud"), RATES)
@pytest.mark.parametrize("off", [-0.02, 0, 0.02])
def test_a_uart_receives_though_the_other_clock_is_two_per_cent_off(
    clock: int, baud: int, off: float
) -> None:
    rng = random.Random(0)
    data = [0x00, 0xFF, 0x55, 0xAA, *rng.randbytes(6)]
    bits = [b for byte in data for b in (0, *(byte >> k & 1 for k in range(8)), 1)]
    period = clock / baud * (1 + off)
    total = int(period * len(bits))
    for phase in (0.0, 0.3, 0.7):
        wire = [1, 1, *(bits[min(int((t + phase) / period), len(bits) - 1)] for t in range(total))]
        assert received(clock, baud, wire) == data


def test_a_byte_without_a_stop_bit_is_dropped_and_a_glitch_is_none() -> None:
    frame = [0] + [1, 0] * 4
    wire = [1] * 9 + [b for b in [*frame, 0] for _ in range(8)] + [1] * 90
    wire += [0, 0] + [1] * 40  # shorter than half a bit
    wire += [b for b in [*frame, 1] for _ in range(8)]
    assert received(8, 1, wire) == [0x55]


@pytest.mark.parametrize(("clock", "baud"), [(LEAST - 1, 1), (0, 1), (100, 0)])
def test_a_rate_that_the_clock_does_not_allow_is_refused(clock: int, baud: int) -> None:
    with pytest.raises(ValueError, match=f"{baud:,} baud needs a clock of"):
        Uart(clock, baud)


def test_both_ways_of_a_uart() -> None:
    class Loop(wiring.Component):
        def __init__(self) -> None:
            self.one = Uart(25, 3)
            super().__init__({"rx": self.one.signature.members["rx"],
                              "tx": self.one.signature.members["tx"]})  # fmt: skip

        def elaborate(self, platform: object) -> Module:
            m = Module()
            m.submodules.one = one = self.one
            wiring.connect(m, wiring.flipped(self.rx), one.rx)
            wiring.connect(m, wiring.flipped(self.tx), one.tx)
            m.d.comb += one.rx_pin.eq(one.tx_pin)
            return m

    data = list(random.Random(1).randbytes(30))

    def bench() -> Bench[list[int]]:
        left, out = list(data), []
        while len(out) < len(data):
            seen = yield {
                "tx_valid": int(bool(left)), "tx_payload": left[0] if left else 0, "rx_ready": 1
            }  # fmt: skip
            if left and seen["tx_ready"]:
                left.pop(0)
            if seen["rx_valid"]:
                out.append(seen["rx_payload"])
        return out

    assert clocked(Loop(), bench()) == data


# Receiver


def reported(
    data: bytes, seed: int = 0, pauses: Sequence[int] = ()
) -> tuple[list[tuple[Frame, int, int]], dict[str, int]]:
    """Give bytes to a receiver; return frames, whether intact, whether they fit, and counts.

    Args:
        pauses: places in data before which there is silence.
    """
    rng = random.Random(seed)

    def bench() -> Bench[tuple[list, dict]]:
        memory, frames, counts = bytearray(LIMIT), [], {"damaged": 0, "late": 0}
        left, at, quiet, takes, tail = list(data), 0, 0, 0, 0
        while left or tail < 2 * SILENCE:
            if left and at in pauses and quiet == 0:
                quiet = SILENCE + 3
            give = bool(left) and quiet <= 1 and rng.random() < 0.8
            tail = 0 if left else tail + 1
            seen = yield {
                "i_valid": int(give), "i_payload": left[0] if give else rng.getrandbits(8),
                "take": takes,
            }  # fmt: skip
            takes = 0
            quiet = max(quiet - 1, 1) if quiet else 0
            if give:
                left.pop(0)
                at, quiet = at + 1, 0
            if seen["write"]:
                memory[seen["at"]] = seen["data"]
            for name in counts:
                counts[name] += seen[name]
            if seen["valid"]:
                length = seen["length"] if seen["fits"] else 0
                frame = Frame(
                    seen["kind"], seen["session"], seen["sequence"], bytes(memory[:length])
                )
                if length >= 4:
                    assert seen["first"] == int.from_bytes(memory[:4], "little")
                frames.append((frame, seen["intact"], seen["fits"]))
                takes = 1
                seen = yield {"take": 1}
                takes = 0
        return frames, counts

    return clocked(Receiver(LIMIT, SILENCE), bench())


@SLOW
@given(
    st.lists(st.tuples(st.binary(max_size=9), FRAMES), min_size=1, max_size=4), st.integers(0, 99)
)
def test_a_receiver_reports_every_frame(parts: list[tuple[bytes, Frame]], seed: int) -> None:
    """Noise without an S is skipped; the decoder of the host agrees."""
    data = b""
    for noise, frame in parts:
        data += noise.replace(b"S", b"s") + frame.encode() + b"\0"  # a byte while it is dealt with
    frames, counts = reported(data, seed)
    assert (
        frames
        == [(frame, 1, 1) for _, frame in parts]
        == [(f, 1, 1) for f in Decoder(LIMIT).feed(data)]
    )
    assert counts == {"damaged": 0, "late": 0}


@SLOW
@given(FRAMES, st.data())
def test_a_receiver_reports_nothing_damaged_as_intact(frame: Frame, data: st.DataObject) -> None:
    stream = bytearray(frame.encode())
    at = data.draw(st.integers(2, len(stream) - 1))
    stream[at] ^= 1 << data.draw(st.integers(0, 7))
    good = Frame(9, 8, 7, b"good")
    pause = len(stream)
    frames, counts = reported(bytes(stream) + good.encode(), pauses=[pause])
    assert (good, 1, 1) == frames[-1]
    assert not any(found == (frame, 1, 1) for found in frames[:-1])
    if at >= 16:
        assert [f[1] for f in frames] == [0, 1]
    if at >= 12:
        assert counts["damaged"] == 1


@SLOW
@given(FRAMES, st.data())
def test_silence_ends_a_frame(frame: Frame, data: st.DataObject) -> None:
    length = data.draw(st.integers(1, len(frame.encode()) - 1))
    good = Frame(9, 8, 7, b"good")
    frames, counts = reported(frame.encode()[:length] + good.encode(), pauses=[length])
    assert frames == [(good, 1, 1)]
    assert counts == {"damaged": 0, "late": 1}


def test_an_s_before_the_sync_is_skipped() -> None:
    good = Frame(9, 8, 7, b"good")
    assert reported(b"SSS" + good.encode())[0] == [(good, 1, 1)]


def test_a_frame_that_is_too_long_is_told_of_and_not_stored() -> None:
    long, good = Frame(3, 2, 1, bytes(LIMIT + 1)), Frame(9, 8, 7, b"good")
    whole = long.encode() + good.encode()
    frames, _ = reported(whole)
    assert frames == [(Frame(3, 2, 1), 1, 0), (good, 1, 1)]


# Sender


@SLOW
@given(
    st.integers(0, 255), st.integers(0, 2**32 - 1), st.integers(0, 2**16 - 1),
    st.binary(max_size=20), st.integers(0, 2**128 - 1), st.integers(0, 99),
)  # fmt: skip
def test_a_sender_sends_what_the_codec_makes(
    kind: int, session: int, sequence: int, body: bytes, status: int, seed: int
) -> None:
    rng = random.Random(seed)
    given_ = {"kind": kind, "session": session, "sequence": sequence, "length": len(body)}

    def bench() -> Bench[bytes]:
        out, left, begun = bytearray(), list(body), False
        while True:
            ready, valid = rng.random() < 0.7, bool(left) and rng.random() < 0.7
            start = {} if begun else {"start": 1, **given_}
            seen = yield {
                "o_ready": int(ready), "body_valid": int(valid),
                "body_payload": left[0] if left else 0, "status": status, **start,
            }  # fmt: skip
            if begun and not seen["busy"]:
                return bytes(out)
            begun = True
            if seen["o_valid"] and ready:
                out.append(seen["o_payload"])
            if valid and seen["body_ready"]:
                left.pop(0)
            assert not seen["starved"] or not valid

    payload = body + status.to_bytes(16, "little")
    assert clocked(Sender(), bench()) == Frame(kind, session, sequence, payload).encode()


# The small ones


@pytest.mark.parametrize("seed", range(3))
def test_a_reader_gives_a_run_of_bytes(seed: int) -> None:
    rng = random.Random(seed)
    memory = rng.randbytes(37)
    runs = [(b, rng.randrange(len(memory) - b + 1)) for b in (0, 5, 36, 4)]

    def bench() -> Bench[list[bytes]]:
        found, at = [], 0
        for begin, count in runs:
            out, first = bytearray(), True
            for _ in range(8 * count + 9):
                start = {"start": 1, "begin": begin, "count": count} if first else {}
                ready = rng.random() < 0.6
                seen = yield {"data": memory[at], "o_ready": int(ready), **start}
                at = seen["at"]
                assert at < len(memory)
                if not first and ready and seen["o_valid"]:
                    out.append(seen["o_payload"])
                first = False
            found.append(bytes(out))
        return found

    assert clocked(Reader(len(memory)), bench()) == [memory[b : b + n] for b, n in runs]


@pytest.mark.parametrize("bits", [1, 8, 11, 32])
def test_a_feed_gives_beats_with_their_marks(bits: int) -> None:
    rng, size = random.Random(bits), 3
    width = -(-bits // 8)
    beats = [rng.getrandbits(bits) for _ in range(3 * size)]
    data = b"".join(beat.to_bytes(width, "little") for beat in beats)

    def bench() -> Bench[list[tuple[int, int, int, int]]]:
        out, left = [], list(b"\x55" + data)
        yield {"size": size, "i_valid": 1, "i_payload": left.pop(0)}  # is forgotten
        yield {"size": size, "clear": 1}
        while len(out) < len(beats):
            valid, ready = bool(left) and rng.random() < 0.8, rng.random() < 0.6
            seen = yield {
                "size": size, "i_valid": int(valid), "i_payload": left[0] if left else 0,
                "o_ready": int(ready),
            }  # fmt: skip
            if valid and seen["i_ready"]:
                left.pop(0)
            if ready and seen["o_valid"]:
                out.append((seen["o_data"], seen["o_first"], seen["o_last"], seen["whole"]))
        return out

    wanted = [(b, k % size == 0, k % size == size - 1, k >= size) for k, b in enumerate(beats)]
    assert clocked(Feed(bits), bench()) == wanted


@pytest.mark.parametrize("want", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("samples", [1, 2, 17])
def test_a_measure_adds_up(want: int, samples: int) -> None:
    sizes = (7, 100, 333)

    def bench() -> Bench[tuple[int, int, int]]:
        yield {"start": 1, "want": want, "samples": samples}
        for cycle in range(100):
            seen = yield {"want": want, "samples": samples}
            if seen["done"]:
                return cycle, seen["taken"], seen["returned"]
        raise AssertionError

    returned = samples * sum(size for k, size in enumerate(sizes) if want >> k & 1)
    assert clocked(Measure(13, sizes), bench()) == (samples, 13 * samples, returned)


def test_counters_count_and_the_network_outlives_a_reset() -> None:
    def bench() -> Bench[list[Status]]:
        seen, found = None, []

        def status(row: dict[str, int]) -> Status:
            return Status.decode(row["status"].to_bytes(16, "little"))

        rows = [
            {"good": 1}, {"damaged": 1}, {"late": 1}, {"late": 1}, {"refused": 1}, {"moved": 1},
            {"moved": 1}, {"error": 5, "good": 1}, {"loading": 1}, {"loaded": 1, "crc": 77},
            {"reset": 1}, {},
        ]  # fmt: skip
        for row in rows:
            seen = yield row
            found.append(status(seen))
        return found

    found = clocked(Counters(0xABCD), bench())
    assert found[0] == Status(0, 1, 0xABCD, 0, 0, 0, 0)
    assert found[7] == Status(5, 1, 0xABCD, 2, 1, 2, 1)
    assert found[9].weights == 0
    assert found[-1] == Status(0, 0, 77, 0, 0, 0, 0)


@pytest.mark.parametrize("form", [0, 1])
@pytest.mark.parametrize("wanted", [0b001, 0b110, 0b111])
def test_a_collector_takes_all_that_is_shown_before_the_core_goes_on(
    form: int, wanted: int
) -> None:
    sizes, rng = [(3, 9), (8, 17), (1, 1)], random.Random(form)
    cycles = [
        (rng.getrandbits(3), [[rng.getrandbits(n) for n in pair] for pair in sizes])
        for _ in range(40)
    ]

    def bench() -> Bench[bytes]:
        out, at, rest = bytearray(), 0, 0
        while rest < 20:
            valid, data = cycles[at] if at < len(cycles) else (0, cycles[0][1])
            ready = rng.random() < 0.7
            seen = yield {
                "valid": valid, "wanted": wanted, "form": form, "o_ready": int(ready),
                **{f"data_{k}_{n}": x for k, pair in enumerate(data) for n, x in enumerate(pair)},
            }  # fmt: skip
            if ready and seen["o_valid"]:
                out.append(seen["o_payload"])
            if not seen["hold"]:
                at += 1
            rest += at >= len(cycles)
        return bytes(out)

    expected = bytearray()
    for valid, data in cycles:
        for k in range(3):
            if valid & wanted & 1 << k:
                width = -(-sizes[k][form] // 8)
                expected += bytes([k]) + data[k][form].to_bytes(width, "little")
    assert clocked(Collector(sizes), bench()) == bytes(expected)


# The endpoint, with a core that the test plays

CORE = Core(b"what it is", LIMIT, 2, (3, 5, 7), 0x1234, True, 200)


def asked(frames: Sequence[Frame], shown: bytes) -> tuple[list[Frame], list[int], list[int]]:
    """Send frames, each after the reply to the one before; return replies and what the core saw.

    Args:
        shown: bytes that the core shows after each clear; fewer than are wanted: it stalls.

    Returns
    -------
        replies; the cycles in which the core was cleared; the bytes of beats that it took.
    """

    def bench() -> Bench[tuple[list[Frame], list[int], list[int]]]:
        replies, clears, beats, decoder = [], [], [], Decoder(999)
        left, cycle = b"", 0
        for frame in frames:
            going, quiet = list(frame.encode()), 0
            while quiet < 3 * SILENCE + 300:
                cycle += 1
                seen = yield {
                    "rx_valid": int(bool(going)), "rx_payload": going[0] if going else 0,
                    "tx_ready": 1, "good": 1, "fed": 1, "beats_ready": 1, "words_ready": 1,
                    "body_valid": int(bool(left)), "body_payload": left[0] if left else 0,
                }  # fmt: skip
                going = going[1:]
                quiet = 0 if seen["tx_valid"] or going else quiet + 1
                if seen["body_ready"]:
                    left = left[1:]
                if seen["clear"]:
                    clears.append(cycle)
                    left = shown
                if seen["beats_valid"]:
                    beats.append(seen["beats_payload"])
                if seen["tx_valid"]:
                    replies += decoder.feed(bytes([seen["tx_payload"]]))
            replies += decoder.flush()
        return replies, clears, beats

    return clocked(Endpoint(CORE, SILENCE), bench())


def test_every_run_clears_the_core_and_gives_it_its_samples() -> None:
    run = [Frame(Kind.RUN, 9, k, RUN.pack(Want.TRACES, 0, 2) + b"abcd") for k in (1, 2)]
    replies, clears, beats = asked([Frame(Kind.HELLO, 9, 0), *run], bytes(range(14)))
    assert [reply.payload[: -STATUS.size] for reply in replies] == [
        CORE.hello, bytes(range(14)), bytes(range(14))
    ]  # fmt: skip
    assert [reply.kind for reply in replies] == [Kind.HELLO | REPLY, *[Kind.RUN | REPLY] * 2]
    assert len(clears) == 2 and bytes(beats) == b"abcd" * 2


def test_a_core_that_stalls_is_told_of_and_cleared_before_the_next_run() -> None:
    """The reply that was begun breaks off; the error behind it has the same sequence."""
    run = [Frame(Kind.RUN, 9, k, RUN.pack(Want.OUTPUT, 0, 4) + b"abcdefgh") for k in (1, 2)]
    less = [Frame(Kind.RUN, 9, 3, RUN.pack(Want.OUTPUT, 0, 3) + b"abcdef")]
    replies, clears, _ = asked([Frame(Kind.HELLO, 9, 0), *run, *less], bytes(range(9)))
    assert [(reply.kind, reply.sequence) for reply in replies[1:]] == [
        (ERROR, 1), (ERROR, 2), (Kind.RUN | REPLY, 3)
    ]  # fmt: skip
    assert [reply.payload[0] for reply in replies[1:3]] == [Code.STALLED] * 2
    assert replies[3].payload[: -STATUS.size] == bytes(range(9))
    assert Status.decode(replies[3].payload[-STATUS.size :]).refused == 2
    assert len(clears) == 3


def test_a_load_confirms_the_part_that_is_next() -> None:
    part = [Frame(Kind.LOAD, 9, 1 + k, LOAD.pack(k, 0, 0) + b"word") for k in (0, 1)]
    replies, clears, _ = asked([Frame(Kind.HELLO, 9, 0), *part, part[1]], b"")
    assert [reply.payload[: -STATUS.size] for reply in replies[1:]] == [
        NEXT.pack(1), NEXT.pack(2), NEXT.pack(2)
    ]  # fmt: skip
    assert clears == []
