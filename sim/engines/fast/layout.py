"""Where everything of a block of samples lies: the arena, for a plan and a number of timesteps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import fields as f
from .plan import Plan

#: Elements that what one block of channels needs may take: half of a small first cache.
CHUNK_BYTES = 16 * 1024


@dataclass(frozen=True, eq=False)
class Layout:
    """The tables of a plan with every place filled in.

    Attributes
    ----------
        enter, populations, edges: as of Plan. scratch: (SCRATCH,) places.
        size: elements of an arena. steps: T.
    """

    enter: np.ndarray
    populations: np.ndarray
    edges: np.ndarray
    scratch: np.ndarray
    size: int
    steps: int


def layout(plan: Plan, coding: str, steps: int, lanes: int) -> Layout:
    """Place a plan's arrays for T timesteps.

    Args:
        coding: of the input. lanes: of a vector.
    """
    enter, pops, edges = (a.copy() for a in (plan.enter, plan.populations, plan.edges))
    end = 0

    def place(vectors: int) -> int:
        nonlocal end
        at, end = end, end + vectors * lanes
        return at

    chunk = max(2, CHUNK_BYTES // (f.GROUP * 64))
    chunk = min(steps, chunk)
    scratch = np.zeros(f.SCRATCH, np.int64)
    scratch[f.DRIVE], scratch[f.ACC] = place(f.GROUP * chunk), place(f.GROUP * chunk)
    scratch[f.PART], scratch[f.STATE] = place(f.GROUP * 2), place(f.GROUP * 3)
    enter[f.I_GIVEN] = steps if coding == "steps" else 1
    enter[f.I_STEPS] = 1 if coding == "direct" else steps
    if -1 in plan.bits:
        enter[f.I_BITS_AT] = place(
            int(enter[f.I_PLANES] * enter[f.I_PLACES] * enter[f.I_WORDS] * enter[f.I_STEPS])
        )
    if -1 in plan.values:
        enter[f.I_VALUES_AT] = place(int(enter[f.I_PLACES] * enter[f.I_PADDED] * enter[f.I_STEPS]))
    looped = {p for low, high, loop in plan.stages for p in range(low, high) if loop}
    for k, pop in enumerate(pops):
        pop[f.STEPS], pop[f.CHUNK] = min(pop[f.STEPS], steps), chunk
        spots = int(pop[f.ROWS] * pop[f.COLS])
        if pop[f.SPIKING] or k in plan.bits:
            pop[f.BITS_AT] = place(spots * int(pop[f.PLANES] * pop[f.WORDS] * pop[f.STEPS]))
        if k in plan.values:
            pop[f.VALUES_AT] = place(spots * int(pop[f.GROUPS] * f.GROUP * pop[f.STEPS]))
        if k in looped:
            pop[f.STATE_AT] = place(spots * int(pop[f.GROUPS] * f.GROUP * 3))
    for row, source in zip(edges, plan.sources, strict=True):
        where = enter if source < 0 else pops[source]
        bits, values, own = (
            (f.I_BITS_AT, f.I_VALUES_AT, f.I_STEPS)
            if source < 0
            else (f.BITS_AT, f.VALUES_AT, f.STEPS)
        )
        row[f.S_BITS], row[f.S_VALUES] = where[bits], where[values]
        row[f.S_STEPS] = where[own]
        if row[f.MOVES] > 0:
            row[f.GATHER_AT] = place(int(row[f.S_PLANES] * row[f.WINDOW] * row[f.S_STEPS]))
        if row[f.KIND] == f.COUNT and row[f.W_BITS] == 1:
            row[f.ONES_AT] = place(int(row[f.S_STEPS]))
    for pop in pops:
        for row in edges[pop[f.FIRST_EDGE] : pop[f.FIRST_EDGE] + pop[f.EDGES]]:
            if row[f.GATED]:
                row[f.G_STEPS], spots = steps, int(pop[f.ROWS] * pop[f.COLS])
                row[f.ACC_AT] = place(spots * int(pop[f.GROUPS]) * f.GROUP * steps)
                row[f.FACTOR_AT] = place((int(pop[f.CHANNELS]) if row[f.G_EACH] else 1) * steps)
    return Layout(enter, pops, edges, scratch, end, steps)
