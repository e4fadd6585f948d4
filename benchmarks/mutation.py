"""Mutants of networks' Verilog: killed by what verify compares, proved, argued, or open.

    python benchmarks/mutation.py [--mutants 150] [--seed 0] [--jobs 2] [--journals FOLDER]

A mutant of what a network never does is equal, and says nothing of ``verify``. So the networks
were chosen by what they do, before any mutant was drawn (``unmet`` checks it at every start):

- in each population 20 to 80 % of the updates fire, of each neuron 10 to 90 %
- each population has 20 membranes on its threshold, and 20 on the last value below it; those of
  each neuron are negative and positive
- every connection has several words, the last one partly empty (but one from four neurons), every
  population several tiles, and one of the two a last tile that is partly empty
- ``blocks``: B = 4 of T = 6 timesteps, two summed at once, so that the first block is short; two
  chunks a block; an output block of several beats; a join, a delay, gains and numbers that differ
  from neuron to neuron, refractory steps, a soft reset, two lanes, membranes in registers
- ``steps``: B = 1; two bits an input; a delay of the input; a join of three, one of them back;
  counted spikes, firing by a timestep, a soft reset, numbers that are constants; two lanes;
  membranes in memories

Five more are of maps (``mutation_maps``): windows, weights of four bits, pools, a join, a gate. Of
them a neuron is a channel, of which 5 to 95 % fire, and words and tiles are as the maps have them;
where weights or pools are wide, a population need have but 4 membranes on its threshold.

Their seeds are the first that meet this. Each is run as ``spikexact mutate`` runs a file.
``--quick`` draws few mutants of the first. Arguments: mutation_arguments.json.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

# a file of this folder must not hide a package
if str(Path(__file__).resolve().parent) in sys.path:
    sys.path.remove(str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.mutation_maps import MAPS
from mapping import Connection, Dense, Input, Network, Neuron, Population, Readout
from sim import run
from sim.campaign.stimuli import stimuli, threshold_hits
from sim.mutation import mutate
from spikexact.commands.mutate import table

#: Why mutants are equal that Yosys does not prove.
ARGUMENTS = Path(__file__).resolve().with_name("mutation_arguments.json")
#: Seeds of the networks: the first that ``unmet`` has nothing against.
SEEDS = {
    "blocks": 110, "steps": 0, "window": 512, "wide": 58, "pool": 77, "join": 13, "gate": 169
}  # fmt: skip
#: Shares of updates that fire, of a population and of a neuron; hits of a threshold.
POPULATION, NEURON, CHANNEL, HITS = (0.2, 0.8), (0.1, 0.9), (0.05, 0.95), 20


def edge(rng: np.random.Generator, source: str, size: int, fan: int, **more: object) -> Connection:
    """Return a connection of random signs and biases."""
    low, high = more.pop("biases", (-2, 3))
    signs = rng.choice([-1, 1], (size, fan))
    return Connection(source, Dense(signs), bias=rng.integers(low, high, size), **more)


def blocks(seed: int) -> tuple[Network, dict]:
    """Return a network of blocks of timesteps, and the options of its design."""
    rng = np.random.default_rng(seed)
    a = Population(
        "a", (edge(rng, "input", 6, 7, gain=2, biases=(0, 4)),),
        Neuron(3, 2, rng.integers(2, 7, 6), v_reset=rng.integers(-2, 2, 6), refractory=1),
    )  # fmt: skip
    b = Population(
        "b", (edge(rng, "a", 4, 6, gain=rng.integers(1, 4, 4), delay=1),
              edge(rng, "input", 4, 7, gain=1)),
        Neuron(1, 1, rng.integers(1, 5, 4), reset="subtract", rho=rng.integers(1, 5, 4)),
    )  # fmt: skip
    options = {"block": 4, "parallel": 2, "pe": [4, 2], "simd": 3, "lanes": [2, 1]}
    return Network(Input((7,)), (a, b), Readout("b"), 6), options


def steps(seed: int) -> tuple[Network, dict]:
    """Return a network of single timesteps, and the options of its design."""
    rng = np.random.default_rng(seed)
    a = Population(
        "a", (edge(rng, "input", 5, 5, gain=1, biases=(-1, 4)),),
        Neuron(1, 0, rng.integers(3, 10, 5), v_reset=-1, max_spikes=3, fire_by=4),
    )  # fmt: skip
    b = Population(
        "b",
        (edge(rng, "a", 4, 5, gain=2, biases=(0, 3)), edge(rng, "input", 4, 5, gain=1, delay=2),
         edge(rng, "b", 4, 4, gain=1, delay=1)),
        Neuron(1, 1, 3, reset="subtract", rho=3, v_init=1),
    )  # fmt: skip
    options = {"pe": [3, 2], "simd": 2, "lanes": [1, 2]}
    return Network(Input((5,), bits=2), (a, b), Readout("b"), 6), options


def networks() -> dict[str, tuple[Network, dict]]:
    """Return the networks by name, with the options of their designs."""
    made = {"blocks": blocks, "steps": steps, **MAPS}
    return {name: make(SEEDS[name]) for name, make in made.items()}


def channels(values: np.ndarray) -> np.ndarray:
    """Return values of (samples, T, channels, ..) as (values, channels)."""
    return np.moveaxis(values, 2, -1).reshape(-1, values.shape[2])


def unmet(network: Network, options: dict, inputs: np.ndarray) -> list[str]:
    """Return what a network does not do, of what is asked of both."""
    from hdl.cores.lane_shape import LaneShape
    from hdl.plan import plan

    least, most = NEURON if len(network.input.shape) == 1 else CHANNEL
    few = HITS if all(c.op.bits == 1 for p in network.populations for c in p.connections) else 4
    missing = []

    def ask(holds: object, what: str) -> None:
        if not holds:
            missing.append(what)

    trace = run(network, inputs)
    hits = threshold_hits(network, trace)
    for p in plan(network, **options).populations:
        v = channels(trace.v[p.name])
        ask((v < 0).any(0).all() and (v > 0).any(0).all(), f"signs of v in {p.name}")
        ask(p.tiles > 1, f"{p.name} is one tile")
        for c in p.connections:
            lanewise = isinstance(c.shape, LaneShape)
            ask(lanewise or c.shape.words > 1, f"a connection of {p.name} is one word")
            ask(c.sweep or lanewise or c.shape.unused or c.shape.fan_in == 4, f"{p.name} is even")
        if p.spiking:
            each = channels(trace.spikes[p.name]).mean(0)
            ask(POPULATION[0] <= each.mean() <= POPULATION[1], f"{p.name} fires {each.mean():.0%}")
            ask(
                NEURON[0] <= each.min() and each.max() <= NEURON[1], f"a neuron of {p.name}: {each}"
            )
            ask(min(hits[p.name]) >= few, f"{p.name} hits and just misses: {hits[p.name]}")
    return missing


def main() -> None:
    """Print a table a network."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mutants", type=int, default=150, help="of each network")
    parser.add_argument("--samples", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--journals", type=Path)
    parser.add_argument("--networks", nargs="+", choices=list(SEEDS), default=list(SEEDS))
    parser.add_argument("--quick", action="store_true", help="20 mutants of the first network")
    given = parser.parse_args()
    if given.quick:
        given.networks, given.mutants = ["blocks"], 20
    for name in given.networks:
        network, options = networks()[name]
        inputs = stimuli(network, given.samples, given.seed)
        if missing := unmet(network, options, inputs):
            print(f"{name} is not what it should be: {'; '.join(missing)}")
        journal = given.journals and given.journals / f"{name}.jsonl"
        found = mutate(
            network, inputs, given.mutants, given.seed, options, journal, given.jobs, ARGUMENTS
        )
        print(f"{name}: {found['seconds']} s, {found['share_killed']:.2%} killed of the unequal")
        for row in table(found):
            print(f"  {row['verdict']:8} {row['by']:24} {row['mutants']}")
        for mutant in found["list"]:
            if mutant["verdict"] in ("argued", "open"):
                print(
                    f"  {mutant['verdict']}: {mutant['mode']} of {mutant['port']}"
                    f"[{mutant['bit']}] in {mutant['module']}, {mutant['place']}"
                    + (f": {mutant['why']}" if mutant["why"] else "")
                )


if __name__ == "__main__":
    main()
