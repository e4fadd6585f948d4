"""Networks by name; each knows how it runs and which populations it is made of."""

from __future__ import annotations

import torch
from torch import nn

from .binary import BinaryLinear
from .lif import lif


class Mlp(nn.Module):
    """Dense binary layers: hidden LIF populations, then an integrator that never fires.

    Each hidden layer is BinaryLinear -> batch norm, whose statistics all timesteps share -> LIF.
    The classes of the read-out share one scale, so that their membranes can be compared in
    integers.

    Args:
        sizes: of input, hidden layers and classes, such as (64, 128, 10).
        timesteps: T. leak: 1 is IF. threshold: of all hidden neurons.
        norm: batch norm after each hidden layer; without it a layer has no bias at all.
    """

    def __init__(
        self,
        sizes: tuple[int, ...] = (64, 128, 10),
        timesteps: int = 4,
        leak: float = 0.5,
        threshold: float = 1.0,
        norm: bool = True,
    ) -> None:
        super().__init__()
        self.timesteps, self.leak, self.threshold = timesteps, leak, threshold
        pairs = list(zip(sizes[:-2], sizes[1:-1], strict=True))
        scale = "channel" if norm else "layer"
        self.linears = nn.ModuleList(BinaryLinear(i, o, scale) for i, o in pairs)
        self.norms = nn.ModuleList(nn.BatchNorm1d(o) if norm else nn.Identity() for _, o in pairs)
        self.out = BinaryLinear(sizes[-2], sizes[-1], scale="layer", bias=norm)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the classes' membranes after the last timestep, (samples, classes).

        Args:
            x: (samples, inputs), presented at every timestep (direct coding).
        """
        currents = [self.norms[0](self.linears[0](x))] * self.timesteps
        spikes = lif(currents, self.leak, self.threshold)
        for linear, norm in zip(self.linears[1:], self.norms[1:], strict=True):
            flat = norm(linear(torch.cat(spikes)))  # one batch: all timesteps share statistics
            spikes = lif(list(flat.chunk(self.timesteps)), self.leak, self.threshold)
        total = torch.stack(spikes).sum(0)
        logits = total @ self.out.effective().T
        return logits if self.out.bias is None else logits + self.timesteps * self.out.bias


NETWORKS = {"mlp": Mlp}
