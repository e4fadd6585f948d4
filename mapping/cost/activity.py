"""How much every population of a network fires on data, and what that costs a sample.

Of a Network, pools are sums whose factors stand in the thresholds that read them, and batch norms
are gone: it has no MACs of average pools and no normed values. A TrainedNetwork has both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from .. import trained
from ..coding import encode
from ..network import Network
from ..ports import INPUT
from ..real import RealTrace
from ..trained import TrainedNetwork
from .work import Work, keeps_spikes, operations, work


class Activity:
    """Mean outputs of a network's populations; samples come batch by batch.

    Attributes
    ----------
        samples: taken so far. timesteps: of each.
    """

    def __init__(self, network: Network | TrainedNetwork) -> None:
        self.network, self.samples, self.timesteps = network, 0, 0
        self._spikes = _spike_sources(network)
        self._sums: dict[str, np.ndarray] = {}

    def add(self, inputs: np.ndarray, trace: Any) -> None:
        """Take the next batch and what a run made of it.

        Args:
            inputs: as of ``sim.run``. trace: a ``sim.Trace`` of a Network, the RealTrace of a
                TrainedNetwork; spikes of every population that has some, and the membranes of
                pools and skips that pass spikes on.

        Raises
        ------
            ValueError: the trace lacks a population, or has another number of samples or
                timesteps.
        """
        enter = self.network.input
        encoded = encode(enter, inputs, self.network.timesteps)
        samples, steps = encoded.shape[:2]
        if self.samples and steps != self.timesteps:
            raise ValueError(f"samples must have {self.timesteps} timesteps each, not {steps}")
        self._take(INPUT, encoded[:, :1] if enter.coding == "direct" else encoded)
        values: Mapping[str, np.ndarray] = trace.u if isinstance(trace, RealTrace) else trace.v
        for p in self.network.populations:
            if p.name not in self._spikes:
                continue
            out = (trace.spikes if p.spiking else values).get(p.name)
            if out is None:
                what = "spikes" if p.spiking else "membranes"
                raise ValueError(f"the trace holds no {what} of population {p.name!r}")
            if out.shape[:2] != (samples, steps):
                raise ValueError(
                    f"the trace holds {out.shape[0]} samples of {out.shape[1]} timesteps of "
                    f"{p.name!r}, and the inputs {samples} of {steps}"
                )
            self._take(p.name, out)
        self.samples, self.timesteps = self.samples + samples, steps

    def _take(self, name: str, out: np.ndarray) -> None:
        total = out.sum(axis=0, dtype=np.float64)
        self._sums[name] = self._sums[name] + total if name in self._sums else total

    @property
    def means(self) -> dict[str, np.ndarray]:
        """(T, *shape) float64 of the input and of every source of spikes, by name.

        Of a direct-coded input (1, *shape).

        Raises
        ------
            ValueError: no sample was taken.
        """
        if not self.samples:
            raise ValueError("cost needs at least one sample")
        return {name: total / self.samples for name, total in self._sums.items()}

    def work(self) -> list[Work]:
        """Count what every connection does for a sample."""
        return list(_rows(self.network, self.means, self._spikes, self.timesteps))

    def to_json(self) -> dict[str, Any]:
        """Return operations, energy and firing rates of a sample, as JSON."""
        means = self.means
        rates = [
            {"name": p.name, "rate": float(means[p.name].mean())}
            for p in self.network.populations
            if p.spiking
        ]
        head = {"samples": self.samples, "timesteps": self.timesteps}
        return {**head, **operations(self.work()), "firing_rates": rates}


def cost(network: Network | TrainedNetwork, inputs: np.ndarray, trace: Any) -> dict[str, Any]:
    """Return operations, energy and firing rates of a sample, mean over a run, as JSON.

    Args, Raises: as of ``Activity.add``.
    """
    activity = Activity(network)
    activity.add(inputs, trace)
    return activity.to_json()


def _rows(
    network: Network | TrainedNetwork, means: dict[str, np.ndarray], spikes: set[str], steps: int
) -> Iterator[Work]:
    real = isinstance(network, TrainedNetwork)
    for p in network.populations:
        for c in p.connections:
            shape = network.shapes[c.source]
            flow = means.get(c.source)
            if flow is None:  # values: how large they are changes no count
                flow = np.zeros((steps, *shape))
            yield work(
                p.name, c.source, c.op, flow, steps,
                spikes=c.source in spikes,
                delay=c.delay,
                averages=real and _divides(c),
                gated=c.gate is not None,
                normed=real and c.norm is not None,
            )  # fmt: skip


def _divides(c: Any) -> bool:
    """Return whether a trained connection sums windows and scales the sums."""
    sums = not c.op.bits and c.op.linear and c.op.fan_in > 1
    return sums and bool((np.asarray(c.scale) != 1).any())


def _spike_sources(network: Network | TrainedNetwork) -> set[str]:
    """Return the sources whose values are 0 or 1: what fires, and what passes spikes on."""
    names = {INPUT} if network.input.span == (0, 1) else set()
    for p in network.populations:
        if isinstance(network, Network):
            passes = network.facts[p.name].out.span in ((0, 0), (0, 1))
        else:
            passes = _passes(network, p, names)
        if p.spiking or passes:
            names.add(p.name)
    return names


def _passes(network: TrainedNetwork, p: trained.Population, spikes: set[str]) -> bool:
    """Return whether a population outputs the spikes of its only source as they are."""
    c, *more = p.connections
    n = p.neuron
    bare = c.gate is None and c.norm is None and (c.scale == 1).all() and not c.bias.any()
    still = (n.leak, n.v_rest, n.input_gain) == (0, 0, 1)
    whole = c.source != INPUT or network.input.unit == 1
    keeps = keeps_spikes(c.op, network.shapes[c.source])
    return not more and c.source in spikes and bool(bare) and still and whole and keeps
