"""Size, operations and energy of ResNet-19, beside the rows that a paper published.

Published: C. Liang et al., Towards Accurate Binary Spiking Neural Networks: Learning with Adaptive
Gradient Modulation Mechanism, AAAI-25 (arXiv 2502.14344), table 2: CIFAR-100, T = 2.

Sizes and MACs follow from structure alone. SOPs need firing rates, and here they are *not* those of
trained networks: weights are random, inputs are random images, and every batch norm is settled on
these images. So the firing rate that the published SOPs would need is printed as well.

    python benchmarks/cost.py [--quick] [--json] [--seed 0]
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

# a file of this folder must not hide a package
sys.path.remove(str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

from mapping import Input
from mapping.cost import CONSTANTS, totals
from training import feed
from training.cost import count, flows
from training.data.dataset import Arrays
from training.loop import Run, deterministic, settle
from training.methods import style_of
from training.networks import NETWORKS
from training.size import size

ENTER, CLASSES, T = Input((3, 32, 32), bits=8, coding="direct", unit=1 / 255), 100, 2
ENDS = {"first": "float", "last": "float", "downsample": "float"}
#: Of the paper: MB, G SOPs, G MACs, mJ.
PUBLISHED = {
    "agmm": (2.46, 0.045, 0.028, 0.064),
    "ste": (2.31, 0.056, 0.027, 0.066),
    "fp": (50.46, 0.750, 0.027, 0.330),
}


def measure(method: str, images: Arrays, seed: int) -> dict:
    """Build a network in the paper's style, settle it, count."""
    style = style_of(method, "resnet19", **({} if method == "fp" else ENDS))
    with deterministic(seed, None):
        model = NETWORKS["resnet19"](ENTER, CLASSES, T, style)
        settle(model, images, 16, Run())
    found = flows(model, (x for x, _, _ in feed.in_order(images, 16)))
    rows = count(model, found)
    sums, bits = totals(rows), size(model)
    possible = sums["dense_operations"]
    mb, sops, macs, mj = PUBLISHED[method]
    convs = [w for w in rows if w.what == "conv 3x3" and w.reads == "spikes"]
    down = sum(w.dense for w in rows if w.what == "conv 1x1")
    padded = T * sum(w.padded for w in convs)
    energies = {
        name: {
            "mJ": k.energy(sums["macs"], sums["sops"]),
            "of the published operations": k.energy(macs * 1e9, sops * 1e9),
        }
        for name, k in CONSTANTS.items()
    }
    return {
        "method": method,
        "parameters": bits.parameters,
        "size in MB": bits.total_bytes / 1e6,
        "SOPs in G": sums["sops"] / 1e9,
        "MACs in G": sums["macs"] / 1e9,
        "energy in mJ": energies,
        "published": {"size in MB": mb, "SOPs in G": sops, "MACs in G": macs, "energy in mJ": mj},
        "firing rate, mean over neurons": float(
            np.average(
                [float(found[p.name].mean()) for p in model.spiking()],
                weights=[found[p.name].size for p in model.spiking()],
            )
        ),
        "firing rates": {p.name: float(found[p.name].mean()) for p in model.spiking()},
        "share of dense operations that spikes trigger": sums["share_of_dense"],
        "dense operations on spikes in G": possible / 1e9,
        "the same of 3x3 convolutions, borders as full windows": padded / 1e9,
        "firing rate that the published SOPs need": sops * 1e9 / possible,
        "MACs by origin in G": {
            "first layer, once": rows[0].macs / 1e9,
            "first layer, at every timestep": rows[0].every / 1e9,
            "1x1 convolutions, dense, one timestep": down / 1e9,
            "1x1 convolutions, dense, every timestep": T * down / 1e9,
            "values through batch norms (not in the sum)": sums["normed_values"] / 1e9,
            "gates": sums["macs_of_gates"] / 1e9,
            "average pool": sums["macs_of_average_pools"] / 1e9,
            "last layer": rows[-1].every / 1e9,
        },
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer images")
    parser.add_argument("--json", action="store_true", help="print JSON and nothing else")
    parser.add_argument("--seed", type=int, default=0, help="of weights and images (0)")
    options = parser.parse_args()
    samples = 4 if options.quick else 64
    rng = np.random.default_rng(options.seed)
    pixels = rng.integers(0, 256, (samples, *ENTER.shape)).astype(np.uint8)
    images = Arrays(pixels, np.zeros(samples, np.int64))
    rows = [measure(method, images, options.seed) for method in PUBLISHED]
    told = {
        "seed": options.seed,
        "network": f"ResNet-19, 3x32x32, {CLASSES} classes, T = {T}",
        "rates measured on": f"{samples} random images, untrained weights, batch norms settled",
        "methods": rows,
    }
    if options.json:
        print(json.dumps(told, indent=1))
        return
    for key in ("network", "rates measured on", "seed"):
        print(f"{key}: {told[key]}")
    first, second = CONSTANTS
    heads = ("method", "size MB", "SOPs G", "MACs G", f"mJ, {first}", f"mJ, {second}")
    print("\n" + "".join(f"{h:>22}" for h in heads))
    for row in rows:
        a, b = (row["energy in mJ"][k] for k in CONSTANTS)
        ours = (row["size in MB"], row["SOPs in G"], row["MACs in G"], a["mJ"], b["mJ"])
        theirs = row["published"]
        print(f"{row['method']:>22}" + "".join(f"{v:22.4f}" for v in ours))
        mb, sops, macs = (theirs[k] for k in ("size in MB", "SOPs in G", "MACs in G"))
        again = (mb, sops, macs, *(e["of the published operations"] for e in (a, b)))
        print(f"{'published':>22}" + "".join(f"{v:22.4f}" for v in again), end="")
        print(f"   ({theirs['energy in mJ']} mJ stated)")
    for row in rows:
        print(f"\n{row['method']}")
        for key in (
            "firing rate, mean over neurons",
            "share of dense operations that spikes trigger",
            "firing rate that the published SOPs need",
            "dense operations on spikes in G",
            "the same of 3x3 convolutions, borders as full windows",
        ):
            print(f"  {key:56} {row[key]:.4f}")
        for key, value in row["MACs by origin in G"].items():
            print(f"  MACs in G, {key:45} {value:.4f}")


if __name__ == "__main__":
    main()
