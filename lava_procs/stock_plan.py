"""Which Networks Lava's own Processes run exactly, and with which numbers.

Every spiking population becomes one LIFReset, every connection one Dense, Sparse or Conv. Each
adds one timestep, so a connection that skips populations becomes a DelayDense or a DelaySparse,
which waits for the longer way. A population without threshold has no stock process; nothing can
read it, so it is left out and its values are not compared.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mapping import INPUT, Network, Neuron, Population, Unsupported
from mapping.capabilities import asks
from mapping.ops import Op

from .stock_neuron import Numbers, fit, shifts
from .stock_wanted import wanted
from .stock_weights import WEIGHT_MAX, StockConnection, hops, spread, stored
from .takes import STOCK

#: Most timesteps that DelayDense and DelaySparse wait.
DELAY_MAX = 63


@dataclass(frozen=True)
class StockPopulation:
    """One LIFReset, with du = 4095.

    Attributes
    ----------
        depth: it takes a sample's step t at Lava's timestep t + depth + 1 (both from 1 and 0).
        memory: False if no membrane outlives a timestep: it is reset in each.
        dv: decay constant. vth, bias_mant, bias_exp: (n,).
    """

    name: str
    depth: int
    connections: tuple[StockConnection, ...]
    memory: bool
    dv: int
    vth: np.ndarray
    bias_mant: np.ndarray
    bias_exp: np.ndarray


def plan(network: Network, steps: int | None = None) -> list[StockPopulation]:
    """Return what stands for each spiking population, in order.

    Args:
        steps: timesteps of a sample; by default the network's T.

    Raises
    ------
        Unsupported: a population that stock processes do not run exactly: one sentence with its
            name, the limit and the value.
    """
    STOCK.refuse(network)
    found = verdicts(network, steps)
    for verdict in found.values():
        if isinstance(verdict, Unsupported):
            raise verdict
    if not found:
        raise Unsupported(
            "lava-stock gives spikes only, and no population of this network has a threshold"
        )
    return list(found.values())


def verdicts(
    network: Network, steps: int | None = None
) -> dict[str, StockPopulation | Unsupported]:
    """Return what stands for each spiking population by its name, or why nothing does.

    Each is judged as if those before it were run: arguments as of ``plan``.
    """
    steps = network.timesteps if steps is None else steps
    refused: dict[str, Unsupported] = {}
    for ask in asks(network):
        if not STOCK.allows(ask):
            sentence = STOCK.sentence(ask)
            refused.setdefault(ask.population, Unsupported(sentence))
    depths, found = {INPUT: 0}, {}
    for p in network.populations:
        depths[p.name] = max(depths.get(c.source, 0) + hops(c.op) for c in p.connections)
        if not p.spiking:
            continue
        try:
            if p.name in refused:
                raise refused[p.name]
            found[p.name] = _population(network, p, steps, depths)
        except Unsupported as error:
            found[p.name] = error
    return found


def _population(
    network: Network, p: Population, steps: int, depths: dict[str, int]
) -> StockPopulation:
    where = f"lava-stock: population {p.name!r}"
    neuron, facts = p.neuron, network.facts[p.name]
    memory = steps > 1 and neuron.num > 0
    if memory and neuron.reset != "zero":
        raise Unsupported(f"{where}: reset {neuron.reset!r}, and stock LIF only resets to 0")
    num, q = (neuron.num, neuron.q) if memory else (1, 0)
    while q and num % 2 == 0:
        num, q = num // 2, q - 1
    gains = np.stack([c.gain for c in p.connections])
    biases = sum(c.bias for c in p.connections)
    common = np.gcd.reduce(gains, axis=0)
    ratios = gains // np.where(common == 0, 1, common)
    neurons = []
    for channel in range(len(common)):
        low = high = 0
        for ratio, acc in zip(ratios[:, channel].tolist(), facts.acc, strict=True):
            edges = ratio * int(acc.low[channel]), ratio * int(acc.high[channel])
            low, high = low + min(edges), high + max(edges)
        gain = int(common[channel]) or 1
        one = wanted(
            num,
            q,
            steps if memory else 1,
            gain,
            int(biases[channel]),
            int(neuron.threshold[channel]),
            _starts(neuron, channel, memory),
            (low, high),
        )
        if isinstance(one, str):
            raise Unsupported(f"{where}, neuron {channel}: {one}")
        neurons.append(one)
    ops = [c.op for c in p.connections]
    numbers = _numbers(where, neurons, ratios, ops)
    edges = []
    for c, ratio in zip(p.connections, ratios, strict=True):
        delay = depths[p.name] - depths[c.source] - hops(c.op)
        if delay > DELAY_MAX:
            raise Unsupported(
                f"{where}: the connection from {c.source!r} would wait {delay} timesteps for the "
                f"longer way, and Lava's delays are at most {DELAY_MAX}"
            )
        top = network.input.span[1]
        bits = top.bit_length() if c.source == INPUT and top > 1 else 0
        edges.append(
            stored(
                c.op,
                network.shapes[c.source],
                _factors(ratio, numbers),
                where,
                c.source,
                bits,
                delay,
            )
        )
    area = int(np.prod(facts.shape[1:]))

    def each(values: list[int]) -> np.ndarray:
        return np.repeat(np.array(values, np.int32), area)

    return StockPopulation(
        p.name,
        depths[p.name],
        tuple(edges),
        memory,
        4096 - (num << 12 - q),
        each([n.vth for n in numbers]),
        each([n.mant for n in numbers]),
        each([n.exp for n in numbers]),
    )


def _starts(neuron: Neuron, channel: int, memory: bool) -> tuple[int, int]:
    """Return v_init and v_reset; without memory what is left of v_init after its leak."""
    init, reset = int(neuron.v_init[channel]), int(neuron.v_reset[channel])
    return (init, reset) if memory else ((init * neuron.num) >> neuron.q, reset)


def _numbers(where: str, neurons: list, ratios: np.ndarray, ops: list[Op]) -> list[Numbers]:
    """Fit every neuron; raise the least shifts until the weights share one exponent."""
    least, found = 0, [fit(n) for n in neurons]
    while True:
        for channel, one in enumerate(found):
            if isinstance(one, str):
                raise Unsupported(f"{where}, neuron {channel}: {one}")
        largest = max(
            spread(_factors(ratio, found), op) for ratio, op in zip(ratios, ops, strict=True)
        )
        if largest <= WEIGHT_MAX:
            return found
        least += 1
        if least > max(n.k for n in found):
            raise Unsupported(
                f"{where}: its gains differ so much that stored weights would reach {largest}, "
                f"and Dense and Sparse store at most {WEIGHT_MAX}"
            )
        raised = [
            fit(n, least) if one.k < least and least in shifts(n) else one
            for n, one in zip(neurons, found, strict=True)
        ]
        found = [b if isinstance(b, Numbers) else a for a, b in zip(found, raised, strict=True)]


def _factors(ratio: np.ndarray, numbers: list[Numbers]) -> list[int]:
    """Return by what a connection's weights are multiplied, per neuron."""
    return [r << n.k for r, n in zip(ratio.tolist(), numbers, strict=True)]
