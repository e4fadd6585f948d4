"""The benchmarks of training run and print JSON; what they measure is written in docs."""

import json
import subprocess
import sys
from pathlib import Path

import needs
import pytest

pytestmark = [pytest.mark.torch, pytest.mark.slow]
ROOT = Path(__file__).resolve().parent.parent


def quick(name: str, *more: str) -> object:
    """Run a benchmark's quick form."""
    needs.package("torch")
    needs.package("sklearn")
    command = [sys.executable, str(ROOT / "benchmarks" / name), "--quick", "--json", *more]
    done = subprocess.run(command, capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


def test_digits() -> None:
    found = quick("digits.py")
    assert {"fp", "ste", "agmm", "latency"} <= set(found)
    assert all(0.5 < row["trained"] <= 1 for rows in found.values() for row in rows)
    assert all(row["exact"] for row in found["ste"] + found["agmm, table gates"])
    assert found["agmm, table gates"][0]["samples with a spike that differs"] == 0


def test_claims(tmp_path: Path) -> None:
    found = quick("claims.py", "--out", str(tmp_path), "--plot", str(tmp_path / "plot.svg"))
    assert all(len(found["curves"]["flip ratio"][m]) == 3 for m in ("ste", "agmm"))
    assert (tmp_path / "plot.svg").read_text().startswith("<?xml")


def test_mapped() -> None:
    found = quick("mapped.py")["networks"]
    assert [row["mismatches"] for row in found] == [0, 0]


def test_training() -> None:
    if sys.version_info < (3, 11):
        pytest.skip("SpikingJelly needs Python 3.11")
    needs.package("spikingjelly")
    found = quick("training.py")["networks"]
    assert all(row["images a second"]["ours"] > 0 for row in found)
