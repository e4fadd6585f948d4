"""Header: the comment in front of emitted Verilog, which says what it is."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterable
from typing import TYPE_CHECKING

from mapping.files import digest

if TYPE_CHECKING:
    from .plan import Plan, PlannedPopulation

#: Warnings of Verilator that are of no account here, and why.
WAIVED = {
    "DECLFILENAME": "all modules stand in one file",
    "WIDTHEXPAND": "operands of different widths are extended, as the standard has it",
    "WIDTHTRUNC": "a number after ! is compared with zero",
    "UNUSEDSIGNAL": "sums have their carry, of which not all is kept",
    "CASEINCOMPLETE": "what a case does not name keeps the value given before it",
    "PROCASSINIT": "registers begin with the values that a reset gives them",
}


def header(plan: Plan, files: Iterable[str]) -> str:
    """Return the comment for a plan and its memory files."""
    network, blocks, timing = plan.network, plan.blocks, plan.timing
    shape = "x".join(map(str, network.input.shape))
    lines = [
        "A binary spiking network in hardware, bit for bit.",
        "",
        f"network     {digest(network)} (SHA-256 of its numbers)",
        f"generator   spikexact {importlib.metadata.version('spikexact')}",
        f"timesteps   {blocks.timesteps} a sample, in blocks of {blocks.block}, "
        f"{blocks.parallel} at a time",
        f"cycles      {timing.cycles} a sample at full rate; latency {timing.latency}",
        f"input       {shape}, {plan.enter.bits} bits an element, beats of {plan.enter.beat_bits} "
        "bits",
        f"output      of {_quoted(plan.populations[plan.output].name)}, beats of "
        f"{plan.leaves.beat_bits} bits",
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
        "Nets n1, n2, .. stand within expressions. at_start has every always @* run once when a",
        "simulation begins. Verilator's warnings that are waived, all others are not:",
        *(f"  {name}: {why}" for name, why in WAIVED.items()),
        "",
        "This text was generated from your network and is your own: the generator's authors claim",
        "no rights in it and set no conditions on its use. It comes without any warranty.",
    ]
    return "\n".join(f"// {line}".rstrip() for line in lines) + "\n"


def _population(plan: Plan, k: int, p: PlannedPopulation) -> list[str]:
    w, o = p.widths, p.order
    lines = [
        f"population {k}  {_quoted(p.name)}: {p.neurons} neurons, PE {o.tile}, lanes {o.lanes}; "
        f"bits: drive {w.drive}, membrane {w.v}, kept {w.state}"
    ]
    for c in p.connections:
        source = "the input" if c.source < 0 else _quoted(plan.populations[c.source].name)
        late = f", {c.steps} timesteps late" if c.steps else ""
        late += ", back" if c.back else ""
        lines.append(
            f"  from {source}: {c.shape.fan_in} inputs of {c.shape.bits} bits, SIMD {c.shape.simd}, "
            f"sums of {c.shape.raw_bits} bits{late}"
        )
    return lines


def _quoted(name: str) -> str:
    """Return a name as ASCII in quotes: it must not end the comment that it stands in."""
    return ascii(name)
