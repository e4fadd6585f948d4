"""Single spikes learnt from their times, on scikit-learn's digits: accuracy, time, spikes, speed.

Five trainings of 64-128-10, each folded and compared spike for spike with the float64 run, the
reference and the fast backend on all held-out images before a figure is printed; a difference ends
the program. ``--tried`` leaves one part of the method out at a time, on validation parts taken from
the training part; the held-out images choose nothing.

    python benchmarks/latency.py [--quick] [--json] [--tried]
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

# a file of this folder must not hide a package
sys.path.remove(str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import torch

from mapping import fold, real
from sim import run
from training import latency
from training.data import Arrays, digits
from training.early_exit import decide
from training.loop import Run, deterministic, fit
from training.recipe import LATENCY
from training.spike_time_network import SpikeTimeNetwork

#: What ``--tried`` changes.
TRIED: dict[str, dict[str, Any]] = {
    "as chosen": {},
    "late hidden spikes hear nothing": {"late": False},
    "no window": {"window": None},
    "neither": {"late": False, "window": None},
    "no pull: spike times alone": {"pull": 0.0},
    "no jitter": {"jitter": False},
    "margin 5": {"margin": 5},
    "60 epochs": {"epochs": 60},
    "no delays": {"delays": 0},
}


def train(
    ink: np.ndarray,
    labels: np.ndarray,
    seed: int,
    epochs: int = LATENCY.epochs,
    rate: float = LATENCY.rate,
    jitter: bool = True,
    **options: Any,
) -> tuple[SpikeTimeNetwork, float]:
    """Return a trained network, and the seconds that it took."""
    began = time.perf_counter()
    recipe = replace(LATENCY, epochs=epochs, rate=rate)
    with deterministic(seed):
        model = SpikeTimeNetwork(latency.DIGITS, digits.CLASSES, **options)
        augment = (latency.jitter,) if jitter else ()
        fit(model, model, Arrays(ink, labels), recipe, Run(seed=seed), augment)
    return model, time.perf_counter() - began


def figures(model: SpikeTimeNetwork, ink: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Return accuracy, decision time and spikes of labelled samples."""
    x = torch.from_numpy(ink)
    early, full = decide(model, x), decide(model, x, early=False)
    if not (torch.equal(early.classes, full.classes) and torch.equal(early.times, full.times)):
        raise SystemExit("early exit decides otherwise than the full run")
    right = early.classes.numpy() == labels
    with torch.no_grad():
        score = model.scores(model(x)).numpy()
    tied = score[np.arange(len(labels)), labels] == score.max(1)
    return {
        "accuracy %": 100 * right.mean(),
        "ties counted as correct %": 100 * tied.mean(),
        "timestep of decision": early.times.double().mean().item(),
        "no output spike %": 100 * (early.times == model.timesteps).double().mean().item(),
        "timesteps run": early.steps.double().mean().item(),
        "timesteps saved, ratio": model.timesteps / early.steps.double().mean().item(),
        "hidden spikes until decision": early.hidden.double().mean().item(),
        "hidden spikes in all timesteps": full.hidden.double().mean().item(),
    }


def check(model: SpikeTimeNetwork, ink: np.ndarray) -> None:
    """Fold a network and compare every spike and class with the model's; else end the program."""
    trained = model.export()
    network = fold(trained)
    if not network.exact:
        raise SystemExit("the fold is not exact")
    with torch.no_grad():
        out = model(torch.from_numpy(ink))
    times = dict(zip(model.names, (*out.hidden, out.times), strict=True))
    runs: dict[str, Any] = {b: run(network, ink, b) for b in ("reference", "fast")}
    for name, trace in {"float64": real.run(trained, ink), **runs}.items():
        same = (trace.classes == model.scores(out).argmax(1).numpy()).all()
        for population, fired in trace.spikes.items():
            steps = np.where(fired.any(1), fired.argmax(1), model.timesteps)
            same &= (fired.sum(1) <= 1).all() and (steps == times[population].numpy()).all()
        if not same:
            raise SystemExit(f"{name} and the trained model differ")


