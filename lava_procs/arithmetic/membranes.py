"""The neurons of one population, for rows of samples: leak, integrate, fire, reset."""

from __future__ import annotations

import numpy as np

from mapping.ops.op import Shape
from mapping.population import Neuron


class Membranes:
    """State of a population.

    Args:
        neuron: its numbers, one per channel. shape: (channels, ...). rows: samples side by side.
        narrow: everything fits 32 bits, proved by whoever says so.
    """

    def __init__(self, neuron: Neuron, shape: Shape, rows: int, narrow: bool = False) -> None:
        self.neuron, self.shape = neuron, (rows, *shape)
        self.dtype = np.int32 if narrow else np.int64
        self.firing = neuron.threshold is not None
        if self.firing:
            self.threshold = self._wide(neuron.threshold)
        self.v_reset, self.rho, self.v_init = map(
            self._wide, (neuron.v_reset, neuron.rho, neuron.v_init)
        )
        self.zero = not self.v_reset.any()
        self.counted = neuron.max_spikes is not None or neuron.fire_by is not None
        self.begin()

    def _wide(self, values: np.ndarray) -> np.ndarray:
        channels = self.shape[1]
        wide = np.broadcast_to(values, channels).reshape(channels, *(1 for _ in self.shape[2:]))
        return wide.astype(self.dtype)

    def begin(self) -> None:
        """Begin a sample."""
        self.state = np.empty(self.shape, self.dtype)
        self.state[:] = self.v_init
        if self.counted:
            self.fired = np.zeros(self.shape, np.int32)  # spikes so far
        if self.firing and self.neuron.refractory:
            self.ready = np.zeros(self.shape, np.int32)  # first step at which it is not refractory

    def step(self, drive: np.ndarray, step: int) -> tuple[np.ndarray, np.ndarray]:
        """Take one timestep.

        Args:
            drive: (rows, *shape), the sum of all currents; it is not kept. step: of the sample.

        Returns
        -------
            spikes (bool; of a population without a threshold all False) and v before reset.
        """
        n = self.neuron
        v = self.state
        if n.num == 0:
            v = drive.astype(self.dtype)
        else:
            if n.num != 1:
                v = v * n.num
            if n.q:
                v = v >> n.q
            v = v + drive
        if not self.firing:
            self.state = v
            return np.zeros(self.shape, bool), v
        held = self._held(step)
        if held is not None:
            v = np.where(held, self.v_reset, v)
        spikes = v >= self.threshold
        if n.fire_by == step:
            spikes |= self.fired == 0
        if held is not None:
            spikes &= ~held
        if n.reset == "none":
            self.state = v
        elif n.reset == "subtract":
            self.state = v - spikes * self.rho
        elif self.zero:
            self.state = v * ~spikes
        else:
            self.state = np.where(spikes, self.v_reset, v)
        if self.counted:
            self.fired += spikes
        if n.refractory:
            self.ready[spikes] = step + 1 + n.refractory
        return spikes, v

    def _held(self, step: int) -> np.ndarray | None:
        n = self.neuron
        held = None
        if n.refractory:
            held = self.ready > step
        if n.max_spikes is not None:
            spent = self.fired >= n.max_spikes
            held = spent if held is None else held | spent
        return held
