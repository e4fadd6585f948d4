"""The networks of the importers' tests and of what training exports, for a backend to run.

Runs those tests with an eye on every Network and TrainedNetwork that they make; what differs from
those before is kept.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from mapping import Network, TrainedNetwork, Unsupported, fold
from mapping.files import digest, save
from mapping.temporary import folder

ROOT = Path(__file__).resolve().parent.parent
IMPORTED = (
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
            with folder("imported-") as place:
                save(network, place / "n.safetensors")
                key = hashlib.sha256((place / "n.safetensors").read_bytes()).hexdigest()
        except Exception:
            return  # made to be refused
        if key not in self.seen:
            self.seen.add(key)
            self.found.append((self.where, network))


def collect(words: Sequence[str] = (), most: int = 400) -> list[tuple[str, Any]]:
    """Run tests and return what they make, each with the test file that made it.

    Args:
        words: of test files: ``import_nir``; all of ``IMPORTED`` and ``TRAINED`` where there are
            none.
        most: networks that are kept.
    """
    collector = Collector(most)
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
    paths = [
        str(ROOT / "tests" / f"test_{w if w in TRAINED else f'mapping_{w}'}.py")
        for w in words or (*IMPORTED, *TRAINED)
    ]
    try:
        pytest.main(["-q", "-p", "no:cacheprovider", *paths], plugins=[collector])
    finally:
        for kind, made in kinds.items():
            kind.__post_init__ = made
    return collector.found


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


def report(
    networks: Counter[str], values: Counter[str], verdict: str, refused: Counter[str]
) -> bool:
    """Print what was run, by test file; return whether that was nothing.

    Args:
        networks, values: that were compared, by test file. refused: why some do not fold.
    """
    print("| made by | networks | values compared |\n| --- | --- | --- |")
    for where, count in networks.items():
        print(f"| `{where}` | {count} | {values[where]:,} |")
    print(f"{sum(networks.values())} networks, {verdict}; not folded: {dict(refused)}")
    return not networks
