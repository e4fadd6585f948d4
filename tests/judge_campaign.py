"""A campaign against the judge: ``python tests/judge_campaign.py --networks 2000 [--seed 0]``.

Draws trained networks of every kind, folds them, and runs every population that is certified
exact beside the exact judge, given equal inputs. Exit status 1 at any difference.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from judge_network import judge

from mapping import fold
from mapping.coding import encode
from sim import run
from sim.draw_trained import draw_trained_whole
from sim.stimuli import stimuli, threshold_hits


def judged(numbers: range, samples: int = 4) -> dict[str, int]:
    """Judge networks drawn from these seeds; return counts.

    Raises
    ------
        AssertionError: a difference; the seed is named.
    """
    total = dict.fromkeys(("networks", "exact", "populations", "compared", "ties", "hits"), 0)
    for number in numbers:
        value = draw_trained_whole(number)
        network = fold(value)
        x = stimuli(network, samples, number, rounds=3)
        trace = run(network, x)
        found = judge(value, network, encode(network.input, x, network.timesteps), trace)
        assert not found["wrong"], f"seed {number}: {found['problems']}"
        total["networks"] += 1
        total["populations"] += len(network.populations)
        total["exact"] += found["populations"]
        total["compared"] += found["compared"]
        total["ties"] += found["ties"]
        hits = threshold_hits(network, trace)
        total["hits"] += sum(
            hits[p.name][0] for p in network.populations if p.name in hits and p.certificate.exact
        )
    return total


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--networks", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    total: dict[str, int] = {}
    for start in range(0, options.networks, 50):
        first = options.seed * 1_000_003 + start
        found = judged(range(first, first + min(50, options.networks - start)))
        total = {k: total.get(k, 0) + v for k, v in found.items()}
        print(total, flush=True)


if __name__ == "__main__":
    main()
