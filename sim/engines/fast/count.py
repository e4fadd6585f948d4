"""The popcount: eight outputs of two timesteps, or of one, over the words of a window.

``sum over words of popcount(x & w)`` in every lane: what is loaded of the source serves eight
outputs, what is loaded of the weights two timesteps, and sixteen sums stay in registers. Planes
of integers come highest first: the sums are doubled between them (a sign's are negated).

A window is ``rows`` stretches of ``runs`` runs of ``words`` words each; ``.._step`` says how far
apart they lie in the source (x) and in the weights (w).

Where ``ones`` is a place, weights are -1 and +1, and what is stored is the current, ``gain *
(2 * count - ones) + bias``; ``more`` adds it to what is there. Else (-1) the counts are stored.
"""

from __future__ import annotations

from .lanes import kernel, load, popcount, splat, spread, store


@kernel()
def count_two(
    arena, xs, plane_step, planes, signed, row_step, run_step, word_step, lanes,
    weights, ws, w_row, w_run, rows, runs, words, out, out_step, consts, gain, bias, ones, more,
):  # fmt: skip
    """Store the sums of two timesteps at ``out + output * out_step (+ lanes)``."""
    z = spread(arena, 0)
    a0 = a1 = a2 = a3 = a4 = a5 = a6 = a7 = z
    b0 = b1 = b2 = b3 = b4 = b5 = b6 = b7 = z
    for plane in range(planes - 1, -1, -1):
        if plane < planes - 1:
            a0, a1, a2, a3 = a0 + a0, a1 + a1, a2 + a2, a3 + a3
            a4, a5, a6, a7 = a4 + a4, a5 + a5, a6 + a6, a7 + a7
            b0, b1, b2, b3 = b0 + b0, b1 + b1, b2 + b2, b3 + b3
            b4, b5, b6, b7 = b4 + b4, b5 + b5, b6 + b6, b7 + b7
        for row in range(rows):
            for run in range(runs):
                x = xs + plane * plane_step + row * row_step + run * run_step
                w = ws + row * w_row + run * w_run
                for _ in range(words):
                    p, q = load(arena, x), load(arena, x + lanes)
                    s = splat(weights, w)
                    a0, b0 = a0 + popcount(p & s), b0 + popcount(q & s)
                    s = splat(weights, w + 1)
                    a1, b1 = a1 + popcount(p & s), b1 + popcount(q & s)
                    s = splat(weights, w + 2)
                    a2, b2 = a2 + popcount(p & s), b2 + popcount(q & s)
                    s = splat(weights, w + 3)
                    a3, b3 = a3 + popcount(p & s), b3 + popcount(q & s)
                    s = splat(weights, w + 4)
                    a4, b4 = a4 + popcount(p & s), b4 + popcount(q & s)
                    s = splat(weights, w + 5)
                    a5, b5 = a5 + popcount(p & s), b5 + popcount(q & s)
                    s = splat(weights, w + 6)
                    a6, b6 = a6 + popcount(p & s), b6 + popcount(q & s)
                    s = splat(weights, w + 7)
                    a7, b7 = a7 + popcount(p & s), b7 + popcount(q & s)
                    x += word_step
                    w += 8
        if signed and plane == planes - 1:
            a0, a1, a2, a3 = z - a0, z - a1, z - a2, z - a3
            a4, a5, a6, a7 = z - a4, z - a5, z - a6, z - a7
            b0, b1, b2, b3 = z - b0, z - b1, z - b2, z - b3
            b4, b5, b6, b7 = z - b4, z - b5, z - b6, z - b7
    if ones >= 0:
        p, q = load(arena, ones), load(arena, ones + lanes)
        g, h = splat(consts, gain + 0), splat(consts, bias + 0)
        a0, b0 = (a0 + a0 - p) * g + h, (b0 + b0 - q) * g + h
        g, h = splat(consts, gain + 1), splat(consts, bias + 1)
        a1, b1 = (a1 + a1 - p) * g + h, (b1 + b1 - q) * g + h
        g, h = splat(consts, gain + 2), splat(consts, bias + 2)
        a2, b2 = (a2 + a2 - p) * g + h, (b2 + b2 - q) * g + h
        g, h = splat(consts, gain + 3), splat(consts, bias + 3)
        a3, b3 = (a3 + a3 - p) * g + h, (b3 + b3 - q) * g + h
        g, h = splat(consts, gain + 4), splat(consts, bias + 4)
        a4, b4 = (a4 + a4 - p) * g + h, (b4 + b4 - q) * g + h
        g, h = splat(consts, gain + 5), splat(consts, bias + 5)
        a5, b5 = (a5 + a5 - p) * g + h, (b5 + b5 - q) * g + h
        g, h = splat(consts, gain + 6), splat(consts, bias + 6)
        a6, b6 = (a6 + a6 - p) * g + h, (b6 + b6 - q) * g + h
        g, h = splat(consts, gain + 7), splat(consts, bias + 7)
        a7, b7 = (a7 + a7 - p) * g + h, (b7 + b7 - q) * g + h
    if more:
        a0, b0 = a0 + load(arena, out), b0 + load(arena, out + lanes)
        a1, b1 = a1 + load(arena, out + out_step), b1 + load(arena, out + out_step + lanes)
        a2, b2 = a2 + load(arena, out + 2 * out_step), b2 + load(arena, out + 2 * out_step + lanes)
        a3, b3 = a3 + load(arena, out + 3 * out_step), b3 + load(arena, out + 3 * out_step + lanes)
        a4, b4 = a4 + load(arena, out + 4 * out_step), b4 + load(arena, out + 4 * out_step + lanes)
        a5, b5 = a5 + load(arena, out + 5 * out_step), b5 + load(arena, out + 5 * out_step + lanes)
        a6, b6 = a6 + load(arena, out + 6 * out_step), b6 + load(arena, out + 6 * out_step + lanes)
        a7, b7 = a7 + load(arena, out + 7 * out_step), b7 + load(arena, out + 7 * out_step + lanes)
    store(arena, out, a0)
    store(arena, out + lanes, b0)
    store(arena, out + out_step, a1)
    store(arena, out + out_step + lanes, b1)
    store(arena, out + 2 * out_step, a2)
    store(arena, out + 2 * out_step + lanes, b2)
    store(arena, out + 3 * out_step, a3)
    store(arena, out + 3 * out_step + lanes, b3)
    store(arena, out + 4 * out_step, a4)
    store(arena, out + 4 * out_step + lanes, b4)
    store(arena, out + 5 * out_step, a5)
    store(arena, out + 5 * out_step + lanes, b5)
    store(arena, out + 6 * out_step, a6)
    store(arena, out + 6 * out_step + lanes, b6)
    store(arena, out + 7 * out_step, a7)
    store(arena, out + 7 * out_step + lanes, b7)


