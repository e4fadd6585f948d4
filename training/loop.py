"""The training loop: every epoch follows from the seed and the state before it.

On the CPU a training that was killed goes on from its checkpoint and ends with the same weights,
bit for bit; so it does on any number of loading processes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from . import checkpoint, feed
from .feed import ALONE, Augment, Share
from .norm import Norm
from .parallel import summed
from .recipe import Recipe


class Objective(Protocol):
    """What is minimised, and how a class is read from the same outputs."""

    def losses(self, outputs: Any, labels: torch.Tensor) -> torch.Tensor:
        """Return one loss for each sample, (samples,)."""

    def scores(self, outputs: Any) -> torch.Tensor:
        """Return (samples, classes), the highest wins."""


class Watcher(Protocol):
    """What measures a training while it runs; of several processes, each its own share."""

    def begin(self) -> None:
        """Look at the model before the first epoch, or where a checkpoint left it."""

    def output(self, name: str, x: torch.Tensor) -> None:
        """See a population's output, of every forward pass in training."""

    def gradients(self) -> None:
        """Look at the parameters' gradients, after every backward pass."""

    def epoch(self) -> dict[str, Any]:
        """Return what an epoch's line is to say, and begin the next one."""


@dataclass(frozen=True)
class Run:
    """Where and how a training runs, besides its recipe.

    Attributes
    ----------
        seed: of weights, order and augmentation.
        device: ``"cpu"`` or ``"cuda"``. mixed: bfloat16 where it serves (GPU).
        threads: of torch; None: as it is.
        share: this process among all; see ``training.parallel``.
        workers: processes that load.
        checkpoint: a file to go on from and to write after each epoch, or None.
        config: names the training; a checkpoint of another one is refused.
    """

    seed: int = 0
    device: str = "cpu"
    mixed: bool = False
    threads: int | None = None
    share: Share = ALONE
    workers: int = 0
    checkpoint: Path | None = None
    config: dict[str, Any] = field(default_factory=dict)


@contextmanager
def deterministic(seed: int, threads: int | None = 1) -> Iterator[None]:
    """Seed torch and set its threads within; both are as before afterwards."""
    before, state = torch.get_num_threads(), torch.get_rng_state()
    torch.set_num_threads(threads or before)
    torch.manual_seed(seed)
    try:
        yield
    finally:
        torch.set_num_threads(before)
        torch.set_rng_state(state)


