"""Every method on the digits: the same mlp, five seeds, accuracy as trained and as integers.

The held-out fifth is read after training, to state accuracies and to compare the float32 model's
export with the integers, and for nothing else. Latency's own figures: benchmarks/latency.py.

    python benchmarks/digits.py [--quick] [--json] [--seeds 5]
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

from mapping import fold
from sim import compare, run
from sim.disagreement import disagreement
from training.data import open_set
from training.latency import coded
from training.loop import Run
from training.recipe import DIGITS
from training.train import Plan, train

PLANS = {
    "fp": Plan("fp"),
    "ste": Plan("ste"),
    "agmm": Plan("agmm"),
    "agmm, table gates": Plan("agmm", tune=("table-gates",)),
    "agmm, constant gates": Plan("agmm", tune=("constant-gates",)),
    "latency": Plan("latency"),
}


def one(plan: Plan, seed: int, quick: bool) -> dict:
    """Train, fold, compare."""
    data = open_set("digits", flat=True)
    if quick:
        plan = replace(plan, recipe=replace(DIGITS, epochs=3))
    began = time.perf_counter()
    found = train(data, plan, Run(seed=seed, threads=1))
    seconds = time.perf_counter() - began
    row = {"seconds": seconds, "trained": found.held_out_accuracy}
    if found.network is None:
        return row
    held_out = (coded(data) if plan.method == "latency" else data).test
    network, x, labels = fold(found.network), held_out.inputs, held_out.labels
    trace = run(network, x, "fast")
    compare(trace, run(network, x))
    apart = disagreement(found.network, network, x)
    return row | {
        "integer": float((trace.classes == labels).mean()),
        "exact": network.exact,
        "samples with a spike that differs": apart.differing,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one seed, three epochs")
    parser.add_argument("--json", action="store_true", help="print JSON and nothing else")
    parser.add_argument("--seeds", type=int, default=5, help="runs of each method (5)")
    parser.add_argument("--methods", help="names, separated by ';'")
    options = parser.parse_args()
    seeds = range(1 if options.quick else options.seeds)
    chosen = options.methods.split(";") if options.methods else list(PLANS)
    rows = {name: [one(PLANS[name], seed, options.quick) for seed in seeds] for name in chosen}
    if options.json:
        print(json.dumps(rows))
        return
    for name, runs in rows.items():
        print(f"\n  {name}")
        for key in runs[0]:
            values = [run[key] for run in runs]
            if isinstance(values[0], float):
                spread = statistics.stdev(values) if len(values) > 1 else 0.0
                print(f"    {key:34} {statistics.mean(values):.4f} +- {spread:.4f}")
            else:
                print(f"    {key:34} {', '.join(map(str, values))}")


if __name__ == "__main__":
    main()
