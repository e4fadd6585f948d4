"""Runs a core in Amaranth's simulator cycle by cycle, with a test as everything around it."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import Any, TypeVar

from amaranth.hdl import ClockDomain, Const, Module, Value
from amaranth.lib.data import Layout
from amaranth.lib.wiring import In
from amaranth.sim import Simulator

Result = TypeVar("Result")
#: A test around a core: gives the inputs of a cycle, gets the outputs of that cycle, and so on.
Bench = Generator[dict[str, int], dict[str, int], Result]


def ports(dut: Any) -> tuple[dict[str, Value], dict[str, Value]]:
    """Return inputs and outputs of a core by name; streams as ``i_valid``, ``i_data``, .."""
    ins: dict[str, Value] = {}
    outs: dict[str, Value] = {}
    for name, member in dut.signature.members.items():
        port = getattr(dut, name)
        mine, others = (ins, outs) if member.flow == In else (outs, ins)
        if member.is_port:
            mine[name] = Value.cast(port)
            continue
        mine[f"{name}_valid"] = Value.cast(port.valid)
        if not isinstance(Value.cast(port.ready), Const):
            others[f"{name}_ready"] = Value.cast(port.ready)
        if not isinstance(port.payload.shape(), Layout):
            mine[f"{name}_payload"] = port.payload
            continue
        for field, _ in port.payload.shape():
            mine[f"{name}_{field}"] = Value.cast(port.payload[field])
    return ins, outs


def clocked(dut: Any, bench: Bench[Result], limit: int = 100_000) -> Result:
    """Run a core until its bench returns.

    What the bench yields are the inputs of one cycle (those that it does not name are 0; ``reset``
    resets the core at the cycle's end); what it gets are the outputs at the end of that cycle.
    """
    m = Module()
    m.domains.sync = domain = ClockDomain("sync")
    m.submodules.dut = dut
    ins, outs = ports(dut)
    ins["reset"] = domain.rst
    found: list[Result] = []

    async def testbench(ctx: Any) -> None:
        now = dict.fromkeys(ins, 0)
        try:
            given = next(bench)
            for _ in range(limit):
                wanted = {**dict.fromkeys(ins, 0), **given}
                assert wanted.keys() == ins.keys(), wanted.keys() - ins.keys()
                for name, value in wanted.items():
                    if now[name] != value:
                        ctx.set(ins[name], value)
                now = wanted
                _, _, *seen = await ctx.tick().sample(*outs.values())
                given = bench.send(dict(zip(outs, seen, strict=True)))
        except StopIteration as end:
            found.append(end.value)

    simulator = Simulator(m)
    simulator.add_clock(1e-6)
    simulator.add_testbench(testbench)
    simulator.run()
    assert found, f"no end in {limit} cycles"
    return found[0]


def played(dut: Any, rows: Iterable[dict[str, int]]) -> list[dict[str, int]]:
    """Give a core its inputs cycle by cycle; return what it put out in each."""

    def bench() -> Bench[list[dict[str, int]]]:
        seen = []
        for row in rows:
            seen.append((yield row))
        return seen

    return clocked(dut, bench())


def lanes(value: int, bits: int, count: int, signed: bool = False) -> list[int]:
    """Cut a number into ``count`` fields of so many bits, the lowest first."""
    cut = [value >> k * bits & ((1 << bits) - 1) for k in range(count)]
    return [x - (1 << bits) if signed and x >> bits - 1 else x for x in cut]


def joined(values: Iterable[int], bits: int) -> int:
    """Put fields of so many bits beside each other, the first lowest."""
    return sum((int(x) & ((1 << bits) - 1)) << k * bits for k, x in enumerate(values))
