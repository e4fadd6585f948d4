"""How a network is trained: numbers, and nothing that runs."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

OPTIMIZERS = ("adamw", "sgd")
LOSSES = ("mean", "tet")


@dataclass(frozen=True)
class Recipe:
    """Settings of one training.

    Attributes
    ----------
        epochs, batch: passes over the data, and samples in a step (of all processes together).
        optimizer: ``"adamw"`` or ``"sgd"`` (momentum 0.9).
        rate: learning rate; it falls to 0 along a cosine.
        decay: weight decay.
        loss: ``"mean"``: cross-entropy of the drive's mean over time; ``"tet"``: its mean over the
            cross-entropies of all timesteps (S. Deng et al., TET, ICLR 2022).
        smoothing: of the labels.
        settle: samples in a batch of the pass that ends training by setting every batch norm to
            the mean of its statistics over the training data; 0: the running ones stay.
    """

    epochs: int = 60
    batch: int = 32
    optimizer: str = "adamw"
    rate: float = 0.01
    decay: float = 0.1
    loss: str = "mean"
    smoothing: float = 0.1
    settle: int = 2048

    def __post_init__(self) -> None:
        for name in ("epochs", "batch"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.optimizer not in OPTIMIZERS:
            raise ValueError(f"optimizer must be adamw or sgd, not {self.optimizer!r}")
        if self.loss not in LOSSES:
            raise ValueError(f"loss must be mean or tet, not {self.loss!r}")
        if self.rate <= 0 or self.decay < 0 or not 0 <= self.smoothing < 1 or self.settle < 0:
            raise ValueError("rate must be positive, decay, smoothing and settle at least 0")


#: The papers' settings (C. Liang et al., AAAI-25): SGD with momentum 0.9, rate 0.1, cosine.
PAPER = Recipe(400, 128, "sgd", 0.1, 1e-4, "tet", 0.0, settle=0)
#: Chosen on digits with a part of the training set held back; see docs/training.md.
DIGITS = Recipe()
RECIPES = {
    "digits": DIGITS,
    "imagenet": replace(PAPER, epochs=300),
    "cifar10": PAPER,
    "cifar100": PAPER,
    "dvs-gesture": replace(PAPER, batch=64),
    "dvs-cifar10": replace(PAPER, batch=64),
}


#: Of the latency method, on whatever data; see docs/training-latency.md.
LATENCY = Recipe(100, 32, "adamw", 0.03, 0.0)


def of(dataset: str, method: str = "ste", **changes: object) -> Recipe:
    """Return the recipe of a data set and method, with changes by field name.

    Raises
    ------
        ValueError: a field that does not exist, or a value out of range.
    """
    known = {f.name for f in fields(Recipe)}
    for name in changes:
        if name not in known:
            raise ValueError(f"a recipe has no {name!r}; it has {', '.join(sorted(known))}")
    base = LATENCY if method == "latency" else RECIPES.get(dataset, DIGITS)
    return replace(base, **changes)
