"""Random dense networks through the shipped testbench: half under Icarus, half under Verilator.

    python tests/cocotb_networks.py [--networks 60] [--first 0] [--seed 0] [--samples 4]

Joins, delays, connections back, soft reset, single spikes, refractory steps, latency coding, and
parallelism and blocks as campaigns draw them (half of the time what is emitted unasked). Spikes and
membranes are compared with the reference, then malformed input is sent; one line a network.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter

import numpy as np

from mapping import Network
from sim import run
from sim.campaign import parallelism
from sim.campaign.generate.dense import draw_network
from sim.campaign.stimuli import stimuli, threshold_hits
from sim.compare import agreement
from sim.tools import ProtocolError

SIMULATORS = ("icarus", "verilator")


def features(network: Network, options: dict) -> list[str]:
    """Return what a network and its design have of the harder things."""
    found, before = set(), {"input"}
    for p in network.populations:
        n = p.neuron
        found |= {"join"} if len(p.connections) > 1 else set()
        found |= {"delay"} if any(c.delay for c in p.connections) else set()
        found |= (
            {"connection back"} if any(c.source not in before for c in p.connections) else set()
        )
        found |= {"soft reset"} if p.spiking and n.reset == "subtract" else set()
        found |= {"at most some spikes"} if n.max_spikes is not None else set()
        found |= {"refractory"} if n.refractory else set()
        found |= {"fire by"} if n.fire_by is not None else set()
        before.add(p.name)
    found |= {network.input.coding} if network.input.coding != "steps" else set()
    found |= {"bits"} if network.input.bits > 1 else set()
    block, steps = options.get("block", 1), network.timesteps
    found |= {"B > 1"} if block > 1 else set()
    found |= {"B does not divide T"} if steps % block else set()
    found |= {"TP > 1"} if options.get("parallel", 1) > 1 else set()
    found |= {k for k in ("classes", "stop", "skip_zeros") if options.get(k)}
    found |= set() if options else {"emitted unasked"}
    return sorted(found)


def main(argv: list[str] | None = None) -> int:
    """Run; return 0 if all was right."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--networks", type=int, default=60)
    parser.add_argument("--first", type=int, default=0, help="the networks before it are done")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--samples", type=int, default=4)
    given = parser.parse_args(argv)
    print(f"--seed {given.seed}", flush=True)
    totals = {name: Counter() for name in SIMULATORS}
    wrong = 0
    for number in range(given.first, given.networks):
        simulator, seed = SIMULATORS[number % 2], given.seed * 1_000_003 + number
        network = draw_network(seed, extras=True)
        rng = np.random.default_rng([seed, 5])
        network = parallelism.reading([network], rng)[0]
        options = parallelism.draw(network, rng)
        inputs = stimuli(network, given.samples, seed)
        expected = run(network, inputs)
        began = time.monotonic()
        total, said, compared = totals[simulator], "", 0
        try:
            got = run(network, inputs, "cocotb", simulator=simulator, seed=seed, **options)
        except ProtocolError as error:
            wrong, said = wrong + 1, f"; {error}"
        else:
            same = agreement(expected, got)
            compared = same.compared
            total["mismatches"] += same.mismatches
            if same.mismatches or not same.compared or not got.info["testbench_passed"]:
                wrong, said = wrong + 1, f"; {same.divergence or 'the testbench did not pass'}"
        total["networks"] += 1
        hits = sum(h for h, _ in threshold_hits(network, expected).values())
        total.update({"compared": compared, "hits": hits})
        found = features(network, options)
        total.update(found)
        print(
            f"{number} {simulator}, {time.monotonic() - began:.0f} s, {compared:,} compared, "
            f"{hits} hits: {', '.join(found)}{said}", flush=True,
        )  # fmt: skip
    for simulator, total in totals.items():
        print(f"{simulator}: " + ", ".join(f"{v:,} {k}" for k, v in total.items()))
    print(f"{given.networks} networks, {wrong} wrong")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
