"""What a board and its driver refuse, each in a sentence; and the ports that lead to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import needs
import planned
import pytest
from boards import CLOCK, Built, loadable, same

from hdl.link.emission import emit
from hdl.link.facts import Line
from hdl.link.protocol import LOAD, REPLY, RUN, STATUS, Code, Frame, Hello, Kind
from sim.board import Board
from sim.board_items import split
from sim.engines.board.decoder import Decoder
from sim.engines.board.exchange import TRIES, Exchange, Refused
from sim.engines.board.line import LinkError, SerialLine
from sim.engines.board.served import Served
from sim.tools import ProtocolError

pytestmark = pytest.mark.rtl


@pytest.fixture(scope="module")
def small() -> Built:
    """Return a loadable 6-5-3."""
    return loadable()


# What is not as it should be


def raw(small: Built, *frames: Frame, before: bytes = b"") -> list[Frame]:
    """Send frames to a board that was greeted by session 7; return what it says to each."""
    line = small.line()
    replies = []
    for frame in (Frame(Kind.HELLO, 7, 0), *frames):
        line.write(before + frame.encode())
        decoder, found = Decoder(4096), []
        while data := line.read(2e-3):
            found += decoder.feed(data)
        assert decoder.skipped == 0
        replies += found
    line.close()
    return replies[1:]


SAMPLE = 8  # bytes of a sample of the small board, 4 timesteps of 2 words


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (Frame(Kind.ECHO, 7, 1, bytes(257)), Code.TOO_LONG),
        (Frame(0x40, 7, 1), Code.UNKNOWN),
        (Frame(Kind.ECHO, 8, 1), Code.SESSION),
        (Frame(Kind.HELLO, 0, 1), Code.SESSION),
        (Frame(Kind.RUN, 7, 1), Code.MALFORMED),
        (Frame(Kind.RUN, 7, 1, RUN.pack(1, 0, 0)), Code.MALFORMED),
        (Frame(Kind.RUN, 7, 1, RUN.pack(0, 0, 1) + bytes(SAMPLE)), Code.MALFORMED),
        (Frame(Kind.RUN, 7, 1, RUN.pack(6, 0, 1) + bytes(SAMPLE)), Code.MALFORMED),
        (Frame(Kind.RUN, 7, 1, RUN.pack(9, 0, 1) + bytes(SAMPLE)), Code.MALFORMED),
        (Frame(Kind.RUN, 7, 1, RUN.pack(1, 1, 1) + bytes(SAMPLE)), Code.MALFORMED),
        (Frame(Kind.RUN, 7, 1, RUN.pack(1, 0, 2) + bytes(SAMPLE)), Code.MALFORMED),
        (Frame(Kind.RUN, 7, 1, RUN.pack(1, 0, 65535) + bytes(SAMPLE)), Code.MALFORMED),
        (Frame(Kind.RUN, 7, 1, RUN.pack(1, 0, 1) + bytes(SAMPLE + 1)), Code.MALFORMED),
        (Frame(Kind.LOAD, 7, 1, LOAD.pack(0, 0, 0)), Code.MALFORMED),
        (Frame(Kind.LOAD, 7, 1, LOAD.pack(0, 0, 0) + bytes(5)), Code.MALFORMED),
        (Frame(Kind.LOAD, 7, 1, LOAD.pack(0, 2, 0) + bytes(4)), Code.MALFORMED),
        (Frame(Kind.LOAD, 7, 1, LOAD.pack(3, 0, 0) + bytes(4)), Code.ORDER),
    ],
)
def test_what_a_board_does_not_take_is_an_error(small: Built, frame: Frame, code: Code) -> None:
    assert small.manifest["board"]["hello"] and SAMPLE == hello(small).sample_bytes
    (reply,) = raw(small, frame)
    assert (reply.kind, reply.session, reply.sequence) == (0xFF, frame.session, frame.sequence)
    assert reply.payload[:1] == bytes([code])
    assert len(reply.payload) == 1 + STATUS.size


def hello(built: Built) -> Hello:
    found = Hello.decode(bytes.fromhex(built.manifest["board"]["hello"]))
    assert found is not None
    return found


def test_a_damaged_payload_is_told_of_and_a_damaged_header_is_not(small: Built) -> None:
    good = Frame(Kind.ECHO, 7, 1, b"abcd")
    line = small.line()
    line.write(Frame(Kind.HELLO, 7, 0).encode())
    while line.read(1e-3):
        pass
    for at, wanted in ((17, [0xFF]), (5, []), (15, [])):
        data = bytearray(good.encode())
        data[at] ^= 4
        line.write(bytes(data))
        assert [f.kind for f in Decoder(99).feed(line.read(1e-3) + line.read(1e-3))] == wanted
    line.write(good.encode())
    (reply,) = Decoder(99).feed(line.read(1e-3) + line.read(1e-3))
    assert reply.kind == Kind.ECHO | REPLY
    assert reply.payload[-6:-2] == b"\3\0\0\0" and reply.payload[-2:] == b"\1\0"
    line.close()


class Silent:
    """A line on which nothing comes back; time passes by itself."""

    name, rate, latency = "the port", 100_000.0, 0.25

    def __init__(self, answers: Callable[[bytes], bytes] = lambda data: b"") -> None:
        self.now, self.sent, self.closed = 0.0, 0, False
        self._answers, self._come = answers, b""

    def passed(self) -> float:
        return self.now

    def write(self, data: bytes) -> None:
        self.sent += 1
        self._come += self._answers(data)

    def read(self, seconds: float) -> bytes:
        come, self._come = self._come, b""
        self.now += 0 if come else seconds
        return come

    def drain(self) -> None:
        self._come = b""

    def close(self) -> None:
        self.closed = True


def test_a_board_that_does_not_answer_is_given_up_in_the_time_that_is_stated(small: Built) -> None:
    line = Silent()
    with pytest.raises(
        LinkError, match=r"^the port does not answer HELLO in 8 tries: is the board"
    ):
        Board(line, small.manifest, line.passed)
    assert line.closed and line.sent == TRIES
    assert line.now < TRIES * (0.26 + 1.25 * 2000 / line.rate)


def answering(small: Built, **changes: Any) -> Silent:
    """Return a line to a board that says other things of itself."""

    def answers(data: bytes) -> bytes:
        (frame,) = Decoder(9999).feed(data)
        said = replace(hello(small), **changes).encode()
        payload = said + bytes(STATUS.size)
        return Frame(frame.kind | REPLY, frame.session, frame.sequence, payload).encode()

    return Silent(answers)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"version": 2}, "speaks version 2 of the protocol, and this program version 1: program"),
        ({"design": bytes(16)}, "holds design 000000000000, and the folder is of"),
        ({"loadable": 0, "network": bytes(16)}, "was built for network 000000000000, and"),
        ({"baud": 9600}, "says baud 9600, and the folder 0: program the board from this folder"),
        ({"output_bytes": 1 << 31}, "says output_bytes 2147483648, and the folder"),
    ],
)
def test_another_board_is_refused(small: Built, changes: dict, sentence: str) -> None:
    line = answering(small, **changes)
    with pytest.raises(LinkError, match=f"^the port {sentence}"):
        Board(line, small.manifest, line.passed)
    assert line.closed


def test_replies_to_others_are_dropped(small: Built) -> None:
    """Of another session, another sequence, another kind, without a status: none counts."""

    def answers(data: bytes) -> bytes:
        (f,) = Decoder(9999).feed(data)
        body = b"x" + bytes(STATUS.size)
        wrong = [
            Frame(f.kind | REPLY, f.session ^ 1, f.sequence, body),
            Frame(f.kind | REPLY, f.session, f.sequence - 1, body),
            Frame(Kind.RUN | REPLY, f.session, f.sequence, body),
            Frame(f.kind | REPLY, f.session, f.sequence, b"x" * (STATUS.size - 1)),
            Frame(f.kind, f.session, f.sequence, body),
        ]
        right = Frame(f.kind | REPLY, f.session, f.sequence, b"y" + bytes(STATUS.size))
        return b"".join(frame.encode() for frame in (*wrong, right))

    line = Silent(answers)
    exchange = Exchange(line, line.passed)
    exchange.session = 5
    assert exchange.ask(Kind.ECHO, b"y", 1).body == b"y"
    assert exchange.retries == 0


def test_an_error_behind_a_reply_that_broke_off_counts(small: Built) -> None:
    """The reply promises more bytes than come: they are given up at the end of the wait."""

    def answers(data: bytes) -> bytes:
        (f,) = Decoder(9999).feed(data)
        payload = b"y" * 200 + bytes(STATUS.size)
        reply = Frame(f.kind | REPLY, f.session, f.sequence, payload).encode()
        error = bytes([Code.FIXED]) + bytes(STATUS.size)
        return reply[:40] + Frame(0xFF, f.session, f.sequence, error).encode()

    line = Silent(answers)
    exchange = Exchange(line, line.passed)
    exchange.session = 5
    with pytest.raises(Refused, match="^the port refuses ECHO: the board's network cannot be"):
        exchange.ask(Kind.ECHO, b"y" * 200, 200)
    assert line.sent == 1


def test_a_network_of_another_structure_is_refused(small: Built) -> None:
    other = planned.network((6, 4, 3), planned.CHAIN, 4)
    with small.board() as board, pytest.raises(ValueError, match="another structure"):
        board.run(other, small.inputs(1))


def test_fewer_timesteps_are_refused(small: Built) -> None:
    with (
        small.board() as board,
        pytest.raises(ValueError, match="samples of 4 timesteps, not of 3"),
    ):
        board.run(small.networks[0], small.inputs(1)[:, :3])


def test_a_sample_that_the_store_does_not_hold_is_refused_before_anything_is_built() -> None:
    network = planned.network((6, 5, 3), planned.CHAIN, 4)
    with pytest.raises(
        ValueError, match="a RUN of one sample takes 12 bytes of a board's store, which has 11"
    ):
        emit(network, Line(CLOCK, 1_000_000, 11), pe=2, simd=3)
    with pytest.raises(ValueError, match="4,000,000 baud needs a clock of 16,000,000 Hz"):
        emit(network, Line(CLOCK, 4_000_000, 64))


def test_a_reply_of_other_beats_is_refused() -> None:
    items = [{"tag": 0, "stream": "o", "ports": {"data": 3, "first": 1, "last": 1}}]
    for body in (b"\1\0", b"\0\0\0", b"\0"):
        with pytest.raises(ProtocolError, match="holds no beat at byte"):
            split(body, items, None)


# Ports


def test_a_port_that_is_none_is_one_sentence() -> None:
    needs.package("serial")
    with pytest.raises(LinkError, match="^/dev/no-such-port cannot be opened: .*No such file"):
        SerialLine("/dev/no-such-port", 1_000_000)
    with pytest.raises(
        LinkError, match="^'nonsense://x' is no port: give a device as /dev/ttyUSB0"
    ):
        SerialLine("nonsense://x", 1_000_000)
    with pytest.raises(LinkError, match="cannot be opened: Could not open port"):
        SerialLine("socket://127.0.0.1:9", 1_000_000)


def test_bytes_go_through_a_port_of_pyserial_and_stale_ones_are_dropped() -> None:
    needs.package("serial")
    line = SerialLine("loop://", 1_000_000)
    line.write(b"stale")
    line.drain()
    assert line.read(0.01) == b""
    frame = Frame(Kind.ECHO, 1, 2, bytes(range(256)))
    line.write(frame.encode())
    decoder, found = Decoder(999), []
    while data := line.read(0.05):
        found += decoder.feed(data)
    line.close()
    assert found == [frame] and decoder.skipped == 0


def test_a_board_behind_a_socket(small: Built) -> None:
    """The driver as it speaks to a port; then the next host, which finds the network there."""
    needs.package("serial")
    network, x = small.networks[1], small.inputs(40)
    with Served(small.line()) as served:
        for _ in range(2):
            with Board(SerialLine(served.url, 115_200, latency=20), small.manifest) as board:
                loaded = board.status.weights == board._words(network)[-1]
                same(network, x, board.run(network, x))
                assert board.self_test().echoed > 500
        assert loaded
    with pytest.raises(LinkError, match="cannot be opened"):
        SerialLine(served.url, 115_200)
