"""Networks of importers and of training methods, on Lava.

    python tests/lava_imported.py [--samples 3] [--most 400] [TEST ...]

Runs the tests of the importers and of what training exports, with an eye on every network that they
make (tests/imported.py); each is folded and runs on our Processes, and every spike and membrane is
compared with the reference. It says how many, by test file.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from imported import collect, distinct, report

from sim import run
from sim.campaign.stimuli import random_inputs
from sim.compare import agreement


def main() -> None:
    """Run the tests, then the networks."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--samples", type=int, default=3, help="of each network (3)")
    parser.add_argument("--most", type=int, default=400, help="networks (400)")
    parser.add_argument("tests", nargs="*", help="words of test files: import_nir (all of them)")
    options = parser.parse_args()
    found, refused = distinct(collect(options.tests, options.most))
    values: Counter[str] = Counter()
    networks: Counter[str] = Counter()
    wrong = 0
    for where, network in found:
        x = random_inputs(network, options.samples)
        same = agreement(run(network, x), run(network, x, "lava"))
        values[where], networks[where] = values[where] + same.compared, networks[where] + 1
        wrong += same.mismatches
        if same.divergence is not None:
            print(f"MISMATCH {where}: {same.divergence}")
    sys.exit(report(networks, values, f"{wrong} mismatches", refused) or wrong > 0)


if __name__ == "__main__":
    main()
