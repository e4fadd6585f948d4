"""The Lava benchmark runs, compares before it times, and prints JSON and nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import needs
import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.slow
@pytest.mark.lava
def test_quick_benchmark(tmp_path: Path) -> None:
    needs.package("lava")
    done = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / "lava.py"), "--quick", "--json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")
    networks = json.loads(done.stdout)["networks"]
    assert [n["network"] for n in networks] == ["64-128-10", "784-512-10"]
    # Of the last population: 16 samples of ours and of Lava's own, and 2 one at a time.
    assert [n["spikes compared"] for n in networks] == [(16 + 16 + 2) * 8 * 10] * 2
    assert all(n["ours is faster by"] > 0 for n in networks)
