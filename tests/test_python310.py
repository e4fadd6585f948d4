"""The same code and the same files on the oldest Python that is supported."""

import os
import re
import subprocess
from pathlib import Path

import needs
import numpy as np
import pytest

from mapping import Connection, Dense, Input, Network, Neuron, Population, Readout, load, save

ROOT = Path(__file__).resolve().parent.parent
PYTHON = ROOT / ".venv310/bin/python"

pytestmark = pytest.mark.slow


def run310(*arguments: str | Path) -> subprocess.CompletedProcess:
    """Run Python 3.10 in its own environment, where what is not installed may be missing."""
    if not (PYTHON.parent.parent / "complete").exists():
        needs.missing("there is no .venv310: `make setup310` makes it where a Python 3.10 is found")
    environment = {name: value for name, value in os.environ.items() if name != "CI"}
    return subprocess.run(
        [PYTHON, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True
    )


@pytest.mark.timeout(1800)
def test_tier_without_torch_passes() -> None:
    tier = "not slow and not torch and not lava and not rtl"
    run = run310("-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", tier)
    assert run.returncode == 0, run.stdout[-5000:] + run.stderr[-1000:]
    last = run.stdout.strip().splitlines()[-1]
    passed = re.search(r"(\d+) passed", last)
    assert passed, last
    assert int(passed[1]) > 0
    print(last)


def test_file_written_here_reads_there_and_back(tmp_path: Path, rng: np.random.Generator) -> None:
    def weights(*shape: int) -> Dense:
        return Dense(rng.choice([-1, 1], shape))

    neuron = {"num": 1, "q": 1}
    network = Network(
        timesteps=4,
        input=Input(shape=(64,)),
        populations=(
            Population(
                "hidden",
                (Connection("input", weights(65, 64), gain=8, bias=rng.integers(-9, 9, 65)),),
                Neuron(**neuron, threshold=40),
            ),
            Population(
                "out",
                (Connection("hidden", weights(10, 65), gain=8),),
                Neuron(**neuron, threshold=24),
            ),
        ),
        readout=Readout("out", "count"),
    )
    here, there = tmp_path / "here.safetensors", tmp_path / "there.safetensors"
    save(network, here)
    code = "import sys; from mapping import load, save; save(load(sys.argv[1]), sys.argv[2])"
    run = run310("-c", code, here, there)
    assert run.returncode == 0, run.stderr
    assert load(there) == load(here) == network
