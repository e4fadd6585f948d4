"""Columns of the tables that a network becomes, and the constants of the kernels.

Every number is an int64 of ``populations[p, column]`` or ``edges[e, column]``; places in arrays
(``.._AT``) are counted in elements, and -1 is "not there". Kernels read these as constants.
"""

from __future__ import annotations

#: Channels that are computed together: a block of outputs.
GROUP = 8
#: Kinds of edges: windows of words, pools, the source itself.
COUNT, SUM, MAX, SAME = range(4)
#: Resets.
NONE, ZERO, SUBTRACT = range(3)
#: Times that a neuron without limit may fire.
NO_LIMIT = 1 << 30

(
    CHANNELS, ROWS, COLS, WORDS,  # of its output; words of a place
    GROUPS,  # blocks of channels
    STEPS,  # that its output has: T, or 1 where it is the same at every timestep
    STILL,  # 1: its drive is the same at every timestep
    SPIKING,
    PLANES,  # bit planes of its output
    BITS_AT, VALUES_AT, STATE_AT,  # in the arena
    FIRST_EDGE, EDGES,
    THRESHOLD_AT, V_RESET_AT, RHO_AT, V_INIT_AT,  # in the constants
    NUM, Q, RESET, FULL,  # FULL: it may be held, or fires at the latest at FIRE_BY
    MOST, REFRACTORY, FIRE_BY,
    SPIKES_RECORD, V_RECORD,  # in the recorded arrays
    CHUNK,  # timesteps that are computed together
    POPULATION_COLUMNS,
) = range(29)  # fmt: skip

(
    KIND,
    S_ROWS, S_COLS, S_WORDS, S_CHANNELS,  # of its source; channels padded to GROUP
    S_STEPS, S_PLANES, S_SIGNED, S_BITS, S_VALUES,  # places in the arena
    K_ROWS, K_COLS, STRIDE_R, STRIDE_C, PAD_R, PAD_C, DILATE_R, DILATE_C,
    W_BITS, WEIGHTS_AT, MASKS_AT, COEFFICIENTS_AT,  # of weights of several bits
    WINDOW_AT, WINDOW,  # first word of each block of channels, words of a window's place
    MOVES_AT, MOVES, GATHER_AT,  # of windows that are gathered; GATHER_AT in the arena
    ONES_AT,  # of the windows' ones, in the arena
    GAIN_AT, BIAS_AT, SHIFT, DELAY,
    GATED, G_WEIGHTS_AT, G_OFFSET_AT, G_SHIFT, G_TABLE_AT, G_SIZE, G_EACH,
    ACC_AT, FACTOR_AT, SUMS_AT,  # of a gate, in the arena
    CHANNELS_OUT, S_GROUPS_OUT, G_STEPS,  # channels that leave, and padded; T of a gate
    EDGE_COLUMNS,
) = range(46)  # fmt: skip

#: Columns of a move: which tap, source word, shift right, mask, word of the gathered, shift left.
TAP_ROW, TAP_COL, FROM, RIGHT, MASK, TO, LEFT, MOVE_COLUMNS = range(8)

#: Columns of the input: how it is coded, and what of it the network reads.
(
    I_CHANNELS, I_PLACES, I_WORDS, I_PADDED, I_PLANES, I_STEPS, I_GIVEN, I_TOP, I_BYTES,
    I_LATENCY, I_LAST, I_BITS_AT, I_VALUES_AT, INPUT_COLUMNS,
) = range(14)  # fmt: skip

#: Scratch in the arena: drive, acc, parts of acc and state of one block of channels.
DRIVE, ACC, PART, STATE, SCRATCH = range(5)
