"""The popcount: eight outputs of two timesteps, or of one, over the words of a window.

``sum over words of popcount(x & w)`` in every lane: what is loaded of the source serves eight
outputs, what is loaded of the weights two timesteps, and sixteen sums stay in registers. Planes
of integers come highest first: the sums are doubled between them (a sign's are negated).

A window is ``rows`` stretches of ``runs`` runs of ``words`` words each; ``.._step`` says how far
apart they lie in the source (x) and in the weights (w).
"""

from __future__ import annotations

from numba import njit

from .lanes import load, popcount, splat, spread, store


@njit(nogil=True)
def count_two(
    arena, xs, plane_step, planes, signed, row_step, run_step, word_step, lanes,
    weights, ws, w_row, w_run, rows, runs, words, out, out_step,
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


@njit(nogil=True)
def count_one(
    arena, xs, plane_step, planes, signed, row_step, run_step, word_step,
    weights, ws, w_row, w_run, rows, runs, words, out, out_step,
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
    store(arena, out, a0)
    store(arena, out + out_step, a1)
    store(arena, out + 2 * out_step, a2)
    store(arena, out + 3 * out_step, a3)
    store(arena, out + 4 * out_step, a4)
    store(arena, out + 5 * out_step, a5)
    store(arena, out + 6 * out_step, a6)
    store(arena, out + 7 * out_step, a7)


@njit(nogil=True)
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
