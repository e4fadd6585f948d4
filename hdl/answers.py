"""What a design says of a sample: the Reading of its network, with widths that are proved."""

from __future__ import annotations

import math
from collections.abc import Sequence

from mapping import Network
from mapping.intervals import bits

from .cores.reading import Reading
from .streams import Blocks


def reading(networks: Sequence[Network], blocks: Blocks, stop: bool) -> Reading:
    """Return what is read of networks that share a design.

    Raises
    ------
        ValueError: read-outs that differ; nothing to stop.
    """
    network = networks[0]
    readout, steps = network.readout, network.timesteps
    if any(n.readout != readout for n in networks):
        raise ValueError("networks that share a design with classes must share their read-out")
    if stop:
        _stops(network, blocks)
    spiking = network[readout.source].spiking
    low = high = 0
    for facts in (n.facts[readout.source] for n in networks):
        least, most = facts.v.span
        if readout.kind == "count":
            total = (0, facts.spikes) if spiking else (steps * least, steps * most)
        else:
            total = (least, most) if readout.reads_membrane else (0, 0)
        low, high = min(low, total[0]), max(high, total[1])
    if readout.kind == "first_spike":
        high = max(high, steps - 1)
    return Reading(
        readout.kind, math.prod(network.shapes[readout.source]), bits(low, high),
        membranes=not spiking, step=readout.step, fallback=readout.fallback is not None, stop=stop,
    )  # fmt: skip


def _stops(network: Network, blocks: Blocks) -> None:
    """Raise ValueError where there is nothing to gain by stopping."""
    readout = network.readout
    if readout.kind != "first_spike":
        raise ValueError(
            f"a sample stops at the first output spike, and the read-out of {readout.source!r} is "
            f"{readout.kind!r}"
        )
    if network.input.coding == "direct":
        raise ValueError(
            "a sample stops where its input can be dropped, and a direct-coded one comes at once"
        )
    if blocks.count == 1:
        raise ValueError(
            f"a sample stops between two blocks, and a block of {blocks.block} timesteps is a "
            "whole one"
        )
