"""A gate's factors: the sum over a map is looked up in a table, in every lane."""

from __future__ import annotations

from . import fields as f
from .lanes import kernel, load, splat, spread, store
from .sources import accumulate, ready


@kernel()
def prepare(
    edge, arena, moves, windows, weights, consts, scratch, lanes, width, rows, cols, groups, t0, t1
):
    """Store acc of the whole map, and the factors, of timesteps t0 to t1."""
    wide, step = groups * f.GROUP, edge[f.G_STEPS] * lanes
    for y in range(rows):
        for x in range(cols):
            ready(edge, arena, windows, moves, lanes, y, x, t0, t1)
            for block in range(groups):
                channel = (y * cols + x) * wide + block * f.GROUP
                out = edge[f.ACC_AT] + channel * step + t0 * lanes
                accumulate(edge, arena, weights, consts, windows, scratch[f.PART], lanes, width,
                           block, y, x, cols, t0, t1, out, step)  # fmt: skip
    for t in range(t0, t1):
        total = splat(consts, edge[f.G_OFFSET_AT])
        for c in range(edge[f.CHANNELS_OUT]):
            here = spread(arena, 0)
            for place in range(rows * cols):
                at = edge[f.ACC_AT] + (place * wide + c) * step + t * lanes
                here = here + load(arena, at)
            here = here * splat(consts, edge[f.G_WEIGHTS_AT] + c)
            if edge[f.G_EACH]:
                here = here + splat(consts, edge[f.G_OFFSET_AT] + c)
                _look_up(edge, arena, consts, scratch[f.PART], lanes, t, c, here)
            else:
                total = total + here
        if not edge[f.G_EACH]:
            _look_up(edge, arena, consts, scratch[f.PART], lanes, t, 0, total)


@kernel()
def _look_up(edge, arena, consts, part, lanes, t, channel, total):
    store(arena, part, total >> spread(arena, edge[f.G_SHIFT]))
    out = edge[f.FACTOR_AT] + (channel * edge[f.G_STEPS] + t) * lanes
    row = edge[f.G_TABLE_AT] + t * edge[f.G_SIZE]
    for lane in range(lanes):
        index = min(max(arena[part + lane], 0), edge[f.G_SIZE] - 1)
        arena[out + lane] = consts[row + index]
