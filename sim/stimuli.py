"""Stimuli that find mistakes: random, all-zero, all-one, and directed at the thresholds.

Random inputs barely notice ``>`` for ``>=``: directed ones are searched so that membranes land
exactly on the threshold, and on the nearest value below it that they can take.
"""

from __future__ import annotations

import numpy as np

from mapping import Network

from .reference import run
from .trace import Trace

#: Rounds of the directed search; each tries CANDIDATES changes of every sample.
ROUNDS, CANDIDATES = 12, 12


def stimuli(network: Network, samples: int, seed: int = 0) -> np.ndarray:
    """Return the usual mix: all-zero, all-one, a third random, the rest directed.

    Args:
        network: whose Input and thresholds are aimed at.
        samples: how many; the first two are all-zero and all-one.
        seed: draws the same inputs every time.

    Returns
    -------
        (samples, T, *shape) for coding "steps", else (samples, *shape), unsigned integers.
    """
    if samples < 1:
        raise ValueError(f"samples must be at least 1, not {samples}")
    edges = np.stack([_full(network, 0), _full(network, network.input.top)])[:samples]
    random = random_inputs(network, max(0, (samples - 2 + 2) // 3), seed)
    rest = samples - len(edges) - len(random)
    parts = [edges, random[: samples - len(edges)]]
    if rest > 0:
        parts.append(directed_inputs(network, rest, seed))
    return np.concatenate([p for p in parts if len(p)])


def _shape(network: Network) -> tuple[int, ...]:
    steps = (network.timesteps,) if network.input.coding == "steps" else ()
    return (*steps, *network.input.shape)


def _dtype(network: Network) -> type:
    return np.uint8 if network.input.bits <= 8 else np.uint16


def _full(network: Network, value: int) -> np.ndarray:
    return np.full(_shape(network), value, _dtype(network))


def random_inputs(network: Network, samples: int, seed: int = 0) -> np.ndarray:
    """Return random inputs; each sample has its own density of non-zero values."""
    rng = np.random.default_rng([seed, 11])
    shape = (samples, *_shape(network))
    values = rng.integers(1, network.input.top + 1, shape)
    density = rng.choice([0.1, 0.3, 0.5, 0.5, 0.8], samples).reshape(-1, *[1] * (len(shape) - 1))
    return np.where(rng.random(shape) < density, values, 0).astype(_dtype(network))


def directed_inputs(network: Network, samples: int, seed: int = 0) -> np.ndarray:
    """Search inputs whose membranes meet thresholds, in as many neurons as possible.

    It starts from inputs aimed at the first population's thresholds, and goes on with a hill
    climb: each sample is changed in a few places, and the change is kept if it meets thresholds
    (or the value just below) of neurons that the other samples do not meet yet.
    """
    rng = np.random.default_rng([seed, 12])
    best = aimed_inputs(network, samples, seed + 1)
    score, met = _score(network, best)
    for round_ in range(ROUNDS):
        # neurons rarely met weigh most; every sample is judged against what all samples meet
        weight = 1.0 / (1.0 + met.sum(axis=0))
        tries = np.repeat(best, CANDIDATES, axis=0)
        flat = tries.reshape(len(tries), -1)
        changes = max(1, flat.shape[1] // (4 << (round_ // 3)))
        for row in flat:
            places = rng.integers(0, len(row), rng.integers(1, changes + 1))
            row[places] = rng.integers(0, network.input.top + 1, len(places))
        _, found = _score(network, tries)
        value = (found @ weight).reshape(samples, CANDIDATES)
        pick = value.argmax(axis=1)
        better = value[np.arange(samples), pick] > met @ weight
        chosen = np.arange(samples) * CANDIDATES + pick
        best[better] = tries[chosen[better]]
        met[better] = found[chosen[better]]
    del score
    return best


def aimed_inputs(network: Network, samples: int, seed: int = 0) -> np.ndarray:
    """Return inputs made so that membranes of the first population meet their thresholds.

    At every timestep a neuron that few inputs met yet gets the synaptic sum that takes its membrane
    to the threshold, or, in one sample of four, to the nearest value below it. Random where no sum
    does, and where the first population does not read the input alone.
    """
    values = random_inputs(network, samples, seed)
    first = network.populations[0]
    edge = first.connections[0]
    if len(first.connections) > 1 or edge.delay or not first.spiking:
        return values
    rng = np.random.default_rng([seed, 13])
    weights = edge.op.weights.astype(np.int64)
    bound = network.facts[first.name].acc[0]
    hits = np.zeros(len(weights), np.int64)
    steps = network.input.coding == "steps"
    for sample in range(samples):
        below = int(sample % 4 == 3)
        v = first.neuron.v_init.astype(np.int64)
        for t in range(network.timesteps if steps else 1):
            x = (values[sample, t] if steps else values[sample]).reshape(-1)
            leaked = (v * first.neuron.num) >> first.neuron.q
            missing = first.neuron.threshold - leaked - edge.bias
            gain = np.where(edge.gain == 0, 1, edge.gain)
            need = missing // gain - below * np.sign(gain)
            can = (need >= bound.low) & (need <= bound.high) & (edge.gain != 0)
            if not below:
                can &= missing % gain == 0
            if can.any():
                rarity = np.where(can, hits + rng.random(len(hits)), np.inf)
                target = int(rarity.argmin())
                hits[target] += 1
                x[:] = _with_sum(x, weights[target], int(need[target]), network.input.top, rng)
            v = leaked + edge.gain * (weights @ x.astype(np.int64)) + edge.bias
            if first.neuron.reset == "zero":
                v = np.where(v >= first.neuron.threshold, first.neuron.v_reset, v)
    return values


def _with_sum(
    x: np.ndarray, weights: np.ndarray, total: int, top: int, rng: np.random.Generator
) -> np.ndarray:
    """Return x, changed in as few random places as it takes to make weights @ x the total."""
    values = x.astype(np.int64)
    missing = total - int(weights @ values)
    order = rng.permutation(len(values))
    sign = weights[order] * np.sign(missing)  # the direction in which each value must move
    room = np.where(sign > 0, top - values[order], values[order])
    taken = np.clip(abs(missing) - (np.cumsum(room) - room), 0, room)
    values[order] += sign * taken
    return values.astype(x.dtype)


def _score(network: Network, inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return hits per sample, and (samples, targets) of what each sample meets."""
    trace = run(network, inputs)
    parts = []
    for p in network.populations:
        if p.spiking:
            exact, below = met(trace, p.name, _step(network, p.name))
            parts += [exact.any(axis=1), below.any(axis=1)]
    if not parts:
        return np.zeros(len(inputs)), np.zeros((len(inputs), 1), bool)
    joined = np.concatenate(parts, axis=1)
    return joined.sum(axis=1), joined


def _step(network: Network, name: str) -> np.ndarray:
    """Return, per channel, the distance between values that one more synapse makes."""
    gains = [np.abs(c.gain) for c in network[name].connections]
    return np.maximum(1, np.gcd.reduce(gains) if len(gains) > 1 else gains[0])


def met(trace: Trace, name: str, step: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return where v equals the threshold, and where it is the last value below it.

    Both are bool (samples, T, neurons); "below" is within one ``step`` under the threshold.
    """
    v = trace.v[name]
    v = v.reshape(*v.shape[:2], -1)
    threshold = trace.thresholds[name]
    return v == threshold, (v < threshold) & (v >= threshold - step)


def threshold_hits(network: Network, trace: Trace) -> dict[str, tuple[int, int]]:
    """Return, per spiking population, how often v is at the threshold, and just below it."""
    hits = {}
    for p in network.populations:
        if p.spiking and p.name in trace.v:
            exact, below = met(trace, p.name, _step(network, p.name))
            hits[p.name] = int(exact.sum()), int(below.sum())
    return hits
