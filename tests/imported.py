"""The networks of the importers' tests and of what training exports, for a backend to run.

Runs those tests with an eye on every Network and TrainedNetwork that they make; what differs from
those before is kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from mapping import Network, TrainedNetwork
from mapping.files import save
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
                digest = hashlib.sha256((place / "n.safetensors").read_bytes()).hexdigest()
        except Exception:
            return  # made to be refused
        if digest not in self.seen:
            self.seen.add(digest)
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
