"""Cells of a plan: an ESTIMATE of the LUT4 and carry cells (``TRELLIS_COMB``) on Lattice ECP5.

It serves to compare forms of one network, and as a budget; it says nothing about one build: yosys
has its own mind. One build has been compared: 784-128-10 at 2 x 32 and 1 x 4 takes 608 cells
(docs/lab-notes.md), and 608 are estimated. Every constant stands here and nowhere else. It grows
with PE, with SIMD and with lanes, strictly, which ``choose`` relies on.
"""

from __future__ import annotations

from .cores.lane_shape import LaneShape
from .planned import Plan, PlannedPopulation

#: Of a bit of XNOR and popcount; and from so many outputs a cycle on, where weights are held as
#: prefix parities, that take a cell more of every input bit.
POPCOUNT, CODED_FROM, CODED, PREFIX = 2.4, 3, 1.9, 1.0
#: Of an accumulator: its adder, what is held of it, and the choice of one.
SUM = 20
#: Of a bit of the words that a connection reads: its buffer, in LUTs where it is shallow.
WORD = 1.5
#: Of a bit of a lanewise sum, accumulated and held.
LANE_SUM = 2
#: Of a bit of v, for each neuron that is updated at once: drive, leak, comparison, reset.
LANE = 5
#: Of a population, whatever its size: sequencer, counters, gather; of a connection: its buffer.
POPULATION, CONNECTION = 50, 30
#: Of a connection whose zero words are left out: its list, of some 32 words, and the choice of
#: them; and of each output what is taken off its words. Seen: 332 of two connections of 3 outputs,
#: 212 of two of 10 (docs/lab-notes.md).
LIST, MINUS = 110, 7
#: Of the network: entry and output.
NETWORK = 40


def sums_cells(pe: int, simd: int, steps: int, bits: int) -> float:
    """Return the cells of a matrix-vector unit and of the words that it reads.

    Args:
        pe, simd, steps: outputs, inputs and timesteps at once. bits: of an input.
    """
    coded = pe >= CODED_FROM
    ones = simd * (CODED * pe + PREFIX if coded else POPCOUNT * pe)
    return steps * (ones + SUM * pe + WORD * simd * bits)


def lane_cells(s: LaneShape) -> float:
    """Return the cells of a lanewise unit and of the words that it reads."""
    return s.steps * (LANE_SUM * s.raw_bits * s.pe + WORD * s.simd * s.bits)


def neuron_cells(lanes: int, v_bits: int) -> float:
    """Return the cells of a neuron unit."""
    return LANE * lanes * v_bits


def population_cells(p: PlannedPopulation) -> int:
    """Return the cells of a population, its connections included."""
    shapes = [c.shape for c in p.connections]
    sums = sum(
        lane_cells(s) if isinstance(s, LaneShape) else sums_cells(s.pe, s.simd, s.steps, s.bits)
        for s in shapes
    )
    fixed = POPULATION + CONNECTION * len(shapes)
    fixed += sum(LIST + MINUS * s.pe for s in shapes if s.skips)
    return round(sums + neuron_cells(p.order.lanes, p.widths.v)) + fixed


def cells(plan: Plan) -> int:
    """Return the cells of a plan."""
    return NETWORK + sum(population_cells(p) for p in plan.populations)
