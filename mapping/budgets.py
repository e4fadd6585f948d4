"""What the fold may spend: bits of every kind of number, values gone through, steps searched.

Everything hangs on WIDTH_MAX, the bits that bound every intermediate value of a Network. What is
smaller leaves room for what is made of the number: sums, gains, ``v * num``.
"""

from __future__ import annotations

from .value import WIDTH_MAX

# --- What a proof may take ---------------------------------------------------------------------

#: Beyond what any value may have: the constant of a neuron that always fires (-), or never does.
LIMIT = 1 << (WIDTH_MAX - 1)
#: Bits of the data's lattice, beside which thresholds, starts and v * num have room.
DATA_BITS = WIDTH_MAX - 5
#: Fractional bits that are tried above the q(T-1) which the lattice needs.
EXTRA_BITS = 24
#: The same for a gated population, which takes more.
GATED_EXTRA_BITS = 32
#: Steps that the search of one population may take; what is certified in practice takes far fewer.
SEARCH_STEPS = 1 << 28
#: Steps that the search of a population with a constant drive may take.
STATIC_STEPS = 1 << 25
#: Lattice values of a second scale that are enumerated, all channels and steps together.
ENUMERATED = 1 << 22
#: Most timesteps of a leaky soft reset whose 2**(T-1) histories are enumerated.
HISTORIES = 14
#: Bits by which a gated channel's numbers may exceed its scale.
FAR_APART = 600
#: Largest whole numbers to which the scales of two connections may stand to be one lattice.
RATIO = 256
#: Bits of a membrane at which a neuron is held and from which nothing follows.
HELD_BITS = 50

# --- What integers that are not searched may take ----------------------------------------------

#: Signed bits of a membrane in whole multiples of one unit, which leaves room for gains and sums.
WHOLE_BITS = WIDTH_MAX - 6
#: Signed bits of the membrane of a population that is rounded.
BOUNDED_BITS = 40
#: Fractional bits of its finest channel, where the membrane leaves them room.
FINEST_BITS = 16
#: Bits beyond those of a rounded membrane at which a number that is never reached is clamped.
CLAMP_BITS = BOUNDED_BITS + 16
#: Bits that a number of a stream may take in the unit of which all its numbers are multiples.
EXACT_BITS = 32
#: Signed bits that a number of a rounded stream may take; a shift then takes off the excess.
STREAM_BITS = 52
#: Bits of the largest gain of a stream that is rounded.
ROUNDED_BITS = 12
#: Bits that the values of a stream may take, so that what reads it has room.
VALUE_BITS = 40

# --- The integer gate --------------------------------------------------------------------------

#: Fractional bits of a gate's factor, and entries of the table of a sigmoid.
GATE_BITS, ENTRIES = 8, 256
#: Bits of the largest fixed-point factor of a gate's mean.
MEAN_BITS = 16
#: Most fractional bits of that mean.
FINEST_MEAN = 900
#: Bits of the largest fixed-point offset of a gate.
OFFSET_BITS = 50
#: Most fractional bits of the weights of a table that is given.
FINEST_TABLE = 44

# --- Float64, in which units and bounds are stated ---------------------------------------------

#: Scales, biases and membranes must lie below 2**FAR.
FAR = 900
#: No unit is chosen below 2**TINY; what is smaller is rounded.
TINY = -960
