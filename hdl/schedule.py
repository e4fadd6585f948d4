"""Schedule: when each beat of one timestep moves, from idle; latency and buffers follow from it.

Nothing that moves depends on data, and nothing waits for room in an idle network, so that the
cycle of every beat of the first timestep is a maximum of earlier ones plus constants of the cores:

- input word w moves in cycle w; a gathered word one cycle after its last spike, a delay and a
  buffer add their own latency;
- the sums of a group are there ``words * bits`` cycles after those of the group before, but not
  before that one was taken, and ``words * bits + 3`` cycles after the timestep's last word;
- a neuron is taken when every connection has its sum, one a cycle, and leaves 3 cycles later.

Every timestep may follow the one before by ``period`` cycles, those of the slowest core, if each
connection holds what has come and is not used up: a dense core holds two timesteps, a buffer the
rest. (The sums of all connections come in the same groups, so that a join is as fast as its
slowest connection.) The first timesteps may come a few cycles late: a core that waits stops with
all its stages, and what stands between two of them is lost once.
"""

from __future__ import annotations

from dataclasses import dataclass

from .buffer import Buffer
from .delay import Delay
from .design import Edge, Layer
from .gather import Gather
from .population import PopulationCore

#: Timesteps per population that a network is given to settle. Measured, not proved: in a thousand
#: random networks of up to 7 populations 2 were the most.
SETTLES = 4


@dataclass(frozen=True)
class Schedule:
    """What the schedule of a plan says.

    Attributes
    ----------
        period: cycles of the slowest core: from one timestep to the next, at full rate.
        latency: cycles from the first input beat to the last output beat, from idle.
        settles: timesteps after which each follows the one before by exactly ``period``.
        buffers: per population and connection, the words that its buffer holds; 0: it has none.
    """

    period: int
    latency: int
    settles: int
    buffers: list[list[int]]


def schedule(layers: list[Layer], period: int) -> Schedule:
    """Return the schedule of a plan whose slowest core takes ``period`` cycles a timestep."""
    buffers = [[0 for _ in layer.edges] for layer in layers]
    while True:  # a buffer's own latency may call for another one
        need, latency = _first_timestep(layers, period, buffers)
        changed = False
        for mine, wanted in zip(buffers, need, strict=True):
            for k, depth in enumerate(wanted):
                if depth > mine[k]:
                    mine[k], changed = depth, True
        if not changed:
            return Schedule(period, latency, SETTLES * len(layers), buffers)


def _first_timestep(
    layers: list[Layer], period: int, buffers: list[list[int]]
) -> tuple[list[list[int]], int]:
    """Return the depths of buffers that the first timestep asks for, and its latency."""
    outs: list[list[int]] = []
    need = []
    for layer, mine in zip(layers, buffers, strict=True):
        arrivals = [_arrivals(edge, outs) for edge in layer.edges]
        loaded = [
            words[-1] + (Buffer.latency if depth else 0)
            for words, depth in zip(arrivals, mine, strict=True)
        ]
        takes, freed = _takes(layer, loaded)
        outs.append([cycle + PopulationCore.latency for cycle in takes])
        need.append(
            [
                _depth(edge.words, freed + 1 - words[0] - 2 * period, period)
                for edge, words in zip(layer.edges, arrivals, strict=True)
            ]
        )
    return need, outs[-1][-1]


def _arrivals(edge: Edge, outs: list[list[int]]) -> list[int]:
    """Return the cycle in which each word comes to a connection's buffer or dense core."""
    late = Delay.latency if edge.delay else 0
    if edge.source < 0:
        return [w + late for w in range(edge.words)]
    spikes = outs[edge.source]
    last = [min((w + 1) * edge.simd, len(spikes)) - 1 for w in range(edge.words)]
    return [spikes[n] + Gather.latency + late for n in last]


def _takes(layer: Layer, loaded: list[int]) -> tuple[list[int], int]:
    """Return when each neuron's sums are taken, and when the last input word is used up."""
    busy = [edge.words * edge.bits for edge in layer.edges]
    ready = [cycle + cycles + 3 for cycle, cycles in zip(loaded, busy, strict=True)]
    takes: list[int] = []
    freed = 0
    for start in range(0, layer.neurons, layer.pe):
        size = min(layer.pe, layer.neurons - start)
        takes += range(max(ready), max(ready) + size)
        freed = max(ready) - 3
        ready = [max(r + b, takes[-1] + 1) for r, b in zip(ready, busy, strict=True)]
    return takes, freed


def _depth(words: int, wait: int, period: int) -> int:
    """Return the depth of the buffer of words that wait ``wait`` cycles too long, or 0."""
    if wait <= 0:
        return 0
    timesteps = -(-(max(wait, Buffer.latency) + 1) // period)
    return timesteps * words + 2
