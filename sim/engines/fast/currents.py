"""Currents of one place and one block of channels: ``(gate * (gain * acc + bias)) >> shift``."""

from __future__ import annotations

from . import fields as f
from .lanes import kernel, load, splat, spread, store
from .sources import accumulate, block_weights, count_into, stretch


@kernel()
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
        u0 = 0 if edge[f.S_STEPS] == 1 else s0
        first_weight = edge[f.WEIGHTS_AT] + block * block_weights(edge)
        channel = block * f.GROUP
        count_into(edge, arena, weights, consts, first_weight,
                   stretch(edge, windows, lanes, block, y, x), lanes, u0, s1 - s0, drive, step,
                   edge[f.GAIN_AT] + channel, edge[f.BIAS_AT] + channel, not first)  # fmt: skip
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
