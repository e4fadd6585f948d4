"""Placements on Loihi: rules kept, cores beside nengo-loihi's, ways beside row-major order, size.

``python benchmarks/loihi.py random [--networks 500]``   random networks of every kind, both chips
``python benchmarks/loihi.py papers``                    VGGSNN, ResNet-19, ResNet-18, 784-128-10
``python benchmarks/loihi.py split``                     their splits alone, by distinct thresholds
``python benchmarks/loihi.py stack [--neurons 1000000]`` a stack of 3x3 convolutions: time, memory
"""

from __future__ import annotations

import argparse
import json
import re
import resource
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from nengo_split import cores as nengo_cores

import mapping
import sim
from mapping import (
    Connection,
    Conv,
    Dense,
    Input,
    Network,
    Neuron,
    Population,
    Readout,
    Unsupported,
)
from mapping.loihi import check, place
from mapping.loihi.chips import LOIHI1, Limit
from mapping.loihi.document import populations
from mapping.loihi.events import mean_spikes, outputs_of
from mapping.loihi.mesh import row_by_row
from mapping.loihi.partition import cores
from sim.campaign.generate.all_kinds import draw_whole
from sim.campaign.generate.papers import resnet19, vggsnn

CHIPS = ("loihi1", "loihi2")
#: Small networks fill no core: of a core as small as these limits they need many.
SMALL = {"compartments": 12, "synapse_bits": 8192, "axons_in": 48, "axons_out": 96, "thresholds": 2,
         "configurations": 1, "formats": 3, "base_reach": 8, "atoms": 3}  # fmt: skip


def main() -> None:
    """Print a line of JSON for everything that was measured."""
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("random", "papers", "split", "stack"))
    parser.add_argument("--networks", type=int, default=500)
    parser.add_argument("--neurons", type=int, default=1_000_000)
    parser.add_argument("--only", default="", help="of the papers: 784-128-10, vggsnn, ..")
    parser.add_argument("--chip", choices=CHIPS, help="of the papers (both)")
    options = parser.parse_args()
    if options.what == "random":
        print(json.dumps(drawn(options.networks)))
    elif options.what == "stack":
        print(json.dumps(stacked(options.neurons)))
    elif options.what == "split":
        for name, network, _ in nets(options.only):
            for row in splits(network):
                print(json.dumps({"network": name, **row}), flush=True)
    else:
        for name, network, inputs in nets(options.only):
            trace = sim.run(network, inputs, "fast")
            spikes = mean_spikes(outputs_of(network, inputs, trace))
            for chip in CHIPS if options.chip is None else (options.chip,):
                print(json.dumps({"network": name, **paper(network, spikes, chip)}), flush=True)


def drawn(networks: int) -> dict[str, object]:
    """Place random networks of every kind, with random spikes; count what the checker finds."""
    placed = broken = filled = 0
    refused: dict[str, int] = {}
    for seed in range(networks):
        network = draw_whole(seed)
        rng = np.random.default_rng(seed)
        spikes = {
            p.name: rng.random((network.timesteps, *network.shapes[p.name]))
            for p in network.populations
        }
        small = replace(LOIHI1, **{k: Limit(n, "of this benchmark") for k, n in SMALL.items()})
        for chip in (*CHIPS, small):
            try:
                found = place(network, chip, spikes, seed)
            except Unsupported as error:
                said = re.search(r"needs \d+ (\w+)", str(error))
                limit = said[1] if said else str(error)
                refused[limit] = refused.get(limit, 0) + 1
                continue
            placed += 1
            filled += len(found.cores)
            broken += len(check(network, found))
    return {"networks": networks, "placements": placed, "cores": filled, "rules_broken": broken,
            "refused": refused}  # fmt: skip


def paper(network: Network, spikes: dict[str, np.ndarray], chip: str) -> dict[str, object]:
    """Place a network of the papers by its own spikes."""
    start = time.perf_counter()
    found = place(network, chip, spikes)
    seconds = time.perf_counter() - start
    by_chip = place(network, chip, spikes, order="row_major")
    rows = row_by_row(len(found.cores), found.chip, found.chips)
    by_mesh = replace(by_chip, places=rows)
    theirs = nengo_cores(network)
    layers = [
        {
            "into": row["population"],
            "packets": round(row["packets"]),
            **{
                name: round(row["spike_hops"] / other["spike_hops"], 3)
                if other["spike_hops"]
                else None
                for name, other in (("by_chip", a), ("by_mesh", b))
            },
        }
        for row, a, b in zip(found.layers(), by_chip.layers(), by_mesh.layers(), strict=True)
    ]
    return {
        "chip": chip,
        "cores": len(found.cores),
        "chips": len(np.unique(found.chip_of)),
        "seconds": round(seconds, 1),
        "rules_broken": len(check(network, found)),
        "spike_hops_to_row_major": [
            round(found.spike_hops / other.spike_hops, 3) if other.spike_hops else None
            for other in (by_chip, by_mesh)
        ],
        "layers": layers,
        "populations": [
            {
                "population": row["population"],
                "cores": row["cores"],
                "nengo_loihi": theirs[row["population"]],
                "binds": row["binds"],
            }
            for row in populations(network, found)
        ],
    }


