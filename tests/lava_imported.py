"""Networks of importers and of training methods, on Lava.

    python tests/lava_imported.py [--samples 3] [--most 400] [TEST ...]

Runs the tests of the importers and of what training exports, with an eye on every Network and
TrainedNetwork that they make; each one that differs from those before is folded and runs on our
Processes, and every spike and membrane is compared with the reference. It says how many, by test
file.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from mapping import Network, TrainedNetwork, Unsupported, fold
from mapping.files import save
from mapping.temporary import folder
from sim import run
from sim.campaign.stimuli import random_inputs
from sim.compare import agreement

ROOT = Path(__file__).resolve().parent.parent
TESTS = (
    *("import_nir", "import_norse", "import_sinabs", "import_snntorch", "import_spikingjelly"),
    *("import_torch", "import_arrays", "import_calls"),
)
TRAINED = ("training_methods", "training_frameworks", "spikexact_train")


class Collector:
    """A plugin of pytest that keeps every network that is made, by the test file that made it."""

    def __init__(self, most: int) -> None:
        self.most, self.where, self.seen = most, "", set()
        self.found: list[tuple[str, Network | TrainedNetwork]] = []

    def pytest_runtest_setup(self, item: Any) -> None:
        """Remember whose turn it is."""
        self.where = item.path.stem

    def keep(self, network: Network | TrainedNetwork) -> None:
        """Keep one that differs from all before."""
        if len(self.found) >= self.most or not self.where:
            return
        try:
            with folder("lava-imported-") as place:
                save(network, place / "n.safetensors")
                digest = hashlib.sha256((place / "n.safetensors").read_bytes()).hexdigest()
        except Exception:
            return  # made to be refused
        if digest not in self.seen:
            self.seen.add(digest)
            self.found.append((self.where, network))


def main() -> None:
    """Run the tests, then the networks."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--samples", type=int, default=3, help="of each network (3)")
    parser.add_argument("--most", type=int, default=400, help="networks (400)")
    parser.add_argument("tests", nargs="*", help="words of test files: import_nir (all of them)")
    options = parser.parse_args()
    collector = Collector(options.most)
    kinds = {Network: Network.__post_init__, TrainedNetwork: TrainedNetwork.__post_init__}
    depth = 0

    def watched(self: Network | TrainedNetwork) -> None:
        nonlocal depth
        kinds[type(self)](self)
        if not depth:
            depth += 1  # what saving makes is not ours
            collector.keep(self)
            depth -= 1

    for kind in kinds:
        kind.__post_init__ = watched
    words = options.tests or (*TESTS, *TRAINED)
    paths = [
        str(ROOT / "tests" / f"test_{w if w in TRAINED else f'mapping_{w}'}.py") for w in words
    ]
    pytest.main(["-q", "-p", "no:cacheprovider", *paths], plugins=[collector])
    for kind, made in kinds.items():
        kind.__post_init__ = made
    values: Counter[str] = Counter()
    networks: Counter[str] = Counter()
    wrong = 0
    passed: Counter[str] = Counter()
    for where, value in collector.found:
        try:
            network = fold(value) if isinstance(value, TrainedNetwork) else value
            network.facts  # noqa: B018  refuses widths
        except Unsupported as error:
            passed[str(error).rpartition(": ")[2][:70]] += 1
            continue
        x = random_inputs(network, options.samples)
        same = agreement(run(network, x), run(network, x, "lava"))
        values[where], networks[where] = values[where] + same.compared, networks[where] + 1
        wrong += same.mismatches
        if same.divergence is not None:
            print(f"MISMATCH {where}: {same.divergence}")
    print("| made by | networks | values compared |\n| --- | --- | --- |")
    for where, count in networks.items():
        print(f"| `{where}` | {count} | {values[where]:,} |")
    print(f"{sum(networks.values())} networks, {wrong} mismatches; not folded: {dict(passed)}")
    sys.exit(wrong > 0 or not networks)


if __name__ == "__main__":
    main()
