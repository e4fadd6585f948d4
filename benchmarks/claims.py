"""The gate's claim, tested: agmm against ste on a small convolutional network, equal budgets.

C. Liang et al. (AAAI-25) say that the gate lowers the flip ratio of binary weights and steadies
gradients, and that accuracy gains. Here both methods train the same network (16C3-16C3-AP2-32C3-
32C3-AP2-FC, 8-bit ends) from the same seeds with the same recipe on the digits, as images, and what
comes out is printed as it is. Every run is kept in a folder and not repeated.

    python benchmarks/claims.py [--seeds 5] [--epochs 30] [--out build/claims] [--plot FILE.svg]
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from dataclasses import replace
from pathlib import Path

# a file of this folder must not hide a package
sys.path.remove(str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from mapping.files import beside
from training.data import open_set
from training.loop import Run
from training.recipe import of
from training.train import Plan, train

METHODS = ("ste", "agmm")
LAYERS = ("conv2", "conv3", "conv4")  # the binary ones, gated by agmm


def one(method: str, seed: int, options: argparse.Namespace) -> list[dict]:
    """Train once, or read what an earlier run left; return the epochs' lines."""
    path = options.out / f"{options.data}-{method}-{options.epochs}-{seed}.json"
    if path.exists():
        return json.loads(path.read_text(encoding="utf-8"))
    began = time.monotonic()
    data = open_set(options.data)
    recipe = replace(of("digits"), epochs=options.epochs)
    plan = Plan(method, "cnn", data.timesteps or 4, recipe=recipe)
    found = train(data, plan, Run(seed=seed, threads=options.threads), measures=True)
    rows = [{**row, "seconds": time.monotonic() - began} for row in found.rows]
    rows[-1]["settled accuracy"] = found.held_out_accuracy
    with beside(path) as part:
        part.write_text(json.dumps(rows), encoding="utf-8")
    print(f"  {method} seed {seed}: {found.held_out_accuracy:.2%}", file=sys.stderr)
    return rows


def curve(runs: list[list[dict]], pick) -> list[tuple[float, float]]:
    """Return mean and standard deviation over runs of a number of each epoch."""
    columns = zip(*[[pick(row) for row in rows] for rows in runs], strict=True)
    return [(statistics.mean(c), statistics.stdev(c) if len(c) > 1 else 0.0) for c in columns]


def quantities() -> dict:
    """Return what is compared: name to a function of an epoch's line."""

    def over(kind: str, index: int | None = None):
        def pick(row: dict) -> float:
            values = [row[kind][layer] for layer in LAYERS]
            if index is not None:
                values = [abs(v[index]) for v in values]
            return sum(values) / len(values)

        return pick

    return {
        "held-out accuracy": lambda row: row["held_out_accuracy"],
        "training loss": lambda row: row["loss"],
        "flip ratio": over("flips"),
        "gradient variance": over("gradients", 1),
        "gradient mean, absolute": over("gradients", 0),
        "firing rate": over("rates"),
    }


def plot(curves: dict, path: Path) -> None:
    """Draw every quantity over epochs, mean and spread."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    matplotlib.rcParams["svg.hashsalt"] = "spikexact"
    figure, axes = pyplot.subplots(2, 3, figsize=(11, 6), layout="constrained")
    for axis, (name, both) in zip(axes.flat, curves.items(), strict=True):
        for method, points in both.items():
            x = range(1, len(points) + 1)
            mean = [m for m, _ in points]
            axis.plot(x, mean, label=method)
            low, high = [m - s for m, s in points], [m + s for m, s in points]
            axis.fill_between(x, low, high, alpha=0.25)
        axis.set(title=name, xlabel="epoch")
        if "gradient" in name:
            axis.set_yscale("log")
    axes.flat[0].legend()
    with beside(path) as part:
        figure.savefig(part, format="svg", metadata={"Date": None})


def main() -> None:
    """Train, compare, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5, help="runs of each method (5)")
    parser.add_argument("--epochs", type=int, default=30, help="of every run (30)")
    parser.add_argument("--data", default="digits", choices=("digits", "synthetic-events"))
    parser.add_argument("--threads", type=int, default=1, help="of torch (1)")
    parser.add_argument("--out", type=Path, default=Path("build/claims"), help="keeps the runs")
    parser.add_argument("--plot", type=Path, help="an SVG of all curves")
    parser.add_argument("--quick", action="store_true", help="two seeds, three epochs")
    parser.add_argument("--json", action="store_true", help="print JSON and nothing else")
    options = parser.parse_args()
    if options.quick:
        options.seeds, options.epochs = 2, 3
    options.out.mkdir(parents=True, exist_ok=True)
    runs = {m: [one(m, seed, options) for seed in range(options.seeds)] for m in METHODS}
    curves = {
        name: {m: curve(runs[m], pick) for m in METHODS} for name, pick in quantities().items()
    }
    if options.plot:
        plot(curves, options.plot)
    marks = sorted({0, options.epochs // 4, options.epochs // 2, options.epochs - 1})
    settled = {m: [rows[-1]["settled accuracy"] for rows in runs[m]] for m in METHODS}
    if options.json:
        print(json.dumps({"curves": curves, "settled accuracy": settled}))
        return
    for name, both in curves.items():
        print(f"\n  {name}")
        for method, points in both.items():
            shown = ", ".join(f"{points[e][0]:.3g} +- {points[e][1]:.2g}" for e in marks)
            print(f"    {method:5} epochs {', '.join(str(e + 1) for e in marks)}: {shown}")
    print("\n  held-out accuracy, batch norms settled")
    for method, values in settled.items():
        spread = statistics.stdev(values) if len(values) > 1 else 0.0
        print(f"    {method:5} {statistics.mean(values):.4f} +- {spread:.4f}  {values}")


if __name__ == "__main__":
    main()
