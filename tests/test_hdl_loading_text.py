"""The Verilog of loadable designs: as readable as any other; memories begin with their contents."""

from __future__ import annotations

import functools
import os
import re
import subprocess
import sys
from pathlib import Path

import linted
import numpy as np
import pytest

from hdl.contents import memories
from hdl.text.names import KEYWORDS
from hdl.verilog import Emitted, emit
from mapping import Connection, Dense, Input, Network, Neuron, Population, Readout
from sim.campaign.generate.dense import draw_network

ROOT = Path(__file__).resolve().parent.parent
SEEDS = (1, 3, 5, 7, 12)


@functools.cache
def emitted(seed: int) -> Emitted:
    return emit(draw_network(seed, extras=True), loadable=True)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_net_has_a_name_that_can_be_read(seed: int) -> None:
    text = "\n".join(line.partition("//")[0] for line in emitted(seed).verilog.splitlines())
    assert "\\" not in text
    dollars = set(re.findall(r"\$\w+", text))
    assert dollars <= {"$signed", "$readmemh"}
    declared = re.findall(r"^  (?:wire|reg) (?:\[\d+:0\] )?(\w+)", text, re.M)
    assert declared and not KEYWORDS & set(declared)
    loader = re.search(r"^module network_loader\((.*?)\);", text, re.M | re.S)[1]
    assert not re.search(r"(port|net)_\d+", loader), loader
    assert re.search(r"weights_\w+_data_0|parameters_\w+_data_0|rows_0", loader), loader
    assert not re.findall(r"^    (n\d+) <= ", text, re.M)


def large() -> Network:
    """Return a network whose last word of a row of weights has one bit."""
    rng = np.random.default_rng(1)
    signs = rng.choice([-1, 1], (256, 297))
    edge = Connection("input", Dense(signs), gain=2, bias=rng.integers(-3, 3, 256))
    neuron = Neuron(1, 1, threshold=rng.integers(1, 9, 256))
    return Network(Input((297,)), (Population("p0", (edge,), neuron),), Readout("p0"), 3)


def test_large_memories_stand_in_files_by_words() -> None:
    made = emit(large(), pe=11, simd=27, loadable=True)
    rows = memories(made.plan, made.plan.network)
    width = made.plan.populations[0].connections[0].rom[0]
    assert width == 297 and len(rows["weights_0"]) * width > 1 << 16
    names = [f"weights_0_{k}" for k in range(10)]
    assert list(made.files) == [f"{name}.hex" for name in names]
    words = [[int(x, 16) for x in made.files[f"{n}.hex"].split()] for n in names]
    for row, parts in zip(rows["weights_0"], zip(*words, strict=True), strict=True):
        assert row == sum(part << 32 * k for k, part in enumerate(parts))
    for name in names:
        assert made.verilog.count(f'$readmemh("{name}.hex", {name});') == 1
    assert '(* ram_style = "block" *)\n  reg [31:0] weights_0_0 ' in made.verilog
    filled = set(re.findall(r"^    (\w+)\[\d+\] = ", made.verilog, re.M))
    assert filled and all(name.startswith("parameters_0_") for name in filled)
    assert "(* loaded" not in made.verilog


PRINTED = """
import hashlib
from hdl.verilog import emit
from sim.campaign.generate.dense import draw_network
made = emit(draw_network(7, extras=True), loadable=True)
print(hashlib.sha256(made.verilog.encode()).hexdigest())
"""


def test_the_text_is_the_same_in_every_process_and_python() -> None:
    pythons = [sys.executable, *(p for p in [ROOT / ".venv310/bin/python"] if p.exists())]
    found = set()
    for seed, python in enumerate(pythons):
        environment = {**os.environ, "PYTHONHASHSEED": str(seed), "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [python, "-c", PRINTED], env=environment, capture_output=True, text=True, check=True
        )
        found.add(done.stdout.strip())
    assert len(found) == 1


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_verilator_has_no_warning(seed: int, tmp_path: Path) -> None:
    emitted(seed).write(tmp_path)
    assert not linted.warnings(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_yosys_sees_no_latch_and_no_undriven_net(seed: int, tmp_path: Path) -> None:
    emitted(seed).write(tmp_path)
    assert not linted.nets(tmp_path)
