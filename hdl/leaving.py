"""What leaves a network: beats of its output population, or the answer of every sample."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Member, Out

from .cores.entry import Entry
from .cores.leave import Leave
from .cores.readout import ReadoutUnit
from .cores.stop import Stop
from .planned import Plan


def ports(plan: Plan) -> dict[str, Member]:
    """Return the ports of the stream that leaves."""
    if plan.answer:
        answer = {f"c_{name}": Out(bits) for name, bits in plan.answer.ports.items()}
        return {"c_valid": Out(1), "c_ready": In(1), **answer}
    return {
        "o_valid": Out(1),
        "o_ready": In(1),
        "o_data": Out(plan.leaves.beat_bits),
        "o_first": Out(1),
        "o_last": Out(1),
    }


def made(plan: Plan) -> Leave:
    """Return what waits to be taken; a block without an answer has its place too."""
    if plan.answer:
        return Leave(plan.answer.beat_bits, beats=1, beats_first=1, banks=plan.output_banks)
    placing = plan.leaves
    return Leave(
        placing.beat_bits, beats=placing.beats, beats_first=placing.beats_first,
        banks=plan.output_banks,
    )  # fmt: skip


def read(
    m: Module, plan: Plan, unit: wiring.Component, leave: Leave, reserve: Value,
    top: wiring.Component,
) -> None:  # fmt: skip
    """Read out the classes of a neuron unit; a block without an answer gives its place back."""
    assert plan.answer is not None
    p = plan.populations[plan.output]
    m.submodules.readout = readout = ReadoutUnit(plan.answer, p.order, p.widths.v)
    m.d.comb += [
        getattr(readout, name).eq(getattr(unit, name))
        for name in ("valid", "index", "end", "v", "spike", "starts", "final", "first")
    ]
    answered = leave.o.p.data[-1]
    ports = [getattr(top, f"c_{name}") for name in plan.answer.ports]
    m.d.comb += [
        leave.i.valid.eq(readout.ended),
        leave.i.p.data.eq(readout.data),
        leave.reserve.eq(reserve),
        top.c_valid.eq(leave.o.valid & answered),
        leave.o.ready.eq(top.c_ready | ~answered),
        Cat(*ports).eq(leave.o.p.data),
    ]
    if plan.answer.stop:
        _stop(m, plan, m.submodules.entry, readout)


def _stop(m: Module, plan: Plan, entry: Entry, readout: ReadoutUnit) -> None:
    """Have the entry drop the rest of a sample that is decided.

    A sample between entry and read-out holds a bank of some buffer, or of what leaves.
    """
    banks = sum(max(c.banks for c in p.connections) for p in plan.populations)
    m.submodules.stop = core = Stop(banks + plan.output_banks + 1)
    m.d.comb += [
        core.began.eq(entry.began),
        core.entered.eq(entry.entered),
        core.begun.eq(readout.begun),
        core.decided.eq(readout.decided),
        entry.drop.eq(core.drop),
    ]
