"""Batch norm whose statistics all timesteps share, over one process or all of them."""

from __future__ import annotations

import torch
from torch import distributed, nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm

from mapping import trained

from .ops import array, wide
from .parallel import Sum
from .weights import Round


class Norm(_BatchNorm):
    """Batch norm of (samples, channels, ...) of any number of axes; samples hold all timesteps.

    With ``synchronised`` set and a process group running, mean and variance are those of every
    process's samples together, gradients included (PyTorch's SyncBatchNorm runs on GPUs only). Once
    ``frozen``, the running statistics count, in training too.
    """

    synchronised = False
    frozen = False

    def _check_input_dim(self, input: torch.Tensor) -> None:
        pass

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return x, normalised."""
        if self.frozen:
            return functional.batch_norm(
                x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps
            )
        if not (self.training and self.synchronised and distributed.is_initialized()):
            return super().forward(x)
        axes = [0, *range(2, x.ndim)]
        count = x.numel() // x.shape[1]
        x = x.float() if x.dtype == torch.bfloat16 else x
        sums = Sum.apply(torch.cat([x.sum(axes), x.new_full((1,), count)]))
        total = sums[-1].detach()
        mean = sums[:-1] / total
        centred = x - wide(mean, x)
        var = Sum.apply((centred * centred).sum(axes)) / total
        with torch.no_grad():
            self.num_batches_tracked += 1
            share = self.momentum
            if share is None:  # the plain mean over batches
                share = 1 / float(self.num_batches_tracked)
            self.running_mean.lerp_(mean, share)
            self.running_var.lerp_(var * (total / (total - 1)), share)
        normal = centred * wide(torch.rsqrt(var + self.eps), x)
        return normal * wide(self.weight, x) + wide(self.bias, x)

    def exported(self) -> trained.Norm:
        """Return its running statistics as ``mapping`` takes them."""
        return trained.Norm(
            gamma=array(self.weight),
            beta=array(self.bias),
            mean=array(self.running_mean),
            var=array(self.running_var),
            eps=self.eps,
        )


class Dyadic(nn.Module):
    """What a batch norm becomes where it enters a stream: gain and bias on a grid of 2**-bits.

    ``y = round(gain * 2^bits) / 2^bits * acc + round(bias * 2^bits) / 2^bits``, gradients straight
    through. Sums of such streams are whole numbers of one unit, so that fold finds them exact. Its
    layer has neither scale nor bias of its own: ``hardware.dyadic_joins`` takes them in here.

    Args:
        gain, bias: (channels,), of the batch norm and the scale together. bits: of the grid.
    """

    def __init__(self, gain: torch.Tensor, bias: torch.Tensor, bits: int) -> None:
        super().__init__()
        self.gain, self.shift = nn.Parameter(gain.clone()), nn.Parameter(bias.clone())
        self.bits = bits

    def numbers(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Return gain and bias on the grid."""
        grid = 2.0**self.bits
        return Round.apply(self.gain * grid) / grid, Round.apply(self.shift * grid) / grid

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return gain * x + bias, per channel."""
        gain, bias = self.numbers()
        return x * wide(gain, x) + wide(bias, x)
