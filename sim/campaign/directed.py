"""Inputs searched so that as many neurons as possible land on their thresholds, and just below."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from mapping import INPUT, Network, Population

from ..backends.reference import run
from .plain import random_inputs

#: Rounds of the directed search, changes tried of every sample in each, and the work (synaptic
#: sums) that a search may take; a large network is tried less often.
ROUNDS, CANDIDATES, WORK = 60, 16, 3e9
#: Neurons aimed at; of larger networks, so many are drawn.
TARGETS = 4096
#: Rounds without progress after which a search ends.
IDLE = 15
#: What an exact hit is worth, in halvings of the distance from the threshold.
EXACT = 3.0


def directed_inputs(
    network: Network, samples: int, seed: int = 0, most_rounds: int = ROUNDS
) -> np.ndarray:
    """Search inputs whose membranes meet thresholds, in as many neurons as possible.

    A hill climb over all samples together. What is climbed is the distance of each neuron from
    its threshold, above and below, in the sample that comes closest; a change of one sample
    counts only where it beats all the others. Half of the changes are aimed: they move the
    synaptic sum of one neuron that reads the input by just what it lacks.

    Args, Returns: as of ``stimuli``.
    """
    rng = np.random.default_rng([seed, 12])
    best = random_inputs(network, samples, seed + 1)
    targets = [p for p in network.populations if p.spiking]
    if not targets or samples < 1:
        return best
    cost = samples * network.timesteps * _synapses(network)
    if cost > WORK:  # one look at such a network takes longer than the whole search may
        return best
    candidates = int(min(CANDIDATES, max(2, WORK // (ROUNDS * cost))))
    rounds = int(min(most_rounds, max(1, WORK // (candidates * cost))))
    search = _Search(network, targets, seed)
    v = search.membranes(best)
    closest = search.closeness(v)
    idle = 0
    while rounds and idle < IDLE and (closest.max(axis=0) < EXACT).any():
        rounds, idle = rounds - 1, idle + 1
        tries = np.repeat(best[:, None], candidates, axis=1)
        aimed = search.aim(tries[:, ::2], v, closest.max(axis=0) < EXACT, rng)
        _change(tries[:, ::2], ~aimed, network.input.top, rng)
        _change(tries[:, 1::2], np.ones_like(aimed[:, : candidates // 2]), network.input.top, rng)
        tried = search.membranes(tries.reshape(-1, *tries.shape[2:]))
        tried_closeness = search.closeness(tried).reshape(samples, candidates, -1)
        for s in range(samples):
            others = np.delete(closest, s, axis=0).max(axis=0, initial=-99.0)
            now = _worth(closest[s], others)
            values = _worth(tried_closeness[s], others)
            pick = int(values.argmax())
            if values[pick] >= now:  # sideways too: plateaus are wide
                idle = 0 if values[pick] > now + 0.1 else idle
                best[s], closest[s] = tries[s, pick], tried_closeness[s, pick]
                for name in v:
                    v[name][s] = tried[name][s * candidates + pick]
    return best


def _synapses(network: Network) -> int:
    """Return the additions of one timestep."""
    return sum(
        math.prod(network.shapes[p.name]) * c.op.fan_in
        for p in network.populations
        for c in p.connections
    )


@dataclass
class _Search:
    """What the search asks of a network again and again.

    Attributes
    ----------
        neurons: per target, the flat indices of those aimed at: all, or some of a large map.
        thresholds: of these.
        aims: (target, connection, where its neurons stand among all), of connections that sum
            every value of the input, as it is, with a sign.
    """

    network: Network
    targets: list[Population]
    seed: int

    def __post_init__(self) -> None:
        rng = np.random.default_rng([self.seed, 13])
        network, most = self.network, max(1, TARGETS // len(self.targets))
        self.neurons, self.thresholds = {}, {}
        for p in self.targets:
            channels, *rest = network.shapes[p.name]
            area = math.prod(rest)
            size = channels * area
            some = np.arange(size) if size <= most else np.sort(rng.choice(size, most, False))
            self.neurons[p.name] = some
            self.thresholds[p.name] = np.repeat(p.neuron.threshold, area)[some]
        self.sizes = [len(self.neurons[p.name]) for p in self.targets]
        self.aims = [
            (p, k, start)
            for p, start in zip(self.targets, np.cumsum([0, *self.sizes]).tolist(), strict=False)
            for k, c in enumerate(p.connections)
            if c.source == INPUT and not c.delay and c.gate is None and not c.shift
            if network.input.coding != "latency"
            and c.op.sign_rows(self.neurons[p.name]) is not None
        ]  # fmt: skip

    def membranes(self, inputs: np.ndarray) -> dict[str, np.ndarray]:
        """Return v of every target, (rows, T, neurons aimed at)."""
        v = run(self.network, inputs, ("v",)).v
        shape = (len(inputs), self.network.timesteps, -1)
        return {n: v[n].reshape(shape)[:, :, some] for n, some in self.neurons.items()}

    def closeness(self, v: dict[str, np.ndarray]) -> np.ndarray:
        """Return (rows, targets): EXACT at the threshold (and one below), less with distance.

        Targets are all neurons from above, then all neurons from below.
        """
        above, below = [], []
        for name, threshold in self.thresholds.items():
            distance = v[name] - threshold
            far = np.int64(1) << 62
            above.append(np.where(distance >= 0, distance, far).min(axis=1))
            below.append(np.where(distance < 0, -1 - distance, far).min(axis=1))
        margin = np.concatenate([*above, *below], axis=1)
        return np.where(margin == 0, EXACT, -np.log2(1.0 + margin))

    def aim(
        self,
        tries: np.ndarray,
        v: dict[str, np.ndarray],
        lacking: np.ndarray,
        rng: np.random.Generator,
    ) -> np.ndarray:
        """Move one neuron of each try onto its threshold, or one below.

        Args:
            tries: (samples, tries, ...) inputs, changed in place.
            v: of each sample as it was. lacking: targets that no sample meets yet.

        Returns
        -------
            (samples, tries) bool, whether the input was changed.
        """
        done = np.zeros(tries.shape[:2], bool)
        if not self.aims:
            return done
        p, k, start = self.aims[int(rng.integers(len(self.aims)))]
        connection, some = p.connections[k], self.neurons[p.name]
        thresholds, gains = self.thresholds[p.name], connection.gain[some]
        above = bool(rng.integers(2))
        start += 0 if above else sum(self.sizes)
        wanted = np.flatnonzero(lacking[start : start + len(some)] & (gains != 0))
        if not len(wanted):
            return done
        sample = np.repeat(np.arange(len(tries)), tries.shape[1])
        t = rng.integers(0, v[p.name].shape[1], len(sample))
        lack = thresholds[wanted] - v[p.name][sample, t][:, wanted]
        # a near neuron rather than a far one: small moves keep what the others have met
        near = (np.abs(lack) * rng.exponential(size=lack.shape)).argmin(axis=1)
        n, lack = wanted[near], lack[np.arange(len(near)), near]
        gain = gains[n]
        direct = self.network.input.coding == "direct"
        if direct:  # every timestep of the sample moves: about gain * (1 + tau + ..)
            tau = p.neuron.num / 2**p.neuron.q
            gain = gain * np.rint(np.cumsum(tau ** np.arange(t.max() + 1))[t]).astype(np.int64)
        toward = np.where(above, -((-lack * np.sign(gain)) // np.abs(gain)), 0)
        if not above:
            toward = ((lack - 1) * np.sign(gain)) // np.abs(gain)
        x = tries.reshape(len(sample), *((-1,) if direct else (tries.shape[2], -1)))
        rows = x if direct else x[np.arange(len(sample)), t]
        rows = _shifted(rows, connection.op.sign_rows(some[n]), toward, self.network.input.top, rng)
        if direct:
            x[:] = rows
        else:
            x[np.arange(len(sample)), t] = rows
        tries[:] = x.reshape(tries.shape)
        return (toward != 0).reshape(done.shape)


def _shifted(
    x: np.ndarray, weights: np.ndarray, move: np.ndarray, top: int, rng: np.random.Generator
) -> np.ndarray:
    """Return x, row by row with ``weights @ x`` grown by ``move`` (or by all there is room for)."""
    up = (weights > 0) == (move[:, None] > 0)
    room = np.where(up, top - x.astype(np.int64), x)
    order = rng.random(x.shape).argsort(axis=1)
    total = np.cumsum(np.take_along_axis(room, order, axis=1), axis=1)
    part = np.diff(np.minimum(total, np.abs(move)[:, None]), axis=1, prepend=0)
    change = np.empty_like(part)
    np.put_along_axis(change, order, part, axis=1)
    return x + np.where(up, change, -change)


def _change(tries: np.ndarray, which: np.ndarray, top: int, rng: np.random.Generator) -> None:
    """Change a few values of some (samples, tries) inputs in place, by one or at random."""
    x = tries[which]
    rows, size = len(x), x[0].size if len(x) else 0
    x = x.reshape(rows, size)
    for count in (1, 1, 1, 1 + size // 8):
        places = rng.integers(0, size, (rows, count)) if size else np.zeros((0, count), int)
        now = np.take_along_axis(x, places, axis=1).astype(np.int64)
        by_one = np.clip(now + rng.choice([-1, 1], now.shape), 0, top)
        drawn = rng.integers(0, top + 1, now.shape)
        new = 1 - now if top == 1 else np.where(rng.random((rows, 1)) < 0.7, by_one, drawn)
        taken = (
            np.ones(rows, bool) if count == 1 and not rng.integers(3) else rng.random(rows) < 0.4
        )
        np.put_along_axis(x, places, np.where(taken[:, None], new, now).astype(x.dtype), axis=1)
    tries[which] = x.reshape(rows, *tries.shape[2:])


def _worth(closeness: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return what samples add to the others' best; a little for what they meet as well."""
    return np.maximum(closeness, others).sum(axis=-1) + 1e-3 * closeness.sum(axis=-1)
