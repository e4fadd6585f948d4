"""Several processes under torchrun: who this one is, and the group that they form."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import distributed

from .feed import ALONE, Share


class Sum(torch.autograd.Function):
    """The sum of every process's tensor, on each of them; so of the gradients."""

    @staticmethod
    def forward(context: Any, x: torch.Tensor) -> torch.Tensor:
        """Return the sum."""
        total = x.clone()
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(context: Any, gradient: torch.Tensor) -> torch.Tensor:
        """Return the sum of what arrives on all processes: x counts in each one's sum."""
        return Sum.apply(gradient)


def summed(numbers: list[float], share: Share, device: str) -> list[float]:
    """Return the sums of these numbers over all processes."""
    if share.world == 1:
        return numbers
    both = torch.tensor(numbers, dtype=torch.float64, device=device)
    distributed.all_reduce(both)
    return both.tolist()


@contextmanager
def processes(device: str = "cpu") -> Iterator[Share]:
    """Join the group that torchrun started (gloo, or nccl on GPUs) within; alone without one.

    All leave together, and nothing of the group is left to the interpreter's end: a thread of it
    that wakes then, for the sake of a wrapped model in a cycle, aborts the process.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield ALONE
        return
    if device == "cuda":
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    distributed.init_process_group("nccl" if device == "cuda" else "gloo")
    try:
        yield Share(distributed.get_rank(), distributed.get_world_size())
        distributed.barrier()
    finally:
        gc.collect()
        distributed.destroy_process_group()
