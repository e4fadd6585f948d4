"""Header: the comment in front of emitted Verilog, which says what it is."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from mapping.files import digest

from ..loading import places

if TYPE_CHECKING:
    from ..planned import Plan, PlannedPopulation

#: Warnings of Verilator that are of no account here, and why.
WAIVED = {
    "DECLFILENAME": "all modules stand in one file",
    "WIDTHEXPAND": "operands of different widths are extended, as the standard has it",
    "WIDTHTRUNC": "a number after ! is compared with zero",
    "UNUSEDSIGNAL": "sums have their carry, of which not all is kept",
    "CASEINCOMPLETE": "what a case does not name keeps the value given before it",
    "PROCASSINIT": "registers begin with the values that a reset gives them",
}
#: And of a wrapper's text.
WAIVED_OF_WRAPPER = WAIVED | {"PINMISSING": "the traces and error bits of the core stay open"}


def _end(waived: Mapping[str, str]) -> list[str]:
    """Return how every header ends."""
    return [
        "Nets n1, n2, .. stand within expressions. at_start has every always @* run once when a",
        "simulation begins. Verilator's warnings that are waived, all others are not:",
        *(f"  {name}: {why}" for name, why in waived.items()),
        "",
        "This text was generated from your network and is your own: the generator's authors claim",
        "no rights in it and set no conditions on its use. It comes without any warranty.",
    ]


def wrapper_header(plan: Plan, top: str) -> str:
    """Return the comment for the wrapper of a top."""
    lines = [
        f"Module {top} of {top}.v between AXI4-Stream and AXI4-Lite.",
        "",
        f"network     {digest(plan.network)} (SHA-256 of its numbers)",
        f"generator   spikexact {importlib.metadata.version('spikexact')}",
        "",
        "Streams and registers are described in README.md and manifest.json beside this file.",
        *_end(WAIVED_OF_WRAPPER),
    ]
    return commented(lines)


def header(plan: Plan, files: Iterable[str]) -> str:
    """Return the comment for a plan and its memory files."""
    network, blocks, timing = plan.network, plan.blocks, plan.timing
    shape = "x".join(map(str, network.input.shape))
    output = plan.populations[plan.output].name
    steps = f"{blocks.timesteps} a sample, in blocks of {blocks.block}, {blocks.parallel} at a time"
    came = f"{shape}, {plan.enter.bits} bits an element, beats of {plan.enter.beat_bits} bits"
    lines = [
        "A binary spiking network in hardware, bit for bit.",
        "",
        f"network     {digest(network)} (SHA-256 of its numbers)",
        f"generator   spikexact {importlib.metadata.version('spikexact')}",
        f"timesteps   {steps}",
        f"cycles      {timing.cycles} a sample at full rate; latency {timing.latency}",
        f"input       {came}",
        f"output      of {output!r}, {_leaves(plan)}",
        *_loading(plan),
        "",
    ]
    for k, p in enumerate(plan.populations):
        lines += _population(plan, k, p)
    if files:
        lines += ["", "Memory files, read by $readmemh from the folder a tool runs in:"]
        lines += [f"  {name}" for name in files]
    lines += [
        "",
        "Ports, streams and the order of beats are described in manifest.json beside this file.",
        *_end(WAIVED),
    ]
    return commented(lines)


def commented(lines: Iterable[str]) -> str:
    """Return lines as a comment."""
    return "\n".join(f"// {line}".rstrip() for line in lines) + "\n"


def _loading(plan: Plan) -> list[str]:
    """Say how many words write another network into a loadable design."""
    if not plan.loadable:
        return []
    words = sum(place.words * place.rows for place in places(plan))
    return [f"loadable    by w_data: {words} words of 32 bits, then their CRC; see manifest.json"]


def _leaves(plan: Plan) -> str:
    if plan.answer is None:
        return f"beats of {plan.leaves.beat_bits} bits"
    stop = "; a sample ends at its first spike" if plan.answer.stop else ""
    return f"a class and a score a sample: {plan.answer.kind.replace('_', ' ')}{stop}"


def _population(plan: Plan, k: int, p: PlannedPopulation) -> list[str]:
    w, o = p.widths, p.order
    bits = f"bits: drive {w.drive}, membrane {w.v}, kept {w.state}"
    size = f" ({' x '.join(map(str, p.shape))})" if len(p.shape) == 3 else ""
    made = f"{p.neurons} neurons{size}, PE {o.tile}, lanes {o.lanes}"
    lines = [f"population {k}  {p.name!r}: {made}; {bits}"]
    for c, connection in zip(p.connections, plan.network.populations[k].connections, strict=True):
        source = "the input" if c.source < 0 else repr(plan.populations[c.source].name)
        late = f", {c.steps} timesteps late" if c.steps else ""
        late += ", back" if c.back else ""
        kind = "" if c.sweep is None else f"{connection.op.label} of "
        lines.append(
            f"  from {source}: {kind}{connection.op.fan_in} inputs of {c.shape.bits} bits, "
            f"SIMD {c.shape.simd}, sums of {c.shape.raw_bits} bits{late}"
        )
    return lines
