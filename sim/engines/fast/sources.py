"""What a connection makes of its source for one place and one block of channels: acc, in lanes.

``out + channel * out_step + (t - s0) * lanes`` takes the lanes of timestep t. Places outside a
source hold zeros and are passed over.
"""

from __future__ import annotations

from . import fields as f
from .count import count_one, count_ones, count_two
from .lanes import at_least, choose, kernel, load, splat, spread, store


@kernel()
def taps(at, size, padding, dilation, kernel):
    """Return the first tap of a window's axis that lies inside, and how many do."""
    if dilation == 1:  # no division
        first = max(0, padding - at)
        return first, max(0, min(kernel, size + padding - at) - first)
    first = 0 if at >= padding else -((at - padding) // dilation)
    last = min(kernel, (size - 1 + padding - at) // dilation + 1)
    return first, max(0, last - first)


@kernel()
def gather(edge, arena, moves, lanes, y, x, u0, u1):
    """Lay the bits of a window one after the other, of source timesteps u0 to u1."""
    steps, words = edge[f.S_STEPS], edge[f.WINDOW]
    at = y * edge[f.STRIDE_R] - edge[f.PAD_R], x * edge[f.STRIDE_C] - edge[f.PAD_C]
    zero = spread(arena, 0)
    for plane in range(edge[f.S_PLANES]):
        to = edge[f.GATHER_AT] + plane * words * steps * lanes
        for w in range(words):
            for u in range(u0, u1):
                store(arena, to + (w * steps + u) * lanes, zero)
        for m in range(edge[f.MOVES_AT], edge[f.MOVES_AT] + edge[f.MOVES]):
            row = at[0] + moves[m, f.TAP_ROW] * edge[f.DILATE_R]
            col = at[1] + moves[m, f.TAP_COL] * edge[f.DILATE_C]
            if row < 0 or row >= edge[f.S_ROWS] or col < 0 or col >= edge[f.S_COLS]:
                continue
            place = (plane * edge[f.S_ROWS] + row) * edge[f.S_COLS] + col
            word = place * edge[f.S_WORDS] + moves[m, f.FROM]
            here = edge[f.S_BITS] + word * steps * lanes
            there = to + moves[m, f.TO] * steps * lanes
            right, left = spread(arena, moves[m, f.RIGHT]), spread(arena, moves[m, f.LEFT])
            mask = spread(arena, moves[m, f.MASK])
            for u in range(u0, u1):
                bits = ((load(arena, here + u * lanes) >> right) & mask) << left
                store(arena, there + u * lanes, load(arena, there + u * lanes) | bits)


@kernel()
def stretch(edge, windows, lanes, block, y, x):
    """Return where a window's words lie in the source and in the weights, and how many.

    Returns
    -------
        (xs, plane_step, row_step, run_step, ws, w_row, w_run, rows, runs, words), see ``count``;
        ws counts words of a block's first row of weights.
    """
    steps, span = edge[f.S_STEPS] * lanes, edge[f.WINDOW]
    if edge[f.MOVES] > 0:
        return edge[f.GATHER_AT], span * steps, 0, 0, 0, 0, 0, 1, 1, span
    top, left = y * edge[f.STRIDE_R], x * edge[f.STRIDE_C]
    i, rows = taps(top, edge[f.S_ROWS], edge[f.PAD_R], edge[f.DILATE_R], edge[f.K_ROWS])
    j, runs = taps(left, edge[f.S_COLS], edge[f.PAD_C], edge[f.DILATE_C], edge[f.K_COLS])
    row = top + i * edge[f.DILATE_R] - edge[f.PAD_R]
    col = left + j * edge[f.DILATE_C] - edge[f.PAD_C]
    words, whole, line = edge[f.S_WORDS], span, edge[f.S_COLS] * edge[f.S_WORDS] * steps
    first = windows[edge[f.WINDOW_AT] + block] if edge[f.WINDOW_AT] >= 0 else 0
    if runs > 1 and edge[f.DILATE_C] == 1 and span == words:  # the taps of a row lie together
        whole, runs = runs * span, 1
    if runs == 0:
        rows = 0
    xs = edge[f.S_BITS] + ((row * edge[f.S_COLS] + col) * words + first) * steps
    ws = (i * edge[f.K_COLS] + j) * span
    return (
        xs, edge[f.S_ROWS] * line, edge[f.DILATE_R] * line, edge[f.DILATE_C] * words * steps,
        ws, edge[f.K_COLS] * span, span, rows, runs, whole,
    )  # fmt: skip


@kernel()
def count_into(
    edge, arena, weights, consts, first, at, lanes, u0, n, out, out_step, gain, bias, more
):
    """Count n source timesteps; ``first`` is where the weights of eight outputs begin.

    Currents are stored where there is a ``gain`` (>= 0), else counts; see ``count``.
    """
    xs, plane_step, row_step, run_step, ws, w_row, w_run, rows, runs, words = at
    step, u = edge[f.S_STEPS] * lanes, 0
    ws, w_row, w_run = first + ws * f.GROUP, w_row * f.GROUP, w_run * f.GROUP
    planes, signed = edge[f.S_PLANES], edge[f.S_SIGNED]
    while u < n:
        x, to = xs + (u0 + u) * lanes, out + u * lanes
        whole = edge[f.ONES_AT] + (u0 + u) * lanes if gain >= 0 else -1
        if u + 1 < n:
            count_two(arena, x, plane_step, planes, signed, row_step, run_step, step, lanes,
                      weights, ws, w_row, w_run, rows, runs, words, to, out_step, consts,
                      gain, bias, whole, more)  # fmt: skip
        else:
            count_one(arena, x, plane_step, planes, signed, row_step, run_step, step,
                      weights, ws, w_row, w_run, rows, runs, words, to, out_step, consts,
                      gain, bias, whole, more)  # fmt: skip
        u += 2


@kernel()
def ones(edge, arena, windows, lanes, y, x, u0, u1):
    """Store the sums of a window itself, of source timesteps u0 to u1."""
    at = stretch(edge, windows, lanes, 0, y, x)
    for u in range(u0, u1):
        total = count_ones(arena, at[0] + u * lanes, at[1], edge[f.S_PLANES], edge[f.S_SIGNED],
                           at[2], at[3], edge[f.S_STEPS] * lanes, at[7], at[8], at[9])  # fmt: skip
        store(arena, edge[f.ONES_AT] + u * lanes, total)


@kernel()
def ready(edge, arena, windows, moves, lanes, y, x, s0, s1):
    """Gather a window's bits, and count its ones, for timesteps s0 to s1 of its reader."""
    if edge[f.KIND] != f.COUNT:
        return
    u0, u1 = max(0, s0 - edge[f.DELAY]), max(0, s1 - edge[f.DELAY])
    if edge[f.S_STEPS] == 1:
        u0, u1 = 0, 1
    if edge[f.MOVES] > 0:
        gather(edge, arena, moves, lanes, y, x, u0, u1)
    if edge[f.W_BITS] == 1 and edge[f.MASKS_AT] < 0:
        ones(edge, arena, windows, lanes, y, x, u0, u1)


@kernel()
def block_weights(edge):
    """Return the words of weights of one block of outputs, or of one output of several bits."""
    taps = 1 if edge[f.MOVES] > 0 else edge[f.K_ROWS] * edge[f.K_COLS]
    return taps * edge[f.WINDOW] * f.GROUP


@kernel()
def counted(edge, arena, weights, consts, windows, part, lanes, block, y, x, u0, n, out, out_step):
    """Count a window: ``2 * popcount(x & w) - popcount(x)``, or the planes of the weights."""
    at, each = stretch(edge, windows, lanes, block, y, x), block_weights(edge)
    if edge[f.W_BITS] == 1:
        first = edge[f.WEIGHTS_AT] + block * each
        count_into(edge, arena, weights, consts, first, at, lanes, u0, n, out, out_step, -1, -1,
                   False)  # fmt: skip
        for u in range(n):
            if edge[f.MASKS_AT] >= 0:
                first = edge[f.MASKS_AT] + block * each
                count_into(edge, arena, weights, consts, first, at, lanes, u0 + u, min(1, n), part,
                           lanes, -1, -1, False)  # fmt: skip
            for o in range(f.GROUP):
                to = out + o * out_step + u * lanes
                if edge[f.MASKS_AT] >= 0:
                    all_ = load(arena, part + o * lanes)
                else:
                    all_ = load(arena, edge[f.ONES_AT] + (u0 + u) * lanes)
                found = load(arena, to)
                store(arena, to, found + found - all_)
        return
    for o in range(f.GROUP):
        channel = block * f.GROUP + o
        for u in range(n):
            total = spread(arena, 0)
            if channel < edge[f.CHANNELS_OUT]:
                first = edge[f.WEIGHTS_AT] + channel * each
                count_into(edge, arena, weights, consts, first, at, lanes, u0 + u, min(1, n), part,
                           lanes, -1, -1, False)  # fmt: skip
                for k in range(edge[f.W_BITS]):
                    worth = splat(consts, edge[f.COEFFICIENTS_AT] + k)
                    total = total + worth * load(arena, part + k * lanes)
            store(arena, out + o * out_step + u * lanes, total)


@kernel()
def value(edge, arena, lanes, width, place, channel, u):
    """Return a value of the source; of spikes 0 or 1."""
    steps = edge[f.S_STEPS]
    if edge[f.S_VALUES] >= 0:
        at = (place * edge[f.S_CHANNELS] + channel) * steps + u
        return load(arena, edge[f.S_VALUES] + at * lanes)
    word = load(
        arena,
        edge[f.S_BITS] + ((place * edge[f.S_WORDS] + channel // width) * steps + u) * lanes,
    )
    return (word >> spread(arena, channel % width)) & spread(arena, 1)


@kernel()
def pooled(edge, arena, lanes, width, block, y, x, u0, n, out, out_step):
    """Sum a window's places, or take their maximum; zeros around are part of it."""
    top, left = y * edge[f.STRIDE_R] - edge[f.PAD_R], x * edge[f.STRIDE_C] - edge[f.PAD_C]
    largest, zero = edge[f.KIND] == f.MAX, spread(arena, 0)
    for o in range(f.GROUP):
        channel = block * f.GROUP + o
        for u in range(n):
            total, started = zero, False
            if channel < edge[f.CHANNELS_OUT]:
                for row in range(top, top + edge[f.K_ROWS]):
                    for col in range(left, left + edge[f.K_COLS]):
                        found = zero
                        if 0 <= row < edge[f.S_ROWS] and 0 <= col < edge[f.S_COLS]:
                            place = row * edge[f.S_COLS] + col
                            found = value(edge, arena, lanes, width, place, channel, u0 + u)
                        if not largest:
                            total = total + found
                        elif started:
                            total = choose(at_least(total, found), total, found)
                        else:
                            total = found
                        started = True
            store(arena, out + o * out_step + u * lanes, total)


@kernel()
def copied(edge, arena, lanes, width, block, place, u0, n, out, out_step):
    """Take the source as it is."""
    for o in range(f.GROUP):
        channel = block * f.GROUP + o
        for u in range(n):
            found = spread(arena, 0)
            if channel < edge[f.CHANNELS_OUT]:
                found = value(edge, arena, lanes, width, place, channel, u0 + u)
            store(arena, out + o * out_step + u * lanes, found)


@kernel()
def accumulate(
    edge, arena, weights, consts, windows, part, lanes, width, block, y, x, cols, s0, s1, out,
    out_step,
):  # fmt: skip
    """Store acc of timesteps s0 to s1: 0 before the source's first one arrives."""
    first = min(s1, max(s0, edge[f.DELAY]))
    for o in range(f.GROUP):
        for t in range(s0, first):
            store(arena, out + o * out_step + (t - s0) * lanes, spread(arena, 0))
    if first == s1:
        return
    to, u0, n = out + (first - s0) * lanes, first - edge[f.DELAY], s1 - first
    if edge[f.S_STEPS] == 1:  # the same at every timestep
        u0, n = 0, 1
    if edge[f.KIND] == f.COUNT:
        counted(edge, arena, weights, consts, windows, part, lanes, block, y, x, u0, n, to,
                out_step)  # fmt: skip
    elif edge[f.KIND] == f.SAME:
        copied(edge, arena, lanes, width, block, y * cols + x, u0, n, to, out_step)
    else:
        pooled(edge, arena, lanes, width, block, y, x, u0, n, to, out_step)
    for o in range(f.GROUP):
        for k in range(n, s1 - first):
            store(arena, to + o * out_step + k * lanes, load(arena, to + o * out_step))
