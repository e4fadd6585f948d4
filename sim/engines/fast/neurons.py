"""The neurons of one place and one block of channels, over their timesteps, in lanes.

``drive + channel * step + (t - s0) * lanes`` is what drives timestep t (of a drive that stands
still, the first one at every timestep). The state of a channel is three vectors: v, spikes so far,
refractory steps left. Spikes, and bit planes of outputs without a threshold, leave as words.
"""

from __future__ import annotations

from . import fields as f
from .lanes import at_least, choose, kernel, load, splat, spread, store


@kernel()
def begin(pop, arena, consts, block, state, lanes):
    """Set the state of a sample's begin."""
    zero = spread(arena, 0)
    for o in range(f.GROUP):
        at = state + o * 3 * lanes
        store(arena, at, splat(consts, pop[f.V_INIT_AT] + block * f.GROUP + o))
        store(arena, at + lanes, zero)
        store(arena, at + 2 * lanes, zero)


@kernel()
def note(arena, at, value, v_out, record, step, lanes, count):
    """Write one vector of membranes to the samples' places in what is recorded."""
    store(arena, at, value)
    for lane in range(count):
        v_out[record + lane * step] = arena[at + lane]


@kernel()
def eight(
    pop, arena, consts, part, lanes, width, block, place, s0, s1, drive, step, state, v_out, record,
    sample_step, time_step, place_step, count, fresh, keep,
):  # fmt: skip
    """Run eight channels that are never held; ``record`` is of (t = 0, first channel), or -1.

    fresh: the state is that of a sample's begin. keep: it is stored for later timesteps.
    """
    a = drive
    b, c, d = a + step, a + 2 * step, a + 3 * step
    e, g, h, i = a + 4 * step, a + 5 * step, a + 6 * step, a + 7 * step
    three, first = 3 * lanes, block * f.GROUP
    if fresh:
        init = pop[f.V_INIT_AT] + first
        v0, v1, v2, v3 = (splat(consts, init), splat(consts, init + 1), splat(consts, init + 2),
                          splat(consts, init + 3))  # fmt: skip
        v4, v5, v6, v7 = (splat(consts, init + 4), splat(consts, init + 5),
                          splat(consts, init + 6), splat(consts, init + 7))  # fmt: skip
    else:
        v0, v1 = load(arena, state), load(arena, state + three)
        v2, v3 = load(arena, state + 2 * three), load(arena, state + 3 * three)
        v4, v5 = load(arena, state + 4 * three), load(arena, state + 5 * three)
        v6, v7 = load(arena, state + 6 * three), load(arena, state + 7 * three)
    num, q, one = spread(arena, pop[f.NUM]), spread(arena, pop[f.Q]), spread(arena, 1)
    multiply, shifts = pop[f.NUM] != 1, pop[f.Q] != 0
    high, reset, rho = pop[f.THRESHOLD_AT] + first, pop[f.V_RESET_AT] + first, pop[f.RHO_AT] + first
    steps = pop[f.STEPS]
    log = 5 if width == 32 else 6
    word_at = pop[f.BITS_AT] + (place * pop[f.WORDS] + (first >> log)) * steps * lanes
    plane_step = pop[f.ROWS] * pop[f.COLS] * pop[f.WORDS] * steps * lanes
    value_at = pop[f.VALUES_AT] + (place * pop[f.GROUPS] * f.GROUP + first) * steps * lanes
    value_step = steps * lanes
    left = spread(arena, first & (width - 1))
    still = pop[f.STILL]
    channels = min(f.GROUP, pop[f.CHANNELS] - first)
    for t in range(s0, s1):
        at = 0 if still else (t - s0) * lanes
        if multiply:
            v0, v1, v2, v3 = v0 * num, v1 * num, v2 * num, v3 * num
            v4, v5, v6, v7 = v4 * num, v5 * num, v6 * num, v7 * num
        if shifts:
            v0, v1, v2, v3 = v0 >> q, v1 >> q, v2 >> q, v3 >> q
            v4, v5, v6, v7 = v4 >> q, v5 >> q, v6 >> q, v7 >> q
        v0, v1 = v0 + load(arena, a + at), v1 + load(arena, b + at)
        v2, v3 = v2 + load(arena, c + at), v3 + load(arena, d + at)
        v4, v5 = v4 + load(arena, e + at), v5 + load(arena, g + at)
        v6, v7 = v6 + load(arena, h + at), v7 + load(arena, i + at)
        if record >= 0:
            # no call here: across one, every membrane would have to leave its register
            store(arena, part, v0)
            store(arena, part + lanes, v1)
            store(arena, part + 2 * lanes, v2)
            store(arena, part + 3 * lanes, v3)
            store(arena, part + 4 * lanes, v4)
            store(arena, part + 5 * lanes, v5)
            store(arena, part + 6 * lanes, v6)
            store(arena, part + 7 * lanes, v7)
            for o in range(channels):
                to = record + t * time_step + o * place_step
                for lane in range(count):
                    v_out[to + lane * sample_step] = arena[part + o * lanes + lane]
        if pop[f.SPIKING]:
            m0, m1 = at_least(v0, splat(consts, high)), at_least(v1, splat(consts, high + 1))
            m2, m3 = at_least(v2, splat(consts, high + 2)), at_least(v3, splat(consts, high + 3))
            m4, m5 = at_least(v4, splat(consts, high + 4)), at_least(v5, splat(consts, high + 5))
            m6, m7 = at_least(v6, splat(consts, high + 6)), at_least(v7, splat(consts, high + 7))
            word = (
                ((m0 & one) | (m1 & spread(arena, 2)))
                | ((m2 & spread(arena, 4)) | (m3 & spread(arena, 8)))
                | ((m4 & spread(arena, 16)) | (m5 & spread(arena, 32)))
                | ((m6 & spread(arena, 64)) | (m7 & spread(arena, 128)))
            )
            to = word_at + t * lanes
            store(arena, to, load(arena, to) | (word << left))
            if pop[f.RESET] == f.ZERO:
                v0, v1 = (
                    choose(m0, splat(consts, reset), v0),
                    choose(m1, splat(consts, reset + 1), v1),
                )
                v2 = choose(m2, splat(consts, reset + 2), v2)
                v3 = choose(m3, splat(consts, reset + 3), v3)
                v4 = choose(m4, splat(consts, reset + 4), v4)
                v5 = choose(m5, splat(consts, reset + 5), v5)
                v6 = choose(m6, splat(consts, reset + 6), v6)
                v7 = choose(m7, splat(consts, reset + 7), v7)
            elif pop[f.RESET] == f.SUBTRACT:
                v0, v1 = v0 - (m0 & splat(consts, rho)), v1 - (m1 & splat(consts, rho + 1))
                v2, v3 = v2 - (m2 & splat(consts, rho + 2)), v3 - (m3 & splat(consts, rho + 3))
                v4, v5 = v4 - (m4 & splat(consts, rho + 4)), v5 - (m5 & splat(consts, rho + 5))
                v6, v7 = v6 - (m6 & splat(consts, rho + 6)), v7 - (m7 & splat(consts, rho + 7))
            continue
        if pop[f.VALUES_AT] >= 0:
            to = value_at + t * lanes
            store(arena, to, v0)
            store(arena, to + value_step, v1)
            store(arena, to + 2 * value_step, v2)
            store(arena, to + 3 * value_step, v3)
            store(arena, to + 4 * value_step, v4)
            store(arena, to + 5 * value_step, v5)
            store(arena, to + 6 * value_step, v6)
            store(arena, to + 7 * value_step, v7)
        if pop[f.BITS_AT] >= 0:
            for plane in range(pop[f.PLANES]):
                k = spread(arena, plane)
                word = (
                    ((v0 >> k) & one)
                    | (((v1 >> k) & one) << one)
                    | (((v2 >> k) & one) << spread(arena, 2))
                    | (((v3 >> k) & one) << spread(arena, 3))
                    | (((v4 >> k) & one) << spread(arena, 4))
                    | (((v5 >> k) & one) << spread(arena, 5))
                    | (((v6 >> k) & one) << spread(arena, 6))
                    | (((v7 >> k) & one) << spread(arena, 7))
                )
                to = word_at + plane * plane_step + t * lanes
                store(arena, to, load(arena, to) | (word << left))
    if not keep:
        return
    store(arena, state, v0)
    store(arena, state + three, v1)
    store(arena, state + 2 * three, v2)
    store(arena, state + 3 * three, v3)
    store(arena, state + 4 * three, v4)
    store(arena, state + 5 * three, v5)
    store(arena, state + 6 * three, v6)
    store(arena, state + 7 * three, v7)


