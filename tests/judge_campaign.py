"""A campaign against the judge: ``python tests/judge_campaign.py --networks 2000 [--seed 0]``.

Draws trained networks, folds them, and runs every population beside the exact judge, given equal
inputs: exact ones must do as trained, bounded ones keep their bound. ``--kind corners`` (the
default) draws every combination of options in small networks, also folded to other numbers of
timesteps; ``--kind likely`` those of ``sim.campaign.generate.trained_all_kinds``. Networks that
fold refuses by name are counted by reason. Exit status 1 at any difference, at anything else that
fold raises, and if there was nothing of something to compare: no tie, no class, no population of
some kind.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from judge_network import KIND_COUNTS, judge

from mapping import Network, TrainedNetwork, Unsupported, fold
from mapping.coding import encode
from sim import run
from sim.campaign.generate.corners import draw_corner
from sim.campaign.generate.groups import reason
from sim.campaign.generate.trained_all_kinds import draw_trained_whole
from sim.campaign.stimuli import stimuli, threshold_hits
from sim.compare import agreement

COUNTS = (
    "networks", "exact networks", "populations", "exact", "bounded", "compared",
    "classes", "ties", "hits", *KIND_COUNTS,
)  # fmt: skip
#: What may be 0.
OPTIONAL = {"exact networks"}


def judged(numbers: range, samples: int = 4, kind: str = "likely") -> Counter[str]:
    """Judge networks drawn from these seeds; return counts, refusals by reason among them.

    Raises
    ------
        AssertionError: a difference, or a fold that raises anything but a refusal by name; the
            seed is named.
    """
    total = Counter(dict.fromkeys(COUNTS, 0))
    for number in numbers:
        rng = np.random.default_rng([number, 9])
        try:
            value, network = _folded(number, kind, rng)
            assert isinstance(network, Network), f"fold gave {network!r}"
        except Unsupported as error:
            total[f"refused: {reason(error)}"] += 1
            continue
        except Exception as error:
            raise AssertionError(f"seed {number}: {type(error).__name__}: {error}") from error
        x = stimuli(network, samples, number, rounds=3)
        if kind == "corners" and network.input.coding == "steps" and rng.random() < 0.1:
            x = x[:, : int(rng.integers(1, network.timesteps + 1))]
        trace = run(network, x)
        if number % 10 == 0:  # all of them are what ``spikexact campaign`` compares
            assert not agreement(trace, run(network, x, "fast")).mismatches, f"seed {number}: fast"
        found = judge(value, network, encode(network.input, x, network.timesteps), trace)
        assert not found["wrong"], f"seed {number}: {found['problems']}"
        total["networks"] += 1
        total["exact networks"] += network.exact
        total["populations"] += len(network.populations)
        total["exact"] += found["populations"]
        for what in ("bounded", "compared", "classes", "ties", *KIND_COUNTS):
            total[what] += found[what]
        hits = threshold_hits(network, trace)
        total["hits"] += sum(
            hits[p.name][0] for p in network.populations if p.name in hits and p.certificate.exact
        )
    return total


def _folded(number: int, kind: str, rng: np.random.Generator) -> tuple[TrainedNetwork, Network]:
    """Draw and fold, in the corners also to fewer or more timesteps."""
    if kind == "likely":
        value = draw_trained_whole(number)
        return value, fold(value)
    value = draw_corner(number)
    steps = value.timesteps
    if rng.random() < 0.3:
        least = max(value.readout.step or 0, value.input.t_max or 0) + 1
        steps = int(rng.integers(least, 9))
    return value, fold(value, steps)


def missing(total: dict[str, int]) -> str:
    """Name what a campaign has compared nothing of; nothing if there is no such thing."""
    return ", ".join(what for what in COUNTS if what not in OPTIONAL and not total.get(what))


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--networks", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kind", choices=("corners", "likely"), default="corners")
    options = parser.parse_args()
    total: Counter[str] = Counter()
    began = time.monotonic()
    for start in range(0, options.networks, 50):
        first = options.seed * 1_000_003 + start
        found = judged(range(first, first + min(50, options.networks - start)), 4, options.kind)
        total.update(found)
        print(dict(total), f"{time.monotonic() - began:.0f} s", flush=True)
    if missing(total):
        sys.exit(f"nothing was compared of: {missing(total)}; draw more networks")


if __name__ == "__main__":
    main()
