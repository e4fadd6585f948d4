"""The virtual board behind the driver: results, loads, resets, and faults on the line."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import planned
import pytest
from boards import CLOCK, GAP, RECORDS, Built, built, loadable, same
from maps import draw_maps
from test_sim_netlist import digits

from hdl.link.emission import emit
from hdl.link.facts import Line, items
from hdl.link.protocol import LOAD, RUN, Code, Hello, Kind, Want
from hdl.plan import plan
from mapping import Network, Readout
from sim import Trace, run
from sim.board import Board
from sim.campaign.stimuli import stimuli
from sim.engines.board import virtual
from sim.engines.board.exchange import Refused
from sim.engines.board.faults import KINDS, FaultyLine
from sim.engines.board.line import LinkError
from sim.engines.board.virtual import VirtualLine
from sim.tools import ProtocolError

pytestmark = pytest.mark.rtl


@pytest.fixture(scope="module")
def small() -> Built:
    """Return a loadable 6-5-3."""
    return loadable()


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