def splits(network: Network) -> Iterator[dict[str, object]]:
    """Split a network on Loihi 1 as it is, and with more distinct thresholds to a core or any."""
    theirs = nengo_cores(network)
    for most in (LOIHI1.thresholds.value, 16, None):
        found = cores(network, replace(LOIHI1, thresholds=Limit(most, "of this benchmark")))
        ours = Counter(name for core in found for name in {t.population for t in core.tiles})
        yield {
            "thresholds": most,
            "cores": len(found),
            "nengo_loihi": sum(theirs.values()),
            "layers_with_more": {n: [k, theirs[n]] for n, k in ours.items() if k > theirs[n]},
        }


def nets(only: str) -> Iterator[tuple[str, Network, np.ndarray]]:
    """Yield the papers' networks, folded, with two samples each, whichever others are asked for."""
    if only in ("", "784-128-10"):
        rng = np.random.default_rng(1)
        yield "784-128-10", mlp(), (rng.random((2, 8, 784)) < 0.15).astype(np.uint8)
    if only in ("", "vggsnn"):
        rng = np.random.default_rng(1)
        events = (rng.random((2, 4, 2, 48, 48)) < 0.3).astype(np.uint8)
        yield "vggsnn", mapping.fold(vggsnn(4)), events
    if only in ("", "resnet19"):
        rng = np.random.default_rng(1)
        pictures = rng.integers(0, 256, (2, 3, 32, 32)).astype(np.uint8)
        yield "resnet19", mapping.fold(resnet19(2)), pictures
    if only in ("", "resnet18"):
        rng = np.random.default_rng(1)
        import torch

        sys.path.remove(str(Path(__file__).resolve().parent))  # training.py is a neighbour
        from training.export import export
        from training.networks.resnet import resnet18

        torch.manual_seed(0)
        enter = Input((3, 64, 64), 8, "direct", 1 / 255)
        model, shape = resnet18(enter, 100, 2).train(), (3, 64, 64)
        with torch.no_grad():  # untrained, it is silent but for statistics of what flows
            for _ in range(30):
                model(torch.from_numpy(rng.integers(0, 256, (4, *shape)).astype(np.uint8)))
        network = mapping.fold(export(model))
        yield "resnet18", network, rng.integers(0, 256, (2, *shape)).astype(np.uint8)


def mlp() -> Network:
    """Return 784-128-10 with thresholds of all kinds."""
    rng = np.random.default_rng(0)
    signs = [rng.choice(np.array([-1, 1], np.int8), s) for s in ((128, 784), (10, 128))]
    thresholds = [rng.integers(1, 30, 128), rng.integers(1, 12, 10)]
    hidden = Population(
        "hidden", (Connection("input", Dense(signs[0])),), Neuron(threshold=thresholds[0])
    )
    out = Population(
        "out", (Connection("hidden", Dense(signs[1])),), Neuron(threshold=thresholds[1])
    )
    return Network(Input((784,)), (hidden, out), Readout("out"), 8)


def stacked(neurons: int) -> dict[str, object]:
    """Place a stack of 3x3 convolutions of 64 x 64 maps of 16 channels, on Loihi 1."""
    rng = np.random.default_rng(0)
    each = 16 * 64 * 64
    depth = -(-neurons // each)
    populations, source, fan = [], "input", 1
    for k in range(depth):
        op = Conv(rng.choice(np.array([-1, 1], np.int8), (16, fan, 3, 3)), padding=1)
        neuron = Neuron(threshold=4)
        populations.append(Population(f"conv{k}", (Connection(source, op),), neuron))
        source, fan = f"conv{k}", 16
    network = Network(Input((1, 64, 64)), tuple(populations), Readout(source), 4)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    found = place(network, "loihi1")
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "neurons": depth * each,
        "cores": len(found.cores),
        "seconds": round(seconds, 1),
        "mib_before": before >> 10,
        "mib_peak": peak >> 10,
        "mib_per_million_neurons": round((peak - before) / 1024 / (depth * each / 1e6), 1),
    }


if __name__ == "__main__":
    main()
