"""Make a network on which two backends differ as small as it can be while they still do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from mapping import INPUT, Input, Network, Population, Readout

from ..backends.reference import run

#: Says whether a network and inputs still show the difference.
Fails = Callable[[Network, np.ndarray], bool]


def shrink(network: Network, inputs: np.ndarray, fails: Fails) -> tuple[Network, np.ndarray]:
    """Return the smallest network and inputs smallest that still fail.

    Args:
        fails: True where the backends differ; what raises counts as not failing.
    """

    def still(pair: tuple[Network, np.ndarray]) -> bool:
        try:
            return fails(*pair)
        except (ValueError, OverflowError):
            return False

    smallest = next((p for p in _samples(network, inputs) if still(p)), (network, inputs))
    while True:
        smaller = next((pair for pair in _smaller(*smallest) if still(pair)), None)
        if smaller is None:
            return smallest
        smallest = smaller


def _samples(network: Network, inputs: np.ndarray) -> Iterator[tuple[Network, np.ndarray]]:
    for k in range(len(inputs)):
        yield network, inputs[k : k + 1]


def _smaller(network: Network, inputs: np.ndarray) -> Iterator[tuple[Network, np.ndarray]]:
    """Yield smaller networks, the smallest first."""
    count = len(network.populations)
    for k in range(1, count):
        yield from _made(_until(network, k), inputs)
    for k in range(count - 2, -1, -1):
        yield from _from(network, inputs, k)
    for p in network.populations:
        for k in range(len(p.connections)):
            rest = p.connections[:k] + p.connections[k + 1 :]
            yield from _made(_with(network, p, rest), inputs)
            plain = replace(p.connections[k], gate=None, shift=0, delay=0)
            if plain != p.connections[k]:
                edges = (*p.connections[:k], plain, *p.connections[k + 1 :])
                yield from _made(_with(network, p, edges), inputs)
    if network.input.coding == "steps" and inputs.shape[1] > 1:
        yield network, inputs[:, :-1]
        yield network, inputs[:, 1:]


def _made(build: Callable[[], Network], inputs: np.ndarray) -> Iterator[tuple[Network, np.ndarray]]:
    try:
        yield build(), inputs
    except (ValueError, TypeError):
        return


def _readout(populations: tuple[Population, ...]) -> Readout:
    last = populations[-1]
    return Readout(last.name, "count" if last.spiking else "membrane")


def _until(network: Network, k: int) -> Callable[[], Network]:
    """Return a maker of the first k populations, without what reads later ones."""

    def build() -> Network:
        names = {INPUT, *(p.name for p in network.populations[:k])}
        kept = tuple(
            replace(p, connections=tuple(c for c in p.connections if c.source in names))
            for p in network.populations[:k]
        )
        return replace(network, populations=kept, readout=_readout(kept))

    return build


def _with(network: Network, p: Population, edges: tuple) -> Callable[[], Network]:
    def build() -> Network:
        changed = tuple(
            replace(q, connections=edges) if q.name == p.name else q for q in network.populations
        )
        return replace(network, populations=changed)

    return build


def _from(network: Network, inputs: np.ndarray, k: int) -> Iterator[tuple[Network, np.ndarray]]:
    """Yield the network after population k, fed with that population's spikes."""
    cut = network.populations[k]
    if not cut.spiking:
        return
    later = {p.name for p in network.populations[k + 1 :]}
    populations = []
    for p in network.populations[k + 1 :]:
        edges = tuple(
            replace(c, source=INPUT if c.source == cut.name else c.source)
            for c in p.connections
            if c.source == cut.name or c.source in later
        )
        if not edges:
            return
        populations.append((p, edges))

    def build() -> Network:
        kept = tuple(replace(p, connections=edges) for p, edges in populations)
        return Network(Input(network.shapes[cut.name]), kept, _readout(kept), network.timesteps)

    spikes = run(network, inputs).spikes[cut.name].astype(np.uint8)
    yield from _made(build, spikes)
