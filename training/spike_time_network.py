"""Networks of neurons that fire at most once, from latency-coded input to the first output spike.

Integrate-and-fire neurons without leak, one-bit weights, a trained threshold for every hidden
neuron and one that the classes share. The gradient is that of ``training.spike_times``; the loss is
made of output spike times. See docs/training-latency.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import torch
from torch import nn

from mapping import INPUT, Dense, Input, Readout, TrainedNetwork
from mapping.trained import Connection, Neuron, Population
from mapping.value import integer

from .spike_times import Layer, SpikeTime, run, signs


@dataclass(frozen=True)
class Outputs:
    """What a network says of a batch.

    Attributes
    ----------
        times: (samples, classes) timesteps of the output spikes, T where one never fired.
        above: (samples, classes) potential less threshold, at the spike or where reading ended.
        last: (samples, classes) potentials after the last timestep, of samples without a spike.
        hidden: spike times of every hidden layer.
        timesteps: T.
    """

    times: torch.Tensor
    above: torch.Tensor
    last: torch.Tensor
    hidden: tuple[torch.Tensor, ...]
    timesteps: int

    def scores(self) -> torch.Tensor:
        """Return (samples, classes): the earliest spike, or the largest potential if none fired."""
        fired = (self.times < self.timesteps).any(1, keepdim=True)
        return torch.where(fired, self.timesteps - self.times, self.last)


class SpikeTimeNetwork(nn.Module):
    """Dense layers of neurons that fire at most once; its own objective, too.

    A loss of one sample, with first the earliest output spike (at most T - 1 - margin)::

        target = first for the label, max(t, first + margin) for other classes
        loss   = ||target - t||  +  pull * sum_k cross-entropy(sigmoid(above_k / width), k = label)

    The gradient of the norm is the error divided by its L2 norm: every wrong sample counts the
    same. The second term still tells how near a class was where spike times are tied.

    Args:
        enter: of coding ``"latency"``.
        classes: number of outputs.
        hidden: sizes of the hidden layers.
        timesteps: T; t_max + 1 unless given.
        delays: timesteps of every connection, or one number for all.
        margin: timesteps that the label is to be ahead of other classes.
        window, late: see ``training.spike_times``; window None: no delta fades.
        pull, width: of the loss.

    Raises
    ------
        ValueError: an input that is not latency-coded, or sizes that do not fit.
    """

    def __init__(
        self,
        enter: Input,
        classes: int,
        hidden: Sequence[int] = (128,),
        timesteps: int | None = None,
        delays: int | Sequence[int] = 1,
        margin: int = 3,
        window: float | None = 3.0,
        late: bool = True,
        pull: float = 0.05,
        width: float = 4.0,
    ) -> None:
        super().__init__()
        if enter.coding != "latency":
            raise ValueError(f"the input must be coded by latency, not {enter.coding!r}")
        if timesteps is None and enter.t_max is None:
            raise ValueError("timesteps must be given where the input has no t_max")
        self.enter = replace(enter, unit=1.0)  # a spike is worth 1, whatever a pixel was
        self.timesteps = timesteps or enter.t_max + 1
        self.t_max = self.timesteps - 1 if enter.t_max is None else enter.t_max
        sizes = (int(np.prod(enter.shape)), *hidden, classes)
        count = len(sizes) - 1
        self.delays = (delays,) * count if isinstance(delays, int) else tuple(delays)
        if len(self.delays) != count or min(self.delays) < 0:
            raise ValueError(f"delays must be {count} numbers of at least 0, not {delays}")
        for size in sizes[1:]:
            integer(size, "neurons of a layer", 1)
        if self.timesteps < 2:
            raise ValueError("spike times need at least 2 timesteps")
        if not 0 < margin < self.timesteps:
            raise ValueError(f"margin must lie within 1..{self.timesteps - 1}, not {margin}")
        self.margin, self.window, self.late = margin, window, late
        self.pull, self.width = pull, width
        self.weights = nn.ParameterList(
            torch.empty(o, i).uniform_(-1, 1) for i, o in pairwise(sizes)
        )
        # A sum of n signs spreads over sqrt(n): hidden neurons start where about one in five fires.
        first = [torch.full((o,), 0.75 * i**0.5) for i, o in pairwise(sizes[:-1])]
        self.thresholds = nn.ParameterList([*first, torch.full((1,), 1.4 * sizes[-2] ** 0.5)])

    def layers(self) -> list[Layer]:
        """Return what runs: signs, thresholds and delays."""
        both = zip(self.weights, self.thresholds, self.delays, strict=True)
        return [Layer(signs(w.detach()).T, theta.detach(), d) for w, theta, d in both]

    def encode(self, x: torch.Tensor) -> torch.Tensor:
        """Return spike times (samples, inputs) of a batch of unsigned integers (samples, *shape).

        Raises
        ------
            TypeError, ValueError: not integers, of another shape, or beyond the input's bits.
        """
        if x.is_floating_point() or x.is_complex():
            raise TypeError(f"inputs must be integers, not {x.dtype}")
        if x.ndim != 1 + len(self.enter.shape) or tuple(x.shape[1:]) != self.enter.shape:
            raise ValueError(
                f"inputs must have shape (samples, *{self.enter.shape}), not {tuple(x.shape)}"
            )
        top, ink = self.enter.top, x.flatten(1).long()
        if len(x) == 0 or int(ink.min()) < 0 or int(ink.max()) > top:
            raise ValueError(f"inputs must be samples of integers within 0..{top}")
        return ((top - ink) * self.t_max // top).to(self.weights[0].dtype)

    def forward(
        self, x: torch.Tensor, watch: Callable[[str, torch.Tensor], None] | None = None
    ) -> Outputs:
        """Run every timestep.

        Args:
            x: (samples, *enter.shape) unsigned integers, of any integer type.
            watch: called with the name and the spikes per timestep of every population.
        """
        with torch.autocast(x.device.type, enabled=False):
            times = self.encode(x)
            course = run(self.layers(), times, self.timesteps, self.margin)
            last = len(self.weights) - 1
            for k, (weight, threshold) in enumerate(
                zip(self.weights, self.thresholds, strict=True)
            ):
                times, above = SpikeTime.apply(
                    times, weight, threshold, course.times[k], course.read[k], course.ends[k],
                    self.delays[k], self.window if k < last else None, self.late,
                )  # fmt: skip
                if watch is not None:
                    fired = course.times[k] < self.timesteps
                    watch(self.names[k], fired[None] / self.timesteps)
        hidden = tuple(course.times[:-1])
        return Outputs(times, above, course.read[-1], hidden, self.timesteps)

    def losses(self, outputs: Outputs, labels: torch.Tensor) -> torch.Tensor:
        """Return one loss for each sample, (samples,)."""
        times, steps = outputs.times.detach(), outputs.timesteps
        first = times.amin(1, keepdim=True).clamp(max=steps - 1 - self.margin)
        label = nn.functional.one_hot(labels, times.shape[1]).to(times.dtype)
        target = torch.where(label > 0, first, torch.maximum(times, first + self.margin))
        apart = torch.linalg.vector_norm(target - outputs.times, dim=1)
        near = nn.functional.binary_cross_entropy_with_logits(
            outputs.above / self.width, label, reduction="none"
        )
        return apart + self.pull * near.sum(1)

    def loss(self, outputs: Outputs, labels: torch.Tensor) -> torch.Tensor:
        """Return the mean of the samples' losses."""
        return self.losses(outputs, labels).mean()

    def scores(self, outputs: Outputs) -> torch.Tensor:
        """Return (samples, classes); the highest is the class, the lowest index of a tie."""
        return outputs.scores()

    @torch.no_grad()
    def after_step(self) -> None:
        """Keep the latent weights within -1..1."""
        for weight in self.weights:
            weight.clamp_(-1, 1)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the populations."""
        hidden = len(self.weights) - 1
        return (*(["hidden"] if hidden == 1 else [f"hidden{k + 1}" for k in range(hidden)]), "out")

    def latent(self) -> dict[str, nn.Parameter]:
        """Return the weights of every layer, named by the population that they drive."""
        return dict(zip(self.names, self.weights, strict=True))

    def signs(self) -> dict[str, torch.Tensor]:
        """Return whether each weight counts as +1."""
        return {name: weight.detach() >= 0 for name, weight in self.latent().items()}

    def firing(self) -> set[str]:
        """Return the names of the populations, all of which spike."""
        return set(self.names)

    def export(self) -> TrainedNetwork:
        """Return what the network computes, as a value that names every semantic.

        Raises
        ------
            ValueError: a weight or threshold is not finite (the training diverged).
        """
        populations, source = [], INPUT
        for k, name in enumerate(self.names):
            weight = self.weights[k].detach().cpu()
            if not bool(weight.isfinite().all()):
                raise ValueError(f"weights of {name!r} must be finite")
            op = Dense(signs(weight).numpy().astype(np.int8))
            threshold = self.thresholds[k].detach().cpu().numpy().astype(np.float64)
            neuron = Neuron(1.0, np.broadcast_to(threshold, len(op.weights)), ">=", max_spikes=1)
            edge = Connection(source, op, delay=self.delays[k])
            populations.append(Population(name, (edge,), neuron))
            source = name
        readout = Readout("out", "first_spike", "membrane")
        return TrainedNetwork(self.enter, tuple(populations), readout, self.timesteps)
