"""What the benchmark of the papers' networks as RTL is made of: parts, calibration, its tables."""

import numpy as np
import pytest

from benchmarks import rtl_papers, rtl_papers_nets
from benchmarks.rtl_parts import PARTS, blocks
from hdl.stores import Store
from sim import run


@pytest.mark.parametrize(
    ("width", "depth", "count", "expected"),
    [(36, 512, 1, 1), (37, 512, 1, 2), (1024, 72, 1, 29), (1024, 2304, 1, 145), (1, 16384, 3, 3),
     (18, 1025, 1, 2), (32, 255, 4, 0)],
)  # fmt: skip
def test_blocks_are_of_the_best_form(width, depth, count, expected) -> None:
    assert blocks(Store("rom", "weights", 0, "ROM", width, depth, count)) == expected


def test_parts_stand_from_small_to_large() -> None:
    assert [p.blocks for p in PARTS] == sorted(p.blocks for p in PARTS)
    found = {p.name: round(p.bits / 1024 / 1000, 1) for p in PARTS}
    assert found["XC7A200T"] == 13.1 and found["ECP5-85F"] == 3.7  # as the data sheets say


@pytest.mark.parametrize("name", ["vggsnn", "resnet19"])
def test_every_population_fires_and_gates_meet_entries(name: str) -> None:
    value = rtl_papers_nets.sketch(name, 16 if name == "vggsnn" else 8, True, "stream", 16)
    x = rtl_papers_nets.stimulus(value, 2, 0)
    network = rtl_papers_nets.calibrated(value, x, 16)
    trace = run(network, x)
    shares = rtl_papers_nets.rates(network, trace)
    assert set(shares) == {p.name for p in network.populations if p.spiking}
    met = rtl_papers_nets.met(network, x, trace)
    assert len(met) == (7 if name == "vggsnn" else 16)
    assert min(met.values()) > 1 and np.mean(list(met.values())) > 2  # two lie beside the middle
    gates = [c.gate for p in network.populations for c in p.connections if c.gate is not None]
    assert {gate.table.shape for gate in gates} == {(network.timesteps, 16)}


def test_a_network_that_is_silent_is_refused() -> None:
    value = rtl_papers_nets.sketch("vggsnn", 16, False, "spikes", 16)
    x = rtl_papers_nets.stimulus(value, 2, 0)
    network = rtl_papers_nets.calibrated(value, x, 16)
    trace = run(network, x)
    trace.spikes["conv3"][...] = False
    with pytest.raises(SystemExit, match="conv3 fires in 0.00% of its updates"):
        rtl_papers_nets.rates(network, trace)


def test_the_plan_is_printed_for_both_blocks(tmp_path, capsys) -> None:
    few = ["--only", "vggsnn", "--size", "16", "--share", "16", "--folder", str(tmp_path)]
    rtl_papers.main(["plan", *few])
    told = capsys.readouterr().out
    assert "plan, B = 4" in told and "plan, B = 1" in told
    assert "gain x Conv of conv1" in told and "ECP5-25F" in told
