"""How a latent real weight becomes the weight that counts: integers times a scale.

The gradient goes straight through rounding and sign to the latent weight. Sources: I. Hubara et
al., Binarized Neural Networks, NeurIPS 2016 (the estimator, passed where abs(w) <= 1); M. Rastegari
et al., XNOR-Net, ECCV 2016 (the scale, the mean magnitude of the latent weights; it has no gradient
of its own here).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

SCALES = ("channel", "layer", "dyadic", "none")


class Sign(torch.autograd.Function):
    """+1 where w >= 0, else -1 (never 0); the gradient passes where abs(w) <= 1."""

    @staticmethod
    def forward(context: Any, w: torch.Tensor) -> torch.Tensor:
        """Return the signs."""
        context.save_for_backward(w)
        return torch.where(w >= 0, 1.0, -1.0).to(w.dtype)

    @staticmethod
    def backward(context: Any, gradient: torch.Tensor) -> torch.Tensor:
        """Pass the gradient straight through within the clip."""
        (w,) = context.saved_tensors
        return gradient * (w.abs() <= 1)


class Round(torch.autograd.Function):
    """The nearest integer, ties to even; the gradient passes unchanged."""

    @staticmethod
    def forward(context: Any, x: torch.Tensor) -> torch.Tensor:
        """Return the integers."""
        return x.round()

    @staticmethod
    def backward(context: Any, gradient: torch.Tensor) -> torch.Tensor:
        """Pass the gradient straight through."""
        return gradient


@dataclass(frozen=True)
class Bipolar:
    """One bit: ``alpha * sign(w)``, or ``alpha * sign(w - mean of the channel)``.

    Attributes
    ----------
        scale: alpha is the mean of abs(w) of each output ``"channel"`` or of the ``"layer"``;
            ``"dyadic"``: of the layer, at the nearest power of two; ``"none"``: 1.
        centred: whether each channel's mean comes off first.
    """

    scale: str = "channel"
    centred: bool = False
    bits = 1

    def __post_init__(self) -> None:
        if self.scale not in SCALES:
            raise ValueError(f"scale must be one of {', '.join(SCALES)}, not {self.scale!r}")

    def __call__(self, w: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return weights that are -1.0 or +1.0, and the scale, (out,) or (), without gradient."""
        if self.centred:
            w = w - w.flatten(1).mean(1).reshape(-1, *(1 for _ in w.shape[1:]))
        return Sign.apply(w), self._alpha(w.detach().abs())

    def _alpha(self, size: torch.Tensor) -> torch.Tensor:
        if self.scale == "channel":
            return size.flatten(1).mean(1)
        if self.scale == "none":
            return size.new_ones(())
        mean = size.mean()
        return dyadic(mean) if self.scale == "dyadic" else mean


@dataclass(frozen=True)
class Fixed:
    """Signed integers of 2 to 8 bits, symmetric: ``s * round(w / s)``, s = max abs(w) / top.

    Attributes
    ----------
        bits: of a weight. scale: s per ``"channel"``, per ``"layer"``, or ``"dyadic"``: per layer,
            the least power of two that reaches; ``"none"``: 1, of weights that are large.
    """

    bits: int = 8
    scale: str = "layer"

    def __post_init__(self) -> None:
        if not 2 <= self.bits <= 8:
            raise ValueError(f"bits of a fixed-point weight must be 2 to 8, not {self.bits}")
        if self.scale not in SCALES:
            raise ValueError(f"scale must be one of {', '.join(SCALES)}, not {self.scale!r}")

    def __call__(self, w: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return whole numbers, and the scale, (out,) or (), without gradient.

        The gradient of the integers is that of ``w / s``, so that the product has w's.
        """
        top = (1 << (self.bits - 1)) - 1
        if self.scale == "none":
            return Round.apply(w).clamp(-top, top), w.new_ones(())
        size = w.detach().abs()
        most = size.flatten(1).amax(1) if self.scale == "channel" else size.amax()
        scale = most.clamp(min=torch.finfo(w.dtype).tiny * top) / top
        if self.scale == "dyadic":
            scale = torch.exp2(torch.ceil(torch.log2(scale)))
        wide = scale.reshape(-1, *(1 for _ in w.shape[1:]))
        return Round.apply(w / wide).clamp(-top, top), scale


@dataclass(frozen=True)
class Real:
    """Full precision: the latent weight itself. Such a layer cannot be mapped."""

    bits = 32

    def __call__(self, w: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return w, and 1."""
        return w, w.new_ones(())


Weights = Bipolar | Fixed | Real


def dyadic(x: torch.Tensor) -> torch.Tensor:
    """Return the power of two nearest to x > 0 on a logarithmic scale."""
    return torch.exp2(torch.round(torch.log2(x)))
