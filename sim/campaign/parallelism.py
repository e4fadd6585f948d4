"""Parallelism of emitted designs, drawn for campaigns: half of the time what is emitted unasked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from mapping import INPUT, Network, Readout

#: Outputs and inputs a cycle that are drawn; they seldom divide a layer's sizes.
PES, SIMDS = (1, 2, 3, 5, 16, 64), (1, 3, 8, 13, 32)


def draw(network: Network, rng: np.random.Generator) -> dict[str, Any]:
    """Return options of the backends that emit Verilog; see ``hdl.plan.plan``."""
    if rng.random() < 0.5:
        return {}
    pe, simd = int(rng.choice(PES)), int(rng.choice(SIMDS))
    maps = _reads_maps(network)
    lanes = _lanes(network, pe, rng)
    block, parallel = 1, 1
    if rng.random() < 0.6:
        block, parallel = _block(network, rng)
    options = {"pe": pe, "simd": simd, "lanes": lanes, "block": block, "parallel": parallel}
    if rng.random() < 0.5 and len(network.shapes[network.readout.source]) == 1:
        options["classes"] = True
        if not maps and stoppable(network, block) and rng.random() < 0.7:
            options["stop"] = True
    elif (
        not maps and block == 1 and rng.random() < 0.7
    ):  # zero words are left out in all populations, or some
        names = [p.name for p in network.populations]
        drawn = rng.random() < 0.7 or [n for n in names if rng.random() < 0.5]
        able = [name for name in names if _skips(network, name)]
        if able != names:
            drawn = [n for n in (names if drawn is True else drawn) if n in able]
        options["skip_zeros"] = drawn
    return options


def _skips(network: Network, name: str) -> bool:
    """Whether zero words of what a population reads can be skipped: of one-bit weights alone."""
    return all(
        c.op.bits == 1 and (c.source == INPUT or network[c.source].spiking)
        for c in network[name].connections
    )


def _reads_maps(network: Network) -> bool:
    """Whether lines are read somewhere: by a window, or twice, because of a gate."""
    return any(
        c.op.window is not None or len(network.shapes[c.source]) == 3 or c.gate is not None
        for p in network.populations
        for c in p.connections
    )


def _lanes(network: Network, pe: int, rng: np.random.Generator) -> dict[str, int]:
    """Draw lanes of every population, 1 of all where shapes do not allow those that are drawn."""
    from hdl.sizes import sizes, tiled

    lanes = {}
    for k, p in enumerate(network.populations):
        size = tiled(network, k) or network.shapes[p.name][0]
        taken = size if tiled(network, k) else min(pe, size)
        some = [d for d in range(1, taken + 1) if size % d == 0 and taken % d == 0]
        lanes[p.name] = int(rng.choice(some[:4]))
    try:
        sizes(network, pe, 1, lanes)
    except ValueError:
        return dict.fromkeys(lanes, 1)
    return lanes


def reading(networks: list[Network], rng: np.random.Generator) -> list[Network]:
    """Return networks of one structure, some of those that count spikes with another read-out."""
    readout = networks[0].readout
    if readout.kind != "count" or not networks[0][readout.source].spiking or rng.random() < 0.5:
        return networks
    fallback = "membrane" if rng.random() < 0.5 else None
    other = Readout(readout.source, "first_spike", fallback)
    return [replace(network, readout=other) for network in networks]


def stoppable(network: Network, block: int) -> bool:
    """Whether a design can stop at the first output spike; see ``hdl.answers``."""
    kind, coding = network.readout.kind, network.input.coding
    return kind == "first_spike" and coding != "direct" and block < network.timesteps


def _block(network: Network, rng: np.random.Generator) -> tuple[int, int]:
    """Draw timesteps of a block, and those summed at once, that the network's delays allow."""
    steps, most, divides = network.timesteps, network.timesteps, False
    before: set[str] = {"input"}
    late_input = False
    for p in network.populations:
        for c in p.connections:
            if c.source not in before:  # a connection back
                most, divides = min(most, c.delay), True
            late_input |= c.source == "input" and c.delay > 0
        before.add(p.name)
    blocks = [b for b in range(1, most + 1) if not divides or steps % b == 0]
    block = int(rng.choice([*blocks, blocks[-1]]))
    first = (steps - 1) % block + 1
    parallel = [d for d in range(1, block + 1) if block % d == 0 and first % d == 0]
    return block, 1 if late_input else int(rng.choice(parallel))


def told(options: dict[str, Any]) -> str:
    """Return drawn options in words."""
    return ", ".join(f"{k} {v}" for k, v in options.items()) or "parallelism as emitted unasked"