@kernel()
def held(
    pop, arena, consts, part, lanes, width, block, place, s0, s1, drive, step, state, v_out, record,
    sample_step, time_step, place_step, count,
):  # fmt: skip
    """Do so, a channel at a time, for neurons that may be held or that fire by a timestep."""
    zero, one = spread(arena, 0), spread(arena, 1)
    num, q, most = spread(arena, pop[f.NUM]), spread(arena, pop[f.Q]), spread(arena, pop[f.MOST])
    refractory, first = spread(arena, pop[f.REFRACTORY]), block * f.GROUP
    for o in range(min(f.GROUP, pop[f.CHANNELS] - first)):
        at = state + o * 3 * lanes
        v, fired, rest = load(arena, at), load(arena, at + lanes), load(arena, at + 2 * lanes)
        threshold = splat(consts, pop[f.THRESHOLD_AT] + first + o)
        reset = splat(consts, pop[f.V_RESET_AT] + first + o)
        rho = splat(consts, pop[f.RHO_AT] + first + o)
        word = (place * pop[f.WORDS] + (first + o) // width) * pop[f.STEPS] * lanes
        bit = spread(arena, 1) << spread(arena, (first + o) % width)
        for t in range(s0, s1):
            here = drive + o * step + (0 if pop[f.STILL] else (t - s0) * lanes)
            resting = at_least(rest, one)
            off = resting | at_least(fired, most)
            v = choose(off, reset, ((v * num) >> q) + load(arena, here))
            if record >= 0:
                note(arena, part, v, v_out, record + t * time_step + o * place_step, sample_step,
                     lanes, count)  # fmt: skip
            spike = at_least(v, threshold)
            if pop[f.FIRE_BY] == t:
                spike = spike | at_least(zero, fired)
            spike = choose(off, zero, spike)
            to = pop[f.BITS_AT] + word + t * lanes
            store(arena, to, load(arena, to) | (spike & bit))
            if pop[f.RESET] == f.ZERO:
                v = choose(spike, reset, v)
            elif pop[f.RESET] == f.SUBTRACT:
                v = v - (spike & rho)
            fired = fired - spike
            rest = choose(spike, refractory, choose(resting, rest - one, zero))
        store(arena, at, v)
        store(arena, at + lanes, fired)
        store(arena, at + 2 * lanes, rest)


@kernel()
def neurons(
    pop, arena, consts, part, lanes, width, block, place, s0, s1, drive, step, state, v_out, record,
    sample_step, time_step, place_step, count,
):  # fmt: skip
    """Run a block's neurons, whatever their kind."""
    if pop[f.FULL]:
        if s0 == 0:
            begin(pop, arena, consts, block, state, lanes)
        held(pop, arena, consts, part, lanes, width, block, place, s0, s1, drive, step, state,
             v_out, record, sample_step, time_step, place_step, count)  # fmt: skip
    else:
        eight(pop, arena, consts, part, lanes, width, block, place, s0, s1, drive, step, state,
              v_out, record, sample_step, time_step, place_step, count, s0 == 0,
              s1 < pop[f.STEPS])  # fmt: skip