def faster(call: Callable[[bool], object], times: int) -> tuple[float, float]:
    """Return the least of several durations with early exit, and of those without, in turns."""
    least = {True: float("inf"), False: float("inf")}
    for _ in range(times):
        for early in least:
            began = time.perf_counter()
            call(early)
            least[early] = min(least[early], time.perf_counter() - began)
    return least[True], least[False]


def speed(model: SpikeTimeNetwork, ink: np.ndarray) -> dict[str, float]:
    """Return what stopping at the first output spike is worth in wall-clock time, on one thread."""
    x = torch.from_numpy(ink)
    alone = [x[k : k + 1] for k in range(0, len(x), max(1, len(x) // 60))]
    layers = model.layers()
    with deterministic(0):
        one = np.array(
            [faster(lambda early, s=s: decide(model, s, early, layers), 7) for s in alone]
        )
        short, whole = one.sum(0)
        batch = faster(lambda early: decide(model, x, early, layers), 40)
    return {
        "ms a sample, one by one": 1e3 * short / len(alone),
        "speed-up one by one": whole / short,
        "us a sample, one batch": 1e6 * batch[0] / len(x),
        "speed-up in one batch": batch[1] / batch[0],
    }


def spread(rows: list[dict[str, float]]) -> dict[str, dict[str, float]]:
    """Return mean, standard deviation, least and largest of every figure."""
    found = {}
    for key in rows[0]:
        values = np.array([row[key] for row in rows])
        parts = {"mean": values.mean(), "sd": values.std(ddof=1) if len(rows) > 1 else 0.0}
        parts |= {"least": values.min(), "largest": values.max()}
        found[key] = {k: round(float(v), 3) for k, v in parts.items()}
    return found


def tried(split: digits.Split, quick: bool) -> dict[str, dict[str, dict[str, float]]]:
    """Return the figures of every entry of TRIED on three validation parts, a seed each."""
    from sklearn.model_selection import train_test_split

    found = {}
    for name, options in TRIED.items():
        rows = []
        for seed in range(1 if quick else 3):
            x, rest, y, labels = train_test_split(
                latency.ink(split.train), split.train_labels, test_size=0.2,
                stratify=split.train_labels, random_state=100 + seed,
            )  # fmt: skip
            model, _ = train(x, y, seed, **{**({"epochs": 3} if quick else {}), **options})
            rows.append(figures(model, rest, labels))
        found[name] = spread(rows)
        print(name, found[name]["accuracy %"]["mean"], file=sys.stderr, flush=True)
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="two seeds, three epochs")
    parser.add_argument("--json", action="store_true", help="print JSON and nothing else")
    parser.add_argument("--tried", action="store_true", help="parts left out, on validation parts")
    options = parser.parse_args()
    split = digits.read()
    if options.tried:
        table = tried(split, options.quick)
    else:
        ink, held_out = latency.ink(split.train), latency.ink(split.held_out)
        rows = []
        for seed in range(2 if options.quick else 5):
            epochs = 3 if options.quick else LATENCY.epochs
            model, seconds = train(ink, split.train_labels, seed, epochs)
            check(model, held_out)
            row = figures(model, held_out, split.held_out_labels)
            row["accuracy in training %"] = figures(model, ink, split.train_labels)["accuracy %"]
            rows.append({**row, **speed(model, held_out), "seconds of training": seconds})
            if not options.json:
                print(f"seed {seed}: {row['accuracy %']:.2f} %", file=sys.stderr, flush=True)
        table = {"five seeds" if len(rows) == 5 else "two seeds": spread(rows)}
    if options.json:
        print(
            json.dumps(
                {"recipe": asdict(LATENCY), "quick": options.quick, "figures": table}, indent=1
            )
        )
        return
    for name, part in table.items():
        print(f"\n{name}")
        for key, value in part.items():
            print(f"  {key:32} {value['mean']:9.3f} +- {value['sd']:.3f}", end="")
            print(f"   ({value['least']:.3f} to {value['largest']:.3f})")


if __name__ == "__main__":
    main()
