"""Cells of a plan: an ESTIMATE of the LUT4 and carry cells (``TRELLIS_COMB``) on Lattice ECP5.

It serves to compare forms of one network, and as a budget; it says nothing about one build: yosys
has its own mind. Every constant stands here and nowhere else, and comes from builds of single cores
(docs/lab-notes.md). It grows with PE, with SIMD and with lanes, strictly, which ``choose`` relies
on.
"""

from __future__ import annotations

from .cores.lane_shape import LaneShape
from .planned import Plan, PlannedPopulation

#: Of a bit of XNOR and popcount; and from so many outputs a cycle on, where weights are held as
#: prefix parities, that take a cell more of every input bit.
POPCOUNT, CODED_FROM, CODED, PREFIX = 2.4, 3, 1.9, 1.0
#: Of a bit of a wider weight, and of its input: pairs of inputs in columns of full adders.
WIDE, WIDE_INPUT = 1.55, 1.5
#: Of an accumulator: its adder, what is held of it, and the choice of one; and of each further bit
#: of its inputs, by which it is shifted.
SUM, SUM_BIT = 20, 8
#: Of a bit of the words that a connection reads: its buffer, in LUTs where it is shallow.
WORD = 1.5
#: Of a bit of a lanewise sum: counted of spikes, or added and compared; an OR takes a LUT and
#: something to hold it.
LANE_COUNT, LANE_SUM, LANE_OR = 1.1, 2.4, 1.3
#: Of a bit of v, for each neuron that is updated at once: drive, leak, comparison, reset.
LANE = 5
#: Of a population, whatever its size: sequencer, counters, gather; of a connection: its buffer.
POPULATION, CONNECTION = 50, 30
#: Of a connection that reads lines: where its window stands; and what lies beyond the map.
LINES, PADS = 90, 90
#: Of a connection whose zero words are left out: its list, of some 32 words, and the choice of
#: them; and of each output what is taken off its words. Seen: 332 of two connections of 3 outputs,
#: 212 of two of 10 (docs/lab-notes.md).
LIST, MINUS = 110, 7
#: Of a gate that hears: its clamp and look-up; of a bit of its total for each lane, and for each
#: timestep of a block but one. Of a lane of neurons that is gated: its product.
GATE, GATE_LANE, GATE_TOTAL, GATED = 30, 1.5, 0.85, 15
#: Of the network: entry and output.
NETWORK = 40


def sums_cells(pe: int, simd: int, steps: int, bits: int, weight_bits: int = 1) -> float:
    """Return the cells of a matrix-vector unit and of the words that it reads.

    Args:
        pe, simd, steps: outputs, inputs and timesteps at once. bits, weight_bits: of an input, of a
            weight.
    """
    if weight_bits > 1:
        ones = simd * pe * (WIDE * weight_bits + WIDE_INPUT)
    elif pe >= CODED_FROM:
        ones = simd * (CODED * pe + PREFIX)
    else:
        ones = simd * POPCOUNT * pe
    return steps * (ones + (SUM + SUM_BIT * (bits - 1)) * pe + WORD * simd * bits)


def lane_cells(s: LaneShape, pe: int, simd: int) -> float:
    """Return the cells of a lanewise unit of so many lanes, and of the words that it reads."""
    if s.taps == 1 and not s.weight_bits:
        lane = 0.0
    elif s.kind == "max" and s.bits == 1:
        lane = LANE_OR
    else:
        lane = s.raw_bits * (LANE_COUNT if s.bits == 1 and not s.weight_bits else LANE_SUM)
    return s.steps * (lane * pe + WORD * simd * s.bits)


def neuron_cells(lanes: int, v_bits: int) -> float:
    """Return the cells of a neuron unit."""
    return LANE * lanes * v_bits


def connection_cells(p: PlannedPopulation, j: int) -> float:
    """Return the cells of a connection: of its buffer, its sums and its gate."""
    c = p.connections[j]
    s = c.shape
    made = float(CONNECTION)
    if c.sweep is not None:
        made += LINES + PADS * c.sweep.pads
    if isinstance(s, LaneShape):
        made += lane_cells(s, s.pe, s.simd)
    else:
        made += sums_cells(s.pe, s.simd, s.steps, s.bits, s.weight_bits)
    if s.skips:
        made += LIST + MINUS * s.pe
    if j in p.gates:
        made += GATED * p.order.lanes
        if j in p.totals:
            made += gate_cells(p, j)
    return made


def gate_cells(p: PlannedPopulation, j: int) -> float:
    """Return the cells of a gate that hears a map; multipliers are not counted."""
    bits, lanes = p.totals[j], p.order.lanes
    return GATE + bits * lanes * GATE_LANE + GATE_TOTAL * bits * (p.order.blocks.block - 1)


def population_cells(p: PlannedPopulation) -> int:
    """Return the cells of a population, its connections included."""
    sums = sum(connection_cells(p, j) for j in range(len(p.connections)))
    return round(sums + neuron_cells(p.order.lanes, p.widths.v)) + POPULATION


def cells(plan: Plan) -> int:
    """Return the cells of a plan."""
    return NETWORK + sum(population_cells(p) for p in plan.populations)