@kernel()
def count_one(
    arena, xs, plane_step, planes, signed, row_step, run_step, word_step,
    weights, ws, w_row, w_run, rows, runs, words, out, out_step, consts, gain, bias, ones, more,
):  # fmt: skip
    """Store the sums of one timestep at ``out + output * out_step``."""
    z = spread(arena, 0)
    a0 = a1 = a2 = a3 = a4 = a5 = a6 = a7 = z
    for plane in range(planes - 1, -1, -1):
        if plane < planes - 1:
            a0, a1, a2, a3 = a0 + a0, a1 + a1, a2 + a2, a3 + a3
            a4, a5, a6, a7 = a4 + a4, a5 + a5, a6 + a6, a7 + a7
        for row in range(rows):
            for run in range(runs):
                x = xs + plane * plane_step + row * row_step + run * run_step
                w = ws + row * w_row + run * w_run
                for _ in range(words):
                    p = load(arena, x)
                    a0 = a0 + popcount(p & splat(weights, w))
                    a1 = a1 + popcount(p & splat(weights, w + 1))
                    a2 = a2 + popcount(p & splat(weights, w + 2))
                    a3 = a3 + popcount(p & splat(weights, w + 3))
                    a4 = a4 + popcount(p & splat(weights, w + 4))
                    a5 = a5 + popcount(p & splat(weights, w + 5))
                    a6 = a6 + popcount(p & splat(weights, w + 6))
                    a7 = a7 + popcount(p & splat(weights, w + 7))
                    x += word_step
                    w += 8
        if signed and plane == planes - 1:
            a0, a1, a2, a3 = z - a0, z - a1, z - a2, z - a3
            a4, a5, a6, a7 = z - a4, z - a5, z - a6, z - a7
    if ones >= 0:
        p = load(arena, ones)
        a0 = (a0 + a0 - p) * splat(consts, gain + 0) + splat(consts, bias + 0)
        a1 = (a1 + a1 - p) * splat(consts, gain + 1) + splat(consts, bias + 1)
        a2 = (a2 + a2 - p) * splat(consts, gain + 2) + splat(consts, bias + 2)
        a3 = (a3 + a3 - p) * splat(consts, gain + 3) + splat(consts, bias + 3)
        a4 = (a4 + a4 - p) * splat(consts, gain + 4) + splat(consts, bias + 4)
        a5 = (a5 + a5 - p) * splat(consts, gain + 5) + splat(consts, bias + 5)
        a6 = (a6 + a6 - p) * splat(consts, gain + 6) + splat(consts, bias + 6)
        a7 = (a7 + a7 - p) * splat(consts, gain + 7) + splat(consts, bias + 7)
    if more:
        a0 = a0 + load(arena, out)
        a1 = a1 + load(arena, out + out_step)
        a2 = a2 + load(arena, out + 2 * out_step)
        a3 = a3 + load(arena, out + 3 * out_step)
        a4 = a4 + load(arena, out + 4 * out_step)
        a5 = a5 + load(arena, out + 5 * out_step)
        a6 = a6 + load(arena, out + 6 * out_step)
        a7 = a7 + load(arena, out + 7 * out_step)
    store(arena, out, a0)
    store(arena, out + out_step, a1)
    store(arena, out + 2 * out_step, a2)
    store(arena, out + 3 * out_step, a3)
    store(arena, out + 4 * out_step, a4)
    store(arena, out + 5 * out_step, a5)
    store(arena, out + 6 * out_step, a6)
    store(arena, out + 7 * out_step, a7)


@kernel()
def count_ones(
    arena, xs, plane_step, planes, signed, row_step, run_step, word_step, rows, runs, words,
):  # fmt: skip
    """Return the lanes' sums of the source itself: as if every weight were 1."""
    z = spread(arena, 0)
    total = z
    for plane in range(planes - 1, -1, -1):
        total = total + total
        for row in range(rows):
            for run in range(runs):
                x = xs + plane * plane_step + row * row_step + run * run_step
                for _ in range(words):
                    total = total + popcount(load(arena, x))
                    x += word_step
        if signed and plane == planes - 1:
            total = z - total
    return total
