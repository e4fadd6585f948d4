"""Flip ratios, gradients and firing rates of whole trainings, against numpy by hand."""

# ruff: noqa: E402  (torch is looked for before what imports it)
from __future__ import annotations

from pathlib import Path
from typing import Any

import needs
import numpy as np
import pytest

needs.package("torch")
import torch

from mapping import INPUT, Input
from training import feed
from training.data.dataset import Arrays
from training.graph import Connection, Population, SpikingNetwork
from training.loop import Run, cosine, deterministic, fit
from training.measures import Measures
from training.neurons import Dynamics, Integrator, Lif
from training.objective import Classify
from training.ops import Dense
from training.recipe import Recipe
from training.style import Builder, Style
from training.weights import Bipolar, Real

pytestmark = pytest.mark.torch
#: Plain gradient descent with momentum, a batch norm left as it is.
PLAIN = Recipe(2, 2, "sgd", 0.4, 0.0, "mean", 0.0, settle=0)


def toy(kind: Any, weight: np.ndarray) -> SpikingNetwork:
    """Return one linear layer, T = 1: softmax regression of weights of a kind."""
    op = Dense(weight.shape[1], weight.shape[0], kind)
    op.weight.data = torch.tensor(weight, dtype=torch.float32)
    enter = Input((weight.shape[1],), bits=4, coding="direct")
    out = Population("out", Integrator(), [Connection(INPUT, op)])
    return SpikingNetwork(enter, [out], 1)


X = np.array([[3, 0, 1], [0, 2, 1], [1, 1, 0], [2, 0, 2], [0, 1, 3]], np.uint8)
Y = np.array([0, 1, 1, 0, 1])


def by_hand(weight: np.ndarray, recipe: Recipe, binary: bool) -> list[dict[str, Any]]:
    """Train the toy in numpy; five samples in batches of 2, 2 and 1."""
    w, speed, rows = weight.copy(), np.zeros_like(weight), []
    for epoch in range(recipe.epochs):
        before, gradients = w >= 0, []
        batches = feed.order(0, epoch, len(X), recipe.batch)
        for step, chosen in enumerate(batches):
            x, y = X[chosen].astype(float), Y[chosen]
            scores = x @ (np.where(w >= 0, 1.0, -1.0) if binary else w).T
            p = np.exp(scores - scores.max(1, keepdims=True))
            p /= p.sum(1, keepdims=True)
            p[np.arange(len(y)), y] -= 1
            gradient = p.T @ x / len(y)
            if binary:
                gradient = gradient * (abs(w) <= 1)  # the straight-through estimator
            gradients.append(gradient)
            speed = 0.9 * speed + gradient
            done = (epoch * len(batches) + step) / (recipe.epochs * len(batches))
            w = w - cosine(recipe, done) * speed
        means = np.mean([[g.mean(), g.var()] for g in gradients], axis=0)
        rows.append({"flips": ((w >= 0) != before).mean(), "gradients": means})
    return rows


@pytest.mark.parametrize("binary", [True, False])
def test_flips_and_gradients_by_hand(binary: bool) -> None:
    weight = np.array([[0.3, -0.2, 0.05], [-0.1, 1.5, -0.02]])
    model = toy(Bipolar("none") if binary else Real(), weight)
    watcher = Measures(model)
    rows = fit(model, Classify(PLAIN), Arrays(X, Y), PLAIN, Run(threads=1), watcher=watcher)
    expected = by_hand(weight, PLAIN, binary)
    for row, wanted in zip(rows, expected, strict=True):
        assert row["gradients"]["out"] == pytest.approx(wanted["gradients"], rel=1e-4, abs=1e-6)
        if binary:
            assert row["flips"]["out"] == pytest.approx(wanted["flips"])
        else:
            assert row["flips"] == {}  # real weights have no sign that counts
    if binary:
        assert 0 < expected[0]["flips"] < 1  # the toy does show something


def test_a_flip_and_its_way_back_within_an_epoch_count_nothing() -> None:
    model = toy(Bipolar("none"), np.ones((2, 3)))
    watcher = Measures(model)
    watcher.begin()
    layer = model.populations[0].connections[0].op
    layer.weight.data[0, 0] = -1
    layer.weight.data[0, 0] = 1
    layer.weight.data[1, 2] = -0.5
    assert watcher.epoch()["flips"] == {"out": pytest.approx(1 / 6)}
    assert watcher.epoch()["flips"] == {"out": 0.0}


def test_firing_rates_by_hand() -> None:
    """Weights that do not move: rates are those of a LIF population in numpy."""
    weight = np.array([[1, 1, 1], [-1, 1, 1], [1, -1, -1], [-1, -1, -1]])
    enter = Input((3,), bits=4, coding="direct", unit=0.25)
    hidden = Dense(3, 4, Bipolar("none"))
    hidden.weight.data = torch.tensor(weight * 0.5, dtype=torch.float32)
    populations = [
        Population("hidden", Lif(Dynamics()), [Connection(INPUT, hidden)]),
        Population("out", Integrator(), [Connection("hidden", Dense(4, 2, Real()))]),
    ]
    model = SpikingNetwork(enter, populations, 3)
    still = Recipe(2, 2, "sgd", 1e-30, 0.0, "mean", 0.0, settle=0)
    watcher = Measures(model)
    rows = fit(model, Classify(still), Arrays(X, Y), still, Run(threads=1), watcher=watcher)
    spikes, v = 0, np.zeros((len(X), 4))
    for _ in range(3):
        v = 0.5 * v + 0.25 * X @ weight.T
        fired = v > 1
        spikes += fired.sum()
        v[fired] = 0
    assert spikes > 0
    # batches of 2, 2 and 1: every sample counts alike
    assert [row["rates"] for row in rows] == 2 * [{"hidden": pytest.approx(spikes / (5 * 4 * 3))}]


class Stopped(Exception):
    """What a kill looks like from inside."""


def test_a_resumed_training_measures_the_same(tmp_path: Path) -> None:
    recipe = Recipe(3, 8, "adamw", 0.05, 0.1, settle=0)
    rng = np.random.default_rng(0)
    part = Arrays(rng.integers(0, 16, (40, 6)).astype(np.uint8), rng.integers(0, 3, 40))

    def train(checkpoint: Path | None, stop: int | None = None) -> list[dict[str, Any]]:
        def progress(done: int, total: int) -> None:
            if done == stop:
                raise Stopped

        with deterministic(0):
            b = Builder(Input((6,), bits=4, coding="direct", unit=1 / 16), 3, Style(gates=True))
            source = b.lif("a", b.dense(INPUT, 8, "8bit"))
            model = b.finish(b.lif("b", b.dense(source, 8, gate=True)), 3)
            run = Run(threads=1, checkpoint=checkpoint)
            watcher = Measures(model)
            return fit(
                model, Classify(recipe), part, recipe, run, watcher=watcher, progress=progress
            )

    undisturbed = train(None)
    assert {"flips", "gradients", "rates"} < set(undisturbed[0])
    assert set(undisturbed[0]["flips"]) == {"b"} and set(undisturbed[0]["rates"]) == {"a", "b"}
    assert set(undisturbed[0]["gradients"]) == {"a", "b", "out"}
    file = tmp_path / "checkpoint"
    for stop in (7, 13):  # in the second epoch, then in the third
        with pytest.raises(Stopped):
            train(file, stop)
    assert train(file) == undisturbed
