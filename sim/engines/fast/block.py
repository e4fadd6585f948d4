"""Blocks of samples through the whole network: what a thread runs, without Python.

A population without a way back to it runs all its timesteps at once: its membranes stay in
registers, and its spikes lie packed where its readers find them. Populations within a loop of
connections run one timestep after the other.

The compiled function is kept (``cache``) under the digest of all files that it is made of: numba
itself looks at none but the one that holds it.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from . import fields as f
from .currents import add
from .enter import enter
from .gates import prepare
from .lanes import kernel, spread, store
from .leave import leave
from .neurons import neurons
from .sources import ready


@kernel()
def population(
    pop, edges, moves, windows, weights, consts, arena, scratch, lanes, width, t0, t1,
    sample, count, v_out,
):  # fmt: skip
    """Run one population's timesteps t0 to t1."""
    rows, cols, groups = pop[f.ROWS], pop[f.COLS], pop[f.GROUPS]
    if t0 == 0 and pop[f.BITS_AT] >= 0:
        zero = spread(arena, 0)
        for at in range(pop[f.PLANES] * rows * cols * pop[f.WORDS] * pop[f.STEPS]):
            store(arena, pop[f.BITS_AT] + at * lanes, zero)
    first_edge, after = pop[f.FIRST_EDGE], pop[f.FIRST_EDGE] + pop[f.EDGES]
    d1 = t0 + 1 if pop[f.STILL] else t1  # the last timestep of the drive
    for k in range(first_edge, after):
        if edges[k, f.GATED]:
            prepare(edges[k], arena, moves, windows, weights, consts, scratch, lanes, width, rows,
                    cols, groups, t0, t1)  # fmt: skip
    step = pop[f.CHUNK] * lanes
    time_step = pop[f.CHANNELS] * rows * cols
    for y in range(rows):
        for x in range(cols):
            place = y * cols + x
            for k in range(first_edge, after):
                if not edges[k, f.GATED]:
                    ready(edges[k], arena, windows, moves, lanes, y, x, t0, d1)
            for block in range(groups):
                state = scratch[f.STATE]
                if pop[f.STATE_AT] >= 0:
                    state = pop[f.STATE_AT] + (place * groups + block) * f.GROUP * 3 * lanes
                record = -1
                if pop[f.V_RECORD] >= 0:
                    record = pop[f.V_RECORD] + sample * pop[f.STEPS] * time_step
                    record += block * f.GROUP * rows * cols + place
                s0 = t0
                while s0 < t1:
                    s1 = t1 if pop[f.STILL] else min(t1, s0 + pop[f.CHUNK])
                    if not pop[f.STILL] or s0 == t0:
                        for k in range(first_edge, after):
                            add(edges[k], arena, weights, consts, windows, scratch, lanes, width,
                                block, y, x, cols, s0, s0 + 1 if pop[f.STILL] else s1,
                                scratch[f.DRIVE], step, k == first_edge)  # fmt: skip
                    neurons(pop, arena, consts, scratch[f.PART], lanes, width, block, place, s0, s1,
                            scratch[f.DRIVE], step, state, v_out, record,
                            pop[f.STEPS] * time_step, time_step, rows * cols, count)  # fmt: skip
                    s0 = s1


def _compiled(digest):
    """Return the function of this digest: a name that its closure holds is part of its key."""

    @kernel(cache=True)
    def blocks(
        given, row, pops, edges, stages, moves, windows, weights, consts, arena, scratch, lanes,
        width, steps, samples, first, last, v_out, spikes_out,
    ):  # fmt: skip
        """Run the blocks first to last; return whether an input was too large, or -1 never."""
        wrong = digest == 0
        for block in range(first, last):
            sample = block * lanes
            count = min(lanes, samples - sample)
            wrong |= enter(given, row, arena, lanes, width, sample, count)
            for s in range(len(stages)):
                low, high, loop = stages[s, 0], stages[s, 1], stages[s, 2]
                for t in range(steps if loop else 1):
                    for p in range(low, high):
                        own = pops[p, f.STEPS]
                        if t < own:
                            population(
                                pops[p], edges, moves, windows, weights, consts, arena, scratch,
                                lanes, width, t, t + 1 if loop else own, sample, count, v_out,
                            )  # fmt: skip
            for p in range(len(pops)):
                if pops[p, f.SPIKES_RECORD] >= 0:
                    leave(pops[p], arena, lanes, width, steps, sample, count, spikes_out)
        return wrong

    return blocks


#: The files that kernels are made of.
KERNELS = ("block", "count", "currents", "enter", "fields", "gates", "lanes", "leave", "neurons",
           "sources")  # fmt: skip


def _digest():
    """Return 60 bits of the SHA-256 of their code."""
    whole = hashlib.sha256()
    for name in KERNELS:
        whole.update(Path(__file__).with_name(f"{name}.py").read_bytes())
    return 1 + int(whole.hexdigest()[:15], 16)


#: The kernel.
blocks = _compiled(_digest())
