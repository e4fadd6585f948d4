"""Skipping zero words: cycles an image with and without, on trained networks and stated data.

The data are the digits' pictures (360 held out, 0..16), enlarged to 20 x 20 and framed to 28 x 28
as MNIST's are, in T = 10 timesteps of one-bit inputs: by *rate*, where a pixel spikes in each
timestep with a chance of its ink, or by *latency*, where it spikes once, the darker the earlier,
and blank paper never. A network 784-128-10 is trained on each. Cycles are those of hdl.taken, of
all held-out images back to back; of one form the Verilog runs some of them, without a stall, and
must take exactly as many, every spike and membrane that of the reference, or the program ends.
Cells: benchmarks/rtl_size.py --skip-zeros.

    python benchmarks/zero_words.py [--quick] [--json] [--seed 0] [--checked 8]
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

# a file of this folder must not hide a package
sys.path.remove(str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from hdl.plan import plan
from hdl.taken import sample_ends
from mapping import Input, Network, fold
from sim import run
from sim.compare import agreement
from training.data import Arrays, DataSet, open_set
from training.loop import Run
from training.recipe import DIGITS
from training.train import Plan, train

STEPS, SIDE, INK = 10, 28, 16
#: PE, SIMD and lanes of both populations; the first two are those of rtl_size.
FORMS = {
    "small": ((2, 1), (32, 4), (1, 1)),
    "fast": ((8, 1), (98, 11), (1, 1)),
    "8 x 32": ((8, 2), (32, 8), (4, 2)),
    "16 x 16": ((16, 2), (16, 8), (8, 2)),
    "16 x 8": ((16, 2), (8, 8), (8, 2)),
    "32 x 4": ((32, 2), (4, 8), (16, 2)),
    "16 x 4": ((16, 2), (4, 8), (8, 2)),
    "16 x 1": ((16, 2), (1, 2), (8, 2)),
}
CHECKED = "16 x 8"


def enlarged(pictures: np.ndarray, size: int = 20) -> np.ndarray:
    """Return (n, 8, 8) pictures as (n, 28, 28), 0 to 1: bilinear, with blank paper around."""
    at = (np.arange(size) + 0.5) * pictures.shape[1] / size - 0.5
    low = np.clip(np.floor(at).astype(int), 0, pictures.shape[1] - 2)
    part = np.clip(at - low, 0, 1)
    for axis in (1, 2):
        shape = [1, 1, 1]
        shape[axis] = size
        a, b = (np.take(pictures, low + k, axis) for k in (0, 1))
        pictures = a + (b - a) * part.reshape(shape)
    edge = (SIDE - size) // 2
    return np.pad(pictures, ((0, 0), (edge, edge), (edge, edge))) / INK


def spikes(pictures: np.ndarray, coding: str, rng: np.random.Generator) -> np.ndarray:
    """Return (n, T, 784) spikes of pictures between 0 and 1."""
    flat = pictures.reshape(len(pictures), 1, -1)
    if coding == "rate":
        return (rng.random((len(flat), STEPS, flat.shape[2])) < flat).astype(np.uint8)
    at = np.rint((1 - flat) * (STEPS - 1))
    return ((np.arange(STEPS)[:, None] == at) & (flat > 0.1)).astype(np.uint8)


def data(coding: str, seed: int) -> DataSet:
    """Return the digits as spikes."""
    digits, rng = open_set("digits"), np.random.default_rng(seed)
    parts = [
        Arrays(
            spikes(enlarged(part.inputs.reshape(-1, 8, 8).astype(float)), coding, rng), part.labels
        )
        for part in (digits.train, digits.test)
    ]
    return DataSet("digits", Input((SIDE * SIDE,)), 10, *parts, timesteps=STEPS)


def share(x: np.ndarray, simd: int) -> float:
    """Return the share of words of so many inputs that are not zero."""
    padded = np.pad(x, ((0, 0), (0, 0), (0, -x.shape[2] % simd)))
    return float(padded.reshape(*x.shape[:2], -1, simd).any(axis=-1).mean())


def measured(name: str, network: Network, x: np.ndarray, fired: np.ndarray) -> dict[str, Any]:
    """Return a form's row: cycles without skipping and with."""
    pe, simd, lanes = FORMS[name]
    made = plan(network, list(pe), list(simd), list(lanes), skip_zeros=True)
    ends = sample_ends(made, x, {"hidden": fired})
    mean, most = float(np.diff(ends).mean()), made.timing.cycles
    return {
        "form": name,
        "PE x SIMD, lanes": ", ".join(
            f"{p} x {s}, {n}" for p, s, n in zip(pe, simd, lanes, strict=True)
        ),
        "words not zero": [round(share(x, simd[0]), 3), round(share(fired, simd[1]), 3)],
        "cycles without": plan(network, list(pe), list(simd), list(lanes)).timing.cycles,
        "at most": most,
        "mean": round(mean, 1),
        "slowest image": int(np.diff(ends).max()),
        "share": round(mean / most, 3),
    }


def checked(network: Network, x: np.ndarray) -> int:
    """Run images through the Verilog; return the values compared, or end the program."""
    pe, simd, lanes = (list(numbers) for numbers in FORMS[CHECKED])
    expected = run(network, x)
    found = run(network, x, "rtl", pe=pe, simd=simd, lanes=lanes, skip_zeros=True)
    compared = agreement(expected, found)
    if compared.mismatches or not compared.compared:
        raise SystemExit(f"{CHECKED}: {compared.divergence or 'nothing was compared'}")
    made = plan(network, pe, simd, lanes, skip_zeros=True)
    mean = float(np.diff(sample_ends(made, x, expected.spikes)).mean())
    if round(mean, 1) != found.info["mean_cycles_per_sample"]:
        raise SystemExit(f"{found.info['mean_cycles_per_sample']} cycles, not {mean}")
    return compared.compared


def one(coding: str, seed: int, quick: bool, some: int) -> dict[str, Any]:
    """Train on one coding; return the data's and the network's activity, and every form's row."""
    given = data(coding, seed)
    recipe = replace(DIGITS, epochs=1 if quick else 20)
    trained = train(given, Plan(recipe=recipe), Run(seed=seed, threads=1))
    network = fold(trained.network)
    x, labels = given.test.inputs, given.test.labels
    trace = run(network, x, "fast")
    fired = trace.spikes["hidden"]
    return {
        "coding": coding,
        "images": len(x),
        "accuracy, as integers": round(float((trace.classes == labels).mean()), 4),
        "inputs that spike, of a timestep": round(float(x.mean()), 4),
        "hidden neurons that spike, of a timestep": round(float(fired.mean()), 4),
        "values compared in Verilog": checked(network, x[:some]) if some else 0,
        "forms": [measured(name, network, x, fired) for name in FORMS],
    }


def main() -> None:
    """Train, count, run, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="an epoch, and no Verilog")
    parser.add_argument("--json", action="store_true", help="print JSON and nothing else")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--checked", type=int, default=8, help="images that the Verilog runs")
    given = parser.parse_args()
    found = [
        one(coding, given.seed, given.quick, 0 if given.quick else given.checked)
        for coding in ("rate", "latency")
    ]
    if given.json:
        print(json.dumps({"seed": given.seed, "codings": found}, indent=1))
        return
    print(f"seed {given.seed}")
    for each in found:
        print("\n" + ", ".join(f"{k}: {v}" for k, v in each.items() if k != "forms"))
        for row in each["forms"]:
            print("  " + "; ".join(f"{k} {v}" for k, v in row.items()))


if __name__ == "__main__":
    main()
