"""Which Networks Lava's own Dense and LIFReset run exactly, and with which numbers.

Every spiking population becomes one LIFReset, every connection one Dense. Each stock connection
adds one timestep, so a connection that skips populations becomes a DelayDense, which waits for
the longer way. A population without threshold has no stock process; nothing can read it, so it is
left out and its values are not compared.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mapping import INPUT, Network, Neuron, Population, Unsupported

from .stock_neuron import Numbers, fit, shifts, wanted
from .takes import STOCK

#: Largest stored weight: even (the lowest bit of mixed signs is dropped), of 8 bits and sign.
WEIGHT_MAX = 254
#: Most timesteps that DelayDense waits.
DELAY_MAX = 63


@dataclass(frozen=True)
class StockConnection:
    """One Dense: ``input = (weights @ source) * 2**weight_exp``, exactly.

    Attributes
    ----------
        source: a population's name, or "input". weights: (out, in) int32, all even.
        message_bits: 0 for spikes, p for p-bit inputs. delay: timesteps besides Dense's own.
    """

    source: str
    weights: np.ndarray
    weight_exp: int
    message_bits: int
    delay: int


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
    steps = network.timesteps if steps is None else steps
    planned = [_population(network, p, steps) for p in network.populations if p.spiking]
    if not planned:
        raise Unsupported(
            "lava-stock gives spikes only, and no population of this network has a threshold"
        )
    return planned


def _population(network: Network, p: Population, steps: int) -> StockPopulation:
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
    numbers = _numbers(where, neurons, ratios)
    edges = []
    for c, ratio in zip(p.connections, ratios, strict=True):
        source = network.facts[c.source].depth if c.source != INPUT else 0
        delay = facts.depth - source - 1
        if delay > DELAY_MAX:
            raise Unsupported(
                f"{where}: the connection from {c.source!r} would wait {delay} timesteps for the "
                f"longer way, and DelayDense waits at most {DELAY_MAX}"
            )
        weights, exponent = _weights(_factors(ratio, numbers), c.op.weights)
        top = network.input.span[1]
        bits = top.bit_length() if c.source == INPUT and top > 1 else 0
        edges.append(StockConnection(c.source, weights, exponent, bits, delay))
    return StockPopulation(
        p.name,
        facts.depth,
        tuple(edges),
        memory,
        4096 - (num << 12 - q),
        np.array([n.vth for n in numbers], np.int32),
        np.array([n.mant for n in numbers], np.int32),
        np.array([n.exp for n in numbers], np.int32),
    )


def _starts(neuron: Neuron, channel: int, memory: bool) -> tuple[int, int]:
    """Return v_init and v_reset; without memory what is left of v_init after its leak."""
    init, reset = int(neuron.v_init[channel]), int(neuron.v_reset[channel])
    return (init, reset) if memory else ((init * neuron.num) >> neuron.q, reset)


def _numbers(where: str, neurons: list, ratios: np.ndarray) -> list[Numbers]:
    """Fit every neuron; raise the least shifts until the weights share one exponent."""
    least, found = 0, [fit(n) for n in neurons]
    while True:
        for channel, one in enumerate(found):
            if isinstance(one, str):
                raise Unsupported(f"{where}, neuron {channel}: {one}")
        spread = max(_spread(_factors(ratio, found)) for ratio in ratios)
        if spread <= WEIGHT_MAX:
            return found
        least += 1
        if least > max(n.k for n in found):
            raise Unsupported(
                f"{where}: its gains differ so much that stored weights would reach {spread}, "
                f"and Dense stores at most {WEIGHT_MAX}"
            )
        raised = [
            fit(n, least) if one.k < least and least in shifts(n) else one
            for n, one in zip(neurons, found, strict=True)
        ]
        found = [b if isinstance(b, Numbers) else a for a, b in zip(found, raised, strict=True)]


def _factors(ratio: np.ndarray, numbers: list[Numbers]) -> list[int]:
    """Return by what a connection's weights are multiplied, per neuron."""
    return [r << n.k for r, n in zip(ratio.tolist(), numbers, strict=True)]


def _exponent(factors: list[int]) -> int:
    """Return the exponent at which all factors are even integers, the largest there is."""
    return min(((f & -f).bit_length() - 2 for f in factors if f), default=0)


def _spread(factors: list[int]) -> int:
    """Return the largest stored weight that the factors need."""
    largest, exponent = max(map(abs, factors)), _exponent(factors)
    return largest >> exponent if exponent >= 0 else largest << -exponent


def _weights(factors: list[int], signs: np.ndarray) -> tuple[np.ndarray, int]:
    exponent = _exponent(factors)
    stored = [f >> exponent if exponent >= 0 else f << -exponent for f in factors]
    return np.array(stored, np.int32)[:, None] * signs.astype(np.int32), exponent
