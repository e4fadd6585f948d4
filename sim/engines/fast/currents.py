"""Currents of one place and one block of channels: ``(gate * (gain * acc + bias)) >> shift``."""

from __future__ import annotations

from numba import njit

from . import fields as f
from .lanes import load, splat, spread, store
from .sources import accumulate, block_weights, count_into, stretch


@njit(nogil=True)
def add(
    edge, arena, weights, consts, windows, scratch, lanes, width, block, y, x, cols, s0, s1, drive,
    step, first,
):  # fmt: skip
    """Add one connection's current to the drive of timesteps s0 to s1; the first one sets it."""
    acc, acc_step = scratch[f.ACC], step
    plain = not edge[f.GATED] and edge[f.SHIFT] == 0
    if (
        plain and edge[f.KIND] == f.COUNT and edge[f.W_BITS] == 1 and edge[f.MASKS_AT] < 0
        and edge[f.DELAY] == 0 and (edge[f.S_STEPS] > 1 or s1 - s0 == 1)
    ):  # fmt: skip
        _count(edge, arena, weights, consts, windows, lanes, block, y, x, s0, s1,
               drive if first else acc, drive, step, first)  # fmt: skip
        return
    if edge[f.GATED]:  # it is there already
        channel = (y * cols + x) * edge[f.S_GROUPS_OUT] + block * f.GROUP
        acc_step = edge[f.G_STEPS] * lanes
        acc = edge[f.ACC_AT] + channel * acc_step + s0 * lanes
    else:
        accumulate(edge, arena, weights, consts, windows, scratch[f.PART], lanes, width, block, y,
                   x, cols, s0, s1, acc, acc_step)  # fmt: skip
    shift = spread(arena, edge[f.SHIFT])
    for o in range(f.GROUP):
        gain = splat(consts, edge[f.GAIN_AT] + block * f.GROUP + o)
        bias = splat(consts, edge[f.BIAS_AT] + block * f.GROUP + o)
        for t in range(s1 - s0):
            current = load(arena, acc + o * acc_step + t * lanes) * gain + bias
            if edge[f.GATED]:
                channel = block * f.GROUP + o if edge[f.G_EACH] else 0
                at = (channel * edge[f.G_STEPS] + s0 + t) * lanes
                current = current * load(arena, edge[f.FACTOR_AT] + at)
            current = current >> shift
            to = drive + o * step + t * lanes
            store(arena, to, current if first else load(arena, to) + current)


@njit(nogil=True)
def _count(
    edge, arena, weights, consts, windows, lanes, block, y, x, s0, s1, out, drive, step, first
):
    """Do so for weights of one bit, straight from the counts."""
    at = stretch(edge, windows, lanes, block, y, x)
    u0 = 0 if edge[f.S_STEPS] == 1 else s0
    weights_at = edge[f.WEIGHTS_AT] + block * block_weights(edge)
    count_into(edge, arena, weights, weights_at, at, lanes, u0, s1 - s0, out, step)
    for o in range(f.GROUP):
        gain = splat(consts, edge[f.GAIN_AT] + block * f.GROUP + o)
        bias = splat(consts, edge[f.BIAS_AT] + block * f.GROUP + o)
        for t in range(s1 - s0):
            found = load(arena, out + o * step + t * lanes)
            ones = load(arena, edge[f.ONES_AT] + (u0 + t) * lanes)
            current = (found + found - ones) * gain + bias
            to = drive + o * step + t * lanes
            store(arena, to, current if first else load(arena, to) + current)
