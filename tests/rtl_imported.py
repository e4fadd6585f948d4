"""Networks of importers and of training methods, as RTL.

    python tests/rtl_imported.py [--samples 4] [--most 400] [--few N] [TEST ...]

Runs the tests of the importers and of what training exports, with an eye on every network that they
make (tests/imported.py); each is folded, emitted and verified on fast and rtl: every spike and
membrane, with stalls, resets and malformed input. It says how many, by test file, and what was
refused, and why.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from imported import collect, distinct, report

from sim.campaign.stimuli import stimuli
from sim.verify import verify


def main() -> None:
    """Run the tests, then the networks."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--samples", type=int, default=4, help="of each network (4)")
    parser.add_argument("--most", type=int, default=400, help="networks (400)")
    parser.add_argument("--few", type=int, help="of these, evenly spread (all)")
    parser.add_argument("tests", nargs="*", help="words of test files: import_nir (all of them)")
    options = parser.parse_args()
    found, refused = distinct(collect(options.tests, options.most))
    step = 1 if options.few is None else max(1, len(found) // options.few)
    values: Counter[str] = Counter()
    networks: Counter[str] = Counter()
    wrong = 0
    for where, network in found[::step]:
        done = verify(network, stimuli(network, options.samples), ["fast", "rtl"])
        values[where], networks[where] = values[where] + done.compared, networks[where] + 1
        if not done.ok:
            wrong += 1
            print(f"MISMATCH {where}: {done}")
    sys.exit(report(networks, values, f"{wrong} that differ", refused) or wrong > 0)


if __name__ == "__main__":
    main()
