"""Gates of a network as their core holds them: pure functions of its values."""

from __future__ import annotations

import numpy as np

from mapping import Connection, Gate, Population
from mapping.intervals import Interval, bits

from .cores.gating import GateWidths, Gating


def fixed(gate: Gate) -> int | None:
    """Return the number that a gate always is, or None where it differs."""
    low, high = int(gate.table.min()), int(gate.table.max())
    return low if low == high else None


def hears(gate: Gate) -> bool:
    """Return whether a gate depends on what comes, and not on the timestep alone."""
    return bool((gate.table != gate.table[:, :1]).any())


def counts(p: Population) -> bool:
    """Return whether a population has a gate that depends on what comes."""
    return any(c.gate is not None and hears(c.gate) for c in p.connections)


def gating(c: Connection, lack: np.ndarray | int, area: int, memory: dict[str, int]) -> Gating:
    """Return the numbers of a connection's gate; what all sums of a map lack is in its offset.

    Args:
        lack: what is to be added to raw sums, one per channel or 0. area: places of the map.
        memory: columns that are kept in a ROM even if uniform, with their widths.
    """
    gate, channels = c.gate, len(c.gain)
    more = gate.weights.astype(object) * lack * area
    if gate.per_channel:
        offset = gate.offset + more
    else:
        offset = [int(gate.offset) + int(np.sum(more))]
    wide = np.broadcast_to(np.asarray(offset, object), (channels,))
    return Gating(
        weight=np.broadcast_to(gate.weights, (channels,)).tolist(),
        offset=[int(x) for x in wide],
        shift=gate.shift,
        table=tuple(map(tuple, gate.table.tolist())),
        each=gate.per_channel,
        memory=memory,
    )


def gate_bits(gate: Gate) -> int:
    """Return the signed bits of a gate's factors."""
    return bits(int(gate.table.min()), int(gate.table.max()))


def gate_widths(c: Connection, total: Interval, raw: int, signed: bool) -> GateWidths:
    """Return the widths of a connection's gate.

    Args:
        total: of ``Facts.totals``. raw, signed: bits of a sum, and whether it is signed.
    """
    return GateWidths(raw, signed, total.bits, gate_bits(c.gate))
