"""The shipped testbench writes a network into a loadable design, and refuses corrupted ones."""

from __future__ import annotations

import shutil
from pathlib import Path

import needs
import numpy as np
import pytest
from bench import alone, alter

from mapping import Network
from sim import compare, run
from sim.campaign.generate.dense import draw_like, draw_network
from sim.campaign.stimuli import stimuli
from sim.vectors import write_bundle

pytestmark = pytest.mark.rtl


def pair(seed: int) -> list[Network]:
    first = draw_network(seed, extras=True)
    return [first, draw_like(first, seed + 50)]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("loadable") / "rtl"
    networks = pair(3)
    write_bundle(networks[0], folder, samples=3, others=networks, loadable=True)
    return folder


def test_it_loads_before_it_plays_and_sees_corrupted_words(bundle: Path) -> None:
    needs.tool("iverilog")
    done = alone(bundle, "--sim", "icarus", "--seed", "5")
    assert done.returncode == 0, done.stdout[-3000:]
    assert "TESTS=4 PASS=4 FAIL=0" in done.stdout and "words of seed 5" in done.stdout
    refused = done.stdout.partition("refused: ")[2].partition("\n")[0].split(", ")
    assert len(refused) == 12 and {"bit", "dropped", "doubled", "crc"} >= set(refused)


@pytest.mark.parametrize("simulator", ["icarus", "verilator"])
def test_another_network_is_loaded_into_a_design_that_is_there(bundle, simulator) -> None:
    if simulator == "icarus":
        needs.tool("iverilog")
    else:
        needs.package("verilator")
    for network in reversed(pair(3)):
        x = stimuli(network, 3, 1, 1)
        trace = run(network, x, "cocotb", rtl=bundle, simulator=simulator)
        result = compare(run(network, x), trace)
        assert result.compared and trace.info["testbench_passed"] is True


#: What is broken in the Verilog, and what the testbench says.
FAULTS = {
    "a load is good whatever its CRC": (
        ("loader", r"(n\d+) = w__payload\[31:0\] == crc;", r"\1 = 1'h1;"),
        "loaded", "the CRC of what was read back is",
    ),
    "samples are taken though the network is not good": (
        ("network", r"(n\d+) = w_good & (n\d+);", r"\1 = \2;"),
        "loaded", "a sample is taken, though the network|the input is ready while a network is",
    ),
    "a word of a row is never written": (
        ("parameters_0", r"if \(write\[0\]\)", "if (1'h0)"),
        "loaded", "bit: the CRC does not see it",
    ),
    "the input stays open while words come": (
        ("network", r"(n\d+) = ~ loader_hold;", r"\1 = 1'h1;"),
        "loaded", "the input is ready while a network is written, word 0",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", list(FAULTS))
def test_a_broken_loader_is_seen(bundle: Path, tmp_path: Path, name: str) -> None:
    needs.tool("iverilog")
    (module, pattern, new), test, said = FAULTS[name]
    shutil.copytree(bundle, tmp_path / "rtl", ignore=shutil.ignore_patterns("sim_build"))
    alter(tmp_path / "rtl", module, pattern, new)
    done = alone(tmp_path / "rtl", "--sim", "icarus", "--test", test)
    assert done.returncode == 1, done.stdout[-3000:]
    assert np.any([s in done.stdout for s in said.split("|")]), done.stdout[-3000:]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: text.replace("\nend\n", "\n"), "image.hex is cut short"),
        (lambda text: text.replace("words ", "words 1", 1), "words and their CRC"),
        (lambda text: text[:-5] + "0\nend\n", "hex digits must stand here"),
        (lambda text: text[: text.index("\n", 30)] + "\n" + "0" * 8 + text[text.index("\n", 39) :],
         "is not the CRC of the others"),
    ],
)  # fmt: skip
def test_a_damaged_image_is_refused(bundle: Path, tmp_path: Path, change, said: str) -> None:
    needs.tool("iverilog")
    shutil.copytree(bundle, tmp_path / "rtl", ignore=shutil.ignore_patterns("sim_build"))
    path = tmp_path / "rtl" / "image.hex"
    path.write_text(change(path.read_text()))
    done = alone(tmp_path / "rtl", "--sim", "icarus")
    assert done.returncode == 1 and said in done.stdout, done.stdout
