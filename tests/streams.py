"""Drives a component's streams in Amaranth's simulator, and checks that they obey their rules."""

from __future__ import annotations

import random
from dataclasses import dataclass

from amaranth.hdl import Const, Value
from amaranth.lib import data
from amaranth.lib.wiring import In
from amaranth.sim import Simulator


@dataclass(frozen=True)
class Played:
    """What one run saw: by stream, the beats that were transferred and the cycle of each."""

    beats: dict[str, list[dict[str, int]]]
    cycles: dict[str, list[int]]


def pack(layout: data.StructLayout, beat: dict[str, int]) -> int:
    """Return a payload's bits."""
    return sum((beat[name] & ((1 << field.width) - 1)) << field.offset for name, field in layout)


def unpack(layout: data.StructLayout, bits: int) -> dict[str, int]:
    """Return a payload's fields."""
    fields = {}
    for name, field in layout:
        value = bits >> field.offset & ((1 << field.width) - 1)
        signed = Value.cast(data.View(layout, Const(0, layout.size))[name]).shape().signed
        fields[name] = value - (1 << field.width) if signed and value >> field.width - 1 else value
    return fields


def play(
    dut: object,
    inputs: dict[str, list[dict[str, int]]],
    counts: dict[str, int],
    stalls: tuple[int, int] = (0, 0),
    seed: int = 0,
    limit: int = 200_000,
) -> Played:
    """Feed every input stream and collect every output until each has sent its count.

    Args:
        inputs: input stream to its beats. counts: output stream to how many beats it must send.
        stalls: per cent of cycles in which an input, an output holds back.
        limit: cycles after which the run fails.
    """
    rng = random.Random(seed)
    ins = {name: getattr(dut, name) for name in inputs}
    outs = {
        name: getattr(dut, name)
        for name, member in dut.signature.members.items()
        if member.flow != In and name in counts
    }
    tapped = {name: isinstance(Value.cast(port.ready), Const) for name, port in outs.items()}
    layouts = {n: p.payload.shape() for n, p in (*ins.items(), *outs.items())}
    payload = {n: Value.cast(p.payload) for n, p in (*ins.items(), *outs.items())}
    raw: dict[str, list[int]] = {n: [] for n in outs}
    cycles: dict[str, list[int]] = {n: [] for n in (*ins, *outs)}
    waiting = {n: [pack(layouts[n], b) for b in reversed(inputs[n])] for n in ins}
    failures: list[str] = []

    async def bench(ctx: object) -> None:
        offered = dict.fromkeys(ins, False)
        held: dict[str, int | None] = dict.fromkeys(outs)
        watched = [p.ready for p in ins.values()]
        watched += [x for n, p in outs.items() for x in (p.valid, payload[n])]
        quiet = 0
        for cycle in range(limit):
            for n, port in ins.items():
                if not offered[n]:
                    offered[n] = bool(waiting[n]) and rng.randrange(100) >= stalls[0]
                ctx.set(port.valid, offered[n])
                noise = rng.getrandbits(len(payload[n]))  # a payload without valid means nothing
                ctx.set(payload[n], waiting[n][-1] if offered[n] else noise)
            takes = {n: tapped[n] or rng.randrange(100) >= stalls[1] for n in outs}
            for n, port in outs.items():
                if not tapped[n]:
                    ctx.set(port.ready, takes[n])
            _, _, *seen = await ctx.tick().sample(*watched)
            for n, ready in zip(ins, seen[: len(ins)], strict=True):
                if offered[n] and ready:
                    waiting[n].pop()
                    cycles[n].append(cycle)
                    offered[n] = False
            pairs = zip(seen[len(ins) :: 2], seen[len(ins) + 1 :: 2], strict=True)
            for n, (valid, bits) in zip(outs, pairs, strict=True):
                if held[n] is not None and (not valid or bits != held[n]):
                    failures.append(f"{n} withdrew or changed a waiting beat in cycle {cycle}")
                held[n] = bits if valid and not takes[n] else None
                if valid and takes[n]:
                    raw[n].append(bits)
                    cycles[n].append(cycle)
            complete = all(len(raw[n]) >= counts[n] for n in outs) and not any(waiting.values())
            quiet = quiet + 1 if complete else 0
            if quiet > 40:
                return
        failures.append(
            f"no end in {limit} cycles: {[(n, len(b), counts[n]) for n, b in raw.items()]}"
        )

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert not failures, failures[0]
    for n, beats in raw.items():
        assert len(beats) == counts[n], f"{n} sent {len(beats)} beats, not {counts[n]}"
    return Played({n: [unpack(layouts[n], b) for b in beats] for n, beats in raw.items()}, cycles)