def optimizer_of(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """Return the recipe's optimizer."""
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(
            model.parameters(), recipe.rate, momentum=0.9, weight_decay=recipe.decay
        )
    return torch.optim.AdamW(model.parameters(), recipe.rate, weight_decay=recipe.decay)


def cosine(recipe: Recipe, done: float) -> float:
    """Return the learning rate when a share ``done`` of all steps is done, 0 to 1."""
    return recipe.rate * (1 + math.cos(math.pi * done)) / 2


def fit(
    model: nn.Module,
    objective: Objective,
    part: Any,
    recipe: Recipe,
    run: Run,
    augment: tuple[Augment, ...] = (),
    watcher: Watcher | None = None,
    after: Callable[[list[dict[str, Any]]], None] | None = None,
    kept: Callable[[list[dict[str, Any]]], None] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[dict[str, Any]]:
    """Train a model in place.

    Args:
        part: what it learns from, see ``training.data.dataset``.
        watcher: measures; its lines join the epoch's.
        after: called after each epoch with the lines so far (epoch, loss, accuracy, rate, ...); it
            may add to the last one before the checkpoint is written.
        kept: called with the same lines once the checkpoint holds them: what it writes is never
            alone when the process dies.
        progress: called with (steps done, steps) after each.

    Returns
    -------
        The lines of all epochs, those before a resumption too.

    Raises
    ------
        ValueError: the checkpoint is of another training; the loss is not finite.
    """
    model.to(run.device).train()
    optimizer = optimizer_of(model, recipe)
    config = {**run.config, "seed": run.seed, **asdict(recipe)}
    rows: list[dict[str, Any]] = []
    if run.checkpoint is not None and run.checkpoint.exists():
        rows = checkpoint.read(run.checkpoint, model, optimizer, config)["rows"]
    if watcher is not None:
        watcher.begin()
    wrapped: nn.Module = model
    if run.share.world > 1:
        for norm in _norms(model):
            norm.synchronised = True
        wrapped = DistributedDataParallel(model)
    for epoch in range(len(rows), recipe.epochs):
        row = _epoch(
            model, wrapped, objective, optimizer, part, recipe, run, epoch, augment, watcher,
            progress,
        )  # fmt: skip
        if watcher is not None:
            row |= watcher.epoch()
        rows.append(row)
        if after is not None:
            after(rows)
            model.train()
        if run.checkpoint is not None and run.share.rank == 0:
            checkpoint.write(run.checkpoint, model, optimizer, {"config": config, "rows": rows})
        if kept is not None:
            kept(rows)
    if recipe.settle:
        settle(model, part, recipe.settle, run)
    model.eval()
    return rows


def _epoch(
    model: nn.Module, wrapped: nn.Module, objective: Objective, optimizer: torch.optim.Optimizer,
    part: Any, recipe: Recipe, run: Run, epoch: int, augment: tuple[Augment, ...],
    watcher: Watcher | None, progress: Callable[[int, int], None] | None,
) -> dict[str, Any]:  # fmt: skip
    total = right = 0.0
    seen = 0
    steps = -(-len(part) // recipe.batch)
    batches = feed.shuffled(part, run.seed, epoch, recipe.batch, augment, run.share, run.workers)
    for step, (x, y, whole) in enumerate(batches):
        rate = cosine(recipe, (epoch * steps + step) / (recipe.epochs * steps))
        for group in optimizer.param_groups:
            group["lr"] = rate
        x, y = x.to(run.device), y.to(run.device)
        optimizer.zero_grad()
        with half(run):
            outputs = wrapped(x) if watcher is None else wrapped(x, watcher.output)
            losses = objective.losses(outputs, y)
        # DDP averages over processes: the mean over the whole batch, however it was shared out.
        (losses.sum() * (run.share.world / whole)).backward()
        if watcher is not None:
            watcher.gradients()
        optimizer.step()
        if hasattr(model, "after_step"):
            model.after_step()
        with torch.no_grad():
            total += float(losses.sum())
            right += float((objective.scores(outputs).argmax(1) == y).sum())
            seen += len(y)
        if progress is not None:
            progress(epoch * steps + step + 1, recipe.epochs * steps)
        if not math.isfinite(total):
            raise ValueError(f"the loss is not finite in epoch {epoch + 1}: lower the rate")
    total, right, seen = summed([total, right, seen], run.share, run.device)
    return {
        "epoch": epoch + 1,
        "loss": total / seen,
        "accuracy": right / seen,
        "rate": rate,
    }


def half(run: Run) -> Any:
    """Return the context of mixed precision, or one that does nothing."""
    return torch.autocast(run.device, torch.bfloat16) if run.mixed else nullcontext()


def settle(model: nn.Module, part: Any, batch: int, run: Run) -> None:
    """Set each batch norm to the mean of its statistics over a data set, batch by batch.

    Of several processes each runs its share, and all end with the same statistics.
    """
    norms = _norms(model)
    if not norms:
        model.eval()
        return
    momenta = [m.momentum for m in norms]
    model.train()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the plain mean over batches
    with torch.no_grad():
        for x, _, _ in feed.in_order(part, batch, run.share, run.workers):
            model(x.to(run.device))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    model.eval()


def _norms(model: nn.Module) -> list[Norm]:
    return [m for m in model.modules() if isinstance(m, Norm) and not m.frozen]


@torch.no_grad()
def accuracy(model: nn.Module, objective: Objective, part: Any, batch: int, run: Run) -> float:
    """Return the share of a part's samples that a model classifies rightly, in eval mode."""
    model.eval()
    right = 0
    for x, y, _ in feed.in_order(part, batch, workers=run.workers):
        scores = objective.scores(model(x.to(run.device)))
        right += int((scores.argmax(1).cpu() == y).sum())
    return right / len(part)
