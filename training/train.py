"""Training by name: a data set, a method and a network give a TrainedNetwork and its figures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from mapping import Input, TrainedNetwork

from .data import digits
from .export import export
from .loop import Recipe, deterministic, fit
from .networks import Mlp

#: What can be trained. Other names of the plan are refused as not built yet.
DATASETS = ("digits",)
METHODS = ("ste",)
NETS = ("mlp",)
PLANNED = {"methods": ("agmm", "fp", "latency")}


@dataclass(frozen=True)
class Trained:
    """A trained network and what it reached.

    Attributes
    ----------
        network: the export.
        train_accuracy, held_out_accuracy: of the float32 model, 0 to 1.
        parameters: trained numbers; binary_weights of them are exported as one bit.
        seed, recipe: that repeat it on the same machine.
    """

    network: TrainedNetwork
    train_accuracy: float
    held_out_accuracy: float
    parameters: int
    binary_weights: int
    seed: int
    recipe: Recipe


def check_names(dataset: str, method: str, net: str) -> None:
    """Raise ValueError, one sentence, for anything that cannot be trained."""
    if dataset not in DATASETS:
        raise ValueError(f"data set must be one of {', '.join(DATASETS)}, not {dataset!r}")
    if method in PLANNED["methods"]:
        raise ValueError(f"method {method!r} is not built yet: use {', '.join(METHODS)}")
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, not {method!r}")
    if net not in NETS:
        raise ValueError(f"net must be one of {', '.join(NETS)}, not {net!r}")


def train_digits(
    seed: int = 0,
    recipe: Recipe | None = None,
    progress: Callable[[int, int], None] | None = None,
    **options: object,
) -> Trained:
    """Train an Mlp on the digits.

    The held-out part is only read after training, to state the accuracy.

    Args:
        seed: of weights and order. recipe: or the default. progress: see ``loop.fit``.
        options: of Mlp (norm, leak, timesteps).
    """
    recipe = recipe or Recipe()
    split = digits.read()
    with deterministic(seed) as generator:
        model = Mlp((*digits.SHAPE, 128, digits.CLASSES), **options)
        fit(model, _real(split.train), split.train_labels, recipe, generator, progress)
        reached = [
            _accuracy(model, split.train, split.train_labels),
            _accuracy(model, split.held_out, split.held_out_labels),
        ]
    enter = Input(digits.SHAPE, bits=digits.BITS, coding="direct", unit=digits.UNIT)
    binary = sum(layer.weight.numel() for layer in (*model.linears, model.out))
    count = sum(p.numel() for p in model.parameters())
    return Trained(export(model, enter), *reached, count, binary, seed, recipe)


def _real(pixels: np.ndarray) -> np.ndarray:
    return (pixels * digits.UNIT).astype(np.float32)  # sixteenths: exact


@torch.no_grad()
def _accuracy(model: Mlp, pixels: np.ndarray, labels: np.ndarray) -> float:
    classes = model(torch.from_numpy(_real(pixels))).argmax(1).numpy()
    return float((classes == labels).mean())
