"""A trainable network as the graph that ``mapping.TrainedNetwork`` is: populations and connections.

One description, two readers: ``forward`` runs it, ``training.export`` writes it down. A tensor that
flows has the axes (T, samples, *shape); T is 1 where every timestep is the same, as after a direct
coded input, so that it is computed once. Operators see T x samples in one call.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from mapping import INPUT, Input

from .gate import Gate
from .neurons import Lif, Neurons
from .norm import Dyadic, Norm
from .ops import Op, Weighted
from .weights import Bipolar

#: Called with (population name, its output (T or 1, samples, ...)).
Watch = Callable[[str, torch.Tensor], None]


class Connection(nn.Module):
    """``gate(norm(op(source)))``."""

    def __init__(
        self, source: str, op: Op, norm: Norm | Dyadic | None = None, gate: Gate | None = None
    ) -> None:
        super().__init__()
        self.source, self.op, self.norm, self.gate = source, op, norm, gate

    def forward(self, x: torch.Tensor, unit: float) -> torch.Tensor:
        """Return (T or 1, samples, *out_shape) of the source (T or 1, samples, *shape)."""
        acc, y = self.op.both(x.flatten(0, 1), unit)
        y = y if self.norm is None else self.norm(y)
        y = y.unflatten(0, x.shape[:2])
        if self.gate is None:
            return y
        return self.gate(y, acc.unflatten(0, x.shape[:2]), unit)


class Population(nn.Module):
    """Neurons, and the connections whose sum drives them."""

    def __init__(self, name: str, neurons: Neurons, connections: list[Connection]) -> None:
        super().__init__()
        self.name, self.neurons = name, neurons
        self.connections = nn.ModuleList(connections)

    def forward(
        self, flows: dict[str, torch.Tensor], units: dict[str, float], steps: int
    ) -> torch.Tensor:
        """Return its output (T or 1, samples, *shape)."""
        drive: torch.Tensor | None = None
        for c in self.connections:
            y = c(flows[c.source], units.get(c.source, 1.0))
            drive = y if drive is None else drive + y
        return self.neurons(drive, steps)


class SpikingNetwork(nn.Module):
    """Populations in an order in which they can run; the last one is read out.

    Args:
        enter: how samples enter; models take their integers as they are.
        timesteps: T.
    """

    def __init__(self, enter: Input, populations: list[Population], timesteps: int) -> None:
        super().__init__()
        if enter.coding == "latency":
            raise ValueError("latency coding is of the latency method: use coding steps or direct")
        self.enter, self.timesteps = enter, timesteps
        self.populations = nn.ModuleList(populations)

    def forward(self, x: torch.Tensor, watch: Watch | None = None) -> torch.Tensor:
        """Return the read-out's drive at each timestep, (T, samples, classes).

        Args:
            x: (samples, *shape) if direct coded, else (samples, T, *shape); whole numbers.
            watch: sees every population's output.
        """
        dtype = next(self.parameters()).dtype
        x = x.to(dtype)
        flows = {INPUT: x[None] if self.enter.coding == "direct" else x.transpose(0, 1)}
        units = {INPUT: self.enter.unit}
        for p in self.populations:
            flows[p.name] = p(flows, units, self.timesteps)
            if watch is not None:
                watch(p.name, flows[p.name])
        return flows[self.populations[-1].name]

    def spiking(self) -> list[Population]:
        """Return the populations with a threshold."""
        return [p for p in self.populations if isinstance(p.neurons, Lif)]

    def firing(self) -> set[str]:
        """Return their names."""
        return {p.name for p in self.spiking()}

    def weighted(self) -> dict[str, Weighted]:
        """Return the layers with weights, named by the population that they drive."""
        layers: dict[str, Weighted] = {}
        for p, c in self.connections():
            if c.op.weighted:
                name = p.name.removesuffix(".sum")
                layers[name if name not in layers else f"{name}.{c.op.weight.shape[-1]}x1"] = c.op
        return layers

    def latent(self) -> dict[str, nn.Parameter]:
        """Return their weights."""
        return {name: op.weight for name, op in self.weighted().items()}

    @torch.no_grad()
    def signs(self) -> dict[str, torch.Tensor]:
        """Return whether each weight counts as +1, of layers of one-bit weights."""
        return {n: op.signs() for n, op in self.weighted().items() if isinstance(op.kind, Bipolar)}

    def connections(self) -> list[tuple[Population, Connection]]:
        """Return every connection with the population that it enters."""
        return [(p, c) for p in self.populations for c in p.connections]
