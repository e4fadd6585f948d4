"""Training by name: a data set, a method and a network give a model, its export and its figures."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from mapping import TrainedNetwork
from mapping.files import beside

from . import feed, hardware
from .cost import cost
from .data.dataset import DataSet, Part, Subset
from .export import export
from .graph import SpikingNetwork
from .latency import coded
from .loop import Objective, Run, accuracy, deterministic, fit
from .measures import Measures
from .methods import style_of
from .names import check_names
from .networks import NETWORKS
from .objective import Classify
from .recipe import Recipe, of
from .spike_time_network import SpikeTimeNetwork


@dataclass(frozen=True)
class Plan:
    """What to train, by name.

    Attributes
    ----------
        method, net: of METHODS and NETWORKS.
        timesteps: T; the data set's, or the network's usual one, unless given.
        style, options: changes to the layers' style, and to the network (skips, width, hidden).
        recipe: or the data set's.
        tune: of TUNINGS, the hardware's arithmetic for a last part of training.
    """

    method: str = "ste"
    net: str = "mlp"
    timesteps: int | None = None
    style: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    recipe: Recipe | None = None
    tune: tuple[str, ...] = ()


@dataclass(frozen=True, repr=False)
class Trained:
    """A trained model and what it reached.

    Attributes
    ----------
        model: in eval mode.
        network: its export; None of full precision, which is not mapped.
        train_accuracy, held_out_accuracy: of the float32 model, 0 to 1.
        parameters: trained numbers; binary_weights of them are exported as one bit.
        rows: a line for every epoch, see ``loop.fit``.
        seed, recipe: that repeat it on the same machine.
        cost: of a spiking network, where measures were asked for; see ``cost_of``.
    """

    model: nn.Module
    network: TrainedNetwork | None
    train_accuracy: float
    held_out_accuracy: float
    parameters: int
    binary_weights: int
    rows: list[dict[str, Any]]
    seed: int
    recipe: Recipe
    cost: dict[str, Any] | None = None

    def __repr__(self) -> str:
        return (
            f"<Trained: {type(self.model).__name__}, {self.parameters} parameters, "
            f"{self.binary_weights} of them one bit; {len(self.rows)} epochs; held-out accuracy "
            f"{self.held_out_accuracy:.4f}, of the training part {self.train_accuracy:.4f}; "
            f"network {self.network!r}>"
        )


#: Held-out samples whose spikes are counted for the cost.
COSTED = 256
#: Of the lines of every epoch.
FORMAT = 1
#: See ``training.hardware``.
TUNINGS: dict[str, Callable[[SpikingNetwork, Any], None]] = {  # in the order in which they act
    "dyadic-joins": lambda model, part: hardware.dyadic_joins(model),
    "constant-gates": hardware.constant_gates,
    "table-gates": lambda model, part: hardware.table_gates(model),
}
#: What the demo trains, and one thread, which is fastest at its size.
DIGITS_MLP, ONE_THREAD = Plan(), Run(threads=1)


def build(data: DataSet, plan: Plan) -> SpikingNetwork | SpikeTimeNetwork:
    """Return an untrained model of a plan.

    Raises
    ------
        ValueError: an unknown name, or shapes that do not fit.
    """
    check_names(plan.method, plan.net, plan.tune)
    if plan.method == "latency":
        return SpikeTimeNetwork(data.enter, data.classes, **plan.options)
    steps = data.timesteps
    if steps is not None and plan.timesteps not in (None, steps):
        raise ValueError(f"the samples have {steps} timesteps, not {plan.timesteps}: open them so")
    steps = plan.timesteps or steps
    given = {} if steps is None else {"timesteps": steps}
    style = style_of(plan.method, plan.net, **plan.style)
    try:
        return NETWORKS[plan.net](data.enter, data.classes, style=style, **given, **plan.options)
    except TypeError as error:
        raise ValueError(f"{plan.net} cannot be built so: {error}") from None


def train(
    data: DataSet,
    plan: Plan = DIGITS_MLP,
    run: Run = ONE_THREAD,
    measures: bool = False,
    lines: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
    each: Callable[[dict[str, Any], int], None] | None = None,
) -> Trained:
    """Train a network; the held-out part is only read to state accuracies.

    Args:
        measures: whether every epoch's line holds flips, gradients, and firing rates.
        lines: a file that gets the epochs' lines as they come, JSON each; or None.
        progress: called with (steps done, steps) after each.
        each: called after every epoch with its line and the epochs in all. With it, or with
            measures, a line also holds the accuracy on the held-out part, in eval mode.

    Raises
    ------
        ValueError: see ``build`` and ``loop.fit``.
    """
    recipe = plan.recipe or of(data.name, plan.method)
    if plan.method == "latency":
        data = coded(data, plan.timesteps)
    with deterministic(run.seed, run.threads):
        model = build(data, plan)
        objective: Objective = model if plan.method == "latency" else Classify(recipe)
        named = {**asdict(replace(plan, recipe=None)), "data": data.name, **run.config}
        run = replace(run, config=json.loads(json.dumps(named)))
        watcher = Measures(model) if measures else None
        batch = max(recipe.batch, 256)

        def after(rows: list[dict[str, Any]], epochs: int, tuned: bool = False) -> None:
            if measures or each is not None:
                rows[-1]["held_out_accuracy"] = accuracy(model, objective, data.test, batch, run)
            if each is not None:
                each({**rows[-1], "tuned": True} if tuned else rows[-1], epochs)

        def kept(rows: list[dict[str, Any]]) -> None:
            if lines is not None and run.share.rank == 0:
                write_lines(lines, rows)

        learn = partial(fit, model, objective, data.train, augment=data.augment, watcher=watcher)
        rows = learn(
            recipe, run, after=partial(after, epochs=recipe.epochs), kept=kept, progress=progress
        )
        if plan.tune:
            tune = partial(learn, progress=progress)
            rows += _tune(model, data, plan, recipe, run, tune, after)
        kept(rows)  # the lines of tuning too, and those of a checkpoint with no epoch left
        reached = [accuracy(model, objective, part, batch, run) for part in (data.train, data.test)]
        return Trained(
            model=model,
            network=exported(model, plan),
            train_accuracy=reached[0],
            held_out_accuracy=reached[1],
            parameters=sum(p.numel() for p in model.parameters()),
            binary_weights=sum(x.numel() for x in model.signs().values()),
            rows=rows,
            seed=run.seed,
            recipe=recipe,
            cost=cost_of(model, data.test) if measures else None,
        )


def exported(model: nn.Module, plan: Plan) -> TrainedNetwork | None:
    """Return what a model computes; None of full precision, which is not mapped."""
    if plan.method == "fp":
        return None
    return model.export() if isinstance(model, SpikeTimeNetwork) else export(model)


def _tune(
    model: SpikingNetwork, data: DataSet, plan: Plan, recipe: Recipe, run: Run, learn: Callable,
    after: Callable,
) -> list[dict[str, Any]]:  # fmt: skip
    """Bring the hardware's arithmetic in and train on, at a fifth of rate and epochs."""
    for name, bring_in in TUNINGS.items():
        if name in plan.tune:
            bring_in(model, data.train)
    less = replace(recipe, epochs=max(1, recipe.epochs // 5), rate=recipe.rate / 5, decay=0.0)
    if run.checkpoint is not None:
        run = replace(run, checkpoint=run.checkpoint.with_name(run.checkpoint.name + ".tune"))
    rows = learn(less, run, after=partial(after, epochs=less.epochs, tuned=True))
    return [{**row, "tuned": True} for row in rows]


def cost_of(model: nn.Module, part: Part) -> dict[str, Any] | None:
    """Return ``cost.cost`` over the first samples of a part; None of a model of another kind."""
    if not isinstance(model, SpikingNetwork):
        return None
    samples = min(COSTED, len(part))
    batches = feed.in_order(Subset(part, np.arange(samples)), 32)
    return {"samples": samples, **cost(model, (x for x, _, _ in batches))}


def write_lines(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write one JSON line for every epoch, beside and renamed."""
    with beside(path) as part:
        lines = (json.dumps({"format": FORMAT, **row}) + "\n" for row in rows)
        part.write_text("".join(lines), encoding="utf-8")
