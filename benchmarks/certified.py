"""Certified share: VGGSNN and ResNet-19 with trained-like random parameters, folded.

    python benchmarks/certified.py [--quick] [--json] [--seed 0]

``--quick`` folds small images (the channels are the same). Gated networks are folded as well: a
sigmoid has no exact integer form, and the bound is printed.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

# a file of this folder must not hide a package
sys.path.remove(str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from mapping import Population, TrainedNetwork, fold
from sim.campaign.generate.papers import resnet19, vggsnn


def measure(name: str, value: TrainedNetwork) -> dict:
    """Fold, and count what is exact."""
    began = time.process_time()
    network = fold(value)
    seconds = time.process_time() - began
    everyone = network.populations
    spiking = [p for p in everyone if p.spiking]
    others = [p for p in everyone if not p.certificate.exact]

    def share(populations: Sequence[Population]) -> str:
        return f"{sum(p.certificate.exact for p in populations)} of {len(populations)}"

    return {
        "network": name,
        "T": value.timesteps,
        "fold, seconds of one core": round(seconds, 1),
        "spiking populations exact": share(spiking),
        "all populations exact": share(everyone),
        "widest membrane, bits": max(network.facts[p.name].v.bits for p in spiking),
        "others": [
            f"{p.name}: {p.certificate.reason} (bound {p.certificate.bound})" for p in others
        ],
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small images, T = 2 only")
    parser.add_argument("--json", action="store_true", help="print JSON and nothing else")
    parser.add_argument("--seed", type=int, default=0, help="of the parameters (0)")
    options = parser.parse_args()
    sizes = (16, 8) if options.quick else (48, 32)
    rows = []
    for steps in (2,) if options.quick else (2, 4):
        made = {
            "VGGSNN": lambda t: vggsnn(t, options.seed, sizes[0]),
            "ResNet-19, spike skips": lambda t: resnet19(t, options.seed, sizes[1]),
            "ResNet-19, stream": lambda t: resnet19(t, options.seed, sizes[1], skips="stream"),
            "VGGSNN, gated": lambda t: vggsnn(t, options.seed, sizes[0], gates=True),
        }
        for name, build in made.items():
            rows.append(measure(name, build(steps)))
            if not options.json:
                print()
                for key, value in rows[-1].items():
                    shown = value if not isinstance(value, list) else "; ".join(value)[:300]
                    print(f"  {key:30} {shown}", flush=True)
    if options.json:
        print(json.dumps({"seed": options.seed, "networks": rows}, indent=1))


if __name__ == "__main__":
    main()
