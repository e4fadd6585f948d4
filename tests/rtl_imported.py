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
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from imported import collect

from mapping import Network, TrainedNetwork, Unsupported, fold
from mapping.files import digest
from sim.campaign.stimuli import stimuli
from sim.verify import verify


def distinct(found: list[tuple[str, Any]]) -> tuple[list[tuple[str, Network]], Counter[str]]:
    """Fold what is not folded; return what differs in the end, and why the rest does not fold."""
    networks: dict[str, tuple[str, Network]] = {}
    refused: Counter[str] = Counter()
    for where, value in found:
        try:
            network = fold(value) if isinstance(value, TrainedNetwork) else value
            network.facts  # noqa: B018  refuses widths
        except Unsupported as error:
            refused[str(error).rpartition(": ")[2][:70]] += 1
            continue
        networks.setdefault(digest(network), (where, network))
    return list(networks.values()), refused


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
    print("| made by | networks | values compared |\n| --- | --- | --- |")
    for where, count in networks.items():
        print(f"| `{where}` | {count} | {values[where]:,} |")
    print(f"{sum(networks.values())} networks, {wrong} that differ; not folded: {dict(refused)}")
    sys.exit(wrong > 0 or not networks)


if __name__ == "__main__":
    main()
