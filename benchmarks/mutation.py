"""Mutants of two networks' Verilog: killed by what verify compares, proved, argued, or open.

    python benchmarks/mutation.py [--mutants 150] [--seed 0] [--jobs 2] [--journals FOLDER]

The first network is a chain of leaky populations; the second has a join, delays, a connection back,
an input of two bits and a soft reset. Each is run as ``spikexact mutate`` runs a file. ``--quick``
draws few mutants of the first. Arguments: mutation_arguments.json.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

# a file of this folder must not hide a package
sys.path.remove(str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from mapping import Connection, Dense, Input, Network, Neuron, Population, Readout
from sim.campaign.stimuli import stimuli
from sim.mutation import mutate
from spikexact.commands.mutate import table

#: Why mutants of these two are equal that Yosys does not prove.
ARGUMENTS = Path(__file__).resolve().with_name("mutation_arguments.json")


def networks() -> dict[str, tuple[Network, dict]]:
    """Return the networks by name, with the options of their designs."""
    rng = np.random.default_rng(0)

    def edge(source: str, size: int, fan: int, delay: int = 0) -> Connection:
        signs = rng.choice([-1, 1], (size, fan))
        bias = rng.integers(-2, 3, size)
        return Connection(source, Dense(signs), gain=4, bias=bias, delay=delay)

    def leaky(size: int, **more: object) -> Neuron:
        return Neuron(1, 1, threshold=rng.integers(1, 9, size), **more)

    chain = (
        Population("a", (edge("input", 4, 6),), leaky(4)),
        Population("b", (edge("a", 3, 4),), leaky(3)),
    )
    joined = (
        Population("a", (edge("input", 6, 9),), leaky(6)),
        Population(
            "b",
            (edge("a", 5, 6), edge("input", 5, 9, 2), edge("b", 5, 5, 1)),
            leaky(5, reset="subtract", rho=3),
        ),
    )
    return {
        "chain": (Network(Input((6,)), chain, Readout("b"), 4), {"pe": 2, "simd": 3}),
        "joined": (Network(Input((9,), bits=2), joined, Readout("b"), 6), {"pe": 3, "simd": 4}),
    }


def main() -> None:
    """Print a table a network."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mutants", type=int, default=150, help="of each network")
    parser.add_argument("--samples", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--journals", type=Path)
    parser.add_argument("--quick", action="store_true", help="20 mutants of the first network")
    given = parser.parse_args()
    tried = networks()
    if given.quick:
        tried, given.mutants = {"chain": tried["chain"]}, 20
    for name, (network, options) in tried.items():
        journal = given.journals and given.journals / f"{name}.jsonl"
        found = mutate(
            network, stimuli(network, given.samples, given.seed), given.mutants, given.seed,
            options, journal, given.jobs, ARGUMENTS,
        )  # fmt: skip
        print(f"{name}: {found['seconds']} s, {found['share_killed']:.2%} killed of the unequal")
        for row in table(found):
            print(f"  {row['verdict']:8} {row['by']:24} {row['mutants']}")
        for mutant in found["list"]:
            if mutant["verdict"] in ("argued", "open"):
                print(
                    f"  {mutant['verdict']}: {mutant['mode']} of {mutant['port']}"
                    f"[{mutant['bit']}] in {mutant['module']}, {mutant['place']}"
                )


if __name__ == "__main__":
    main()
