"""Lava: the papers' networks on our Processes, every spike and membrane beside the reference's.

    python benchmarks/lava_papers.py [--samples 3] [--only vggsnn]

VGGSNN (2 x 48 x 48, T = 4) and ResNet-19 (3 x 32 x 32, 8-bit pixels at every timestep, T = 2) in
both readings of its skips, with trained-like random parameters, folded, on random inputs; see
``sim/campaign/generate/papers.py``.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

# `import lava` must not find this file's neighbour
sys.path.remove(str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from lava_procs.session import LavaSession
from mapping import Network, fold
from mapping.coding import encode
from sim import run
from sim.campaign.generate.papers import resnet19, vggsnn
from sim.campaign.stimuli import random_inputs
from sim.compare import agreement
from sim.trace import finish

NETWORKS = {
    "vggsnn": lambda: vggsnn(4),
    "resnet19": lambda: resnet19(2),
    "resnet19-stream": lambda: resnet19(2, skips="stream"),
}


def main() -> None:
    """Fold, run, compare and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--samples", type=int, default=3, help="of each network (3)")
    parser.add_argument("--only", help=f"one of {', '.join(NETWORKS)}")
    options = parser.parse_args()
    print("| network | Processes | start, s | run, s | values compared | mismatches |")
    print("| --- | --- | --- | --- | --- | --- |")
    worst = 0
    for name, made in NETWORKS.items():
        if options.only in (None, name):
            network = fold(made())
            assert isinstance(network, Network)
            x = random_inputs(network, options.samples)
            began = time.perf_counter()
            with LavaSession(network, rows=options.samples) as session:
                begun = time.perf_counter()
                spikes, v = session.run(encode(network.input, x, network.timesteps))
                ended = time.perf_counter()
                count = len(session.running.watch.actors) - 1
            same = agreement(run(network, x), finish(network, "lava", spikes, v))
            row = [f"{name}, T = {network.timesteps}", count, f"{begun - began:.1f}",
                   f"{ended - begun:.1f}", f"{same.compared:,}", same.mismatches]  # fmt: skip
            print(f"| {' | '.join(map(str, row))} |", flush=True)
            worst = max(worst, same.mismatches)
    sys.exit(worst > 0)


if __name__ == "__main__":
    main()
