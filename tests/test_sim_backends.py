"""A backend is a file and a row: everything that is said of it is read from there."""

from __future__ import annotations

import importlib
import inspect
import json
import subprocess
import sys
from pathlib import Path

import doc_blocks
import needs
import numpy as np
import pytest
from test_mapping_network import small
from test_spikexact_hostile import conv

import sim
from mapping import Readout, Unsupported, save
from sim import BACKENDS
from sim.backends import table
from sim.backends.row import GIVES, Backend
from sim.backends.rows import ROWS
from sim.campaign import campaign
from sim.campaign.stimuli import stimuli
from sim.evaluate import evaluate
from sim.tools import Package
from sim.verify import READ_RTL, verify
from spikexact import demo, doctor
from spikexact.cli import status
from spikexact.commands import arguments

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/backends.md"


def test_rows_are_read_without_a_backend() -> None:
    code = "import json, sys, sim.backends.rows; print(json.dumps(list(sys.modules)))"
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = set(json.loads(run.stdout))
    assert "sim.backends.rows" in loaded
    assert not loaded & {row.module for row in ROWS}
    assert not loaded & {need.module for row in ROWS for need in row.needs
                         if isinstance(need, Package)}  # fmt: skip


def test_a_row_holds_what_its_module_does() -> None:
    assert list(BACKENDS) == [row.name for row in ROWS] and list(BACKENDS)[0] == "reference"
    for row in ROWS:
        options = inspect.signature(importlib.import_module(row.module).run).parameters
        assert list(options)[:3] == ["network", "inputs", "record"], row.name
        assert row.verilog == ({"rtl", "pe", "simd"} <= set(options)), row.name
        assert set(row.gives) <= set(GIVES) and "spikes" in row.gives, row.name
    assert READ_RTL == ("rtl", "cocotb", "netlist-ecp5", "netlist-ice40")


@pytest.mark.parametrize("name", BACKENDS)
def test_a_run_gives_what_the_row_says(name: str) -> None:
    needs.backend(name)
    network = small()
    trace = sim.run(network, stimuli(network, 2), name)
    given = {
        "spikes": set(trace.spikes) == {"a", "b"},
        "membranes": set(trace.v) == {"a", "b"},
        "cycles": trace.info.get("cycles", 0) > 0,
    }
    assert {what for what, there in given.items() if there} == set(BACKENDS[name].gives)


def test_the_page_has_the_table_of_the_rows() -> None:
    assert f"\n\n{table.markdown(ROWS)}\n\n" in PAGE.read_text(encoding="utf-8"), table.markdown(
        ROWS
    )


# --- a toy backend: the file and the row of the page --------------------------------------------


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Backend:
    """Add the toy backend of the page: its file, and its row."""
    blocks = [b for b in doc_blocks.blocks(PAGE.read_text("utf-8")) if "toy" in b.text]
    (file,) = [b for b in blocks if b.kind == "python file"]
    (tmp_path / "toy.py").write_text(file.text)
    (row,) = [b for b in blocks if b.kind == "python" and "Backend(" in b.text]
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "toy", raising=False)
    monkeypatch.setitem(BACKENDS, "toy", None)  # takes it away again afterwards
    exec(row.text, {})
    return BACKENDS["toy"]


def test_a_toy_backend_runs_and_is_verified(toy: Backend) -> None:
    network = small()
    found = verify(network, stimuli(network, 20), ["toy", "fast"])
    assert found.ok and list(found.checks) == ["toy", "fast"] and found.compared > 0
    labels = np.zeros(20, np.int64)
    assert evaluate(network, stimuli(network, 20), labels, "toy").mismatches == 0
    told = campaign(10, ["toy"], 5, samples=4)  # it refuses the delays of the first group
    assert told["ok"] and told["compared"] > 0 and told["backends"] == ["reference", "toy"]


def test_a_wrong_toy_is_found(toy: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    module = importlib.import_module(toy.module)
    right = module.run

    def wrong(*arguments: object, **options: object) -> sim.Trace:
        trace = right(*arguments, **options)
        trace.v["b"][0, 1, 0] += 1
        return trace

    monkeypatch.setattr(module, "run", wrong)
    network = small()
    assert verify(network, stimuli(network, 4), ["toy"]).mismatches == 1
    assert not campaign(2, ["toy"], 5, samples=4)["ok"]


def test_what_a_toy_does_not_take_is_refused_by_its_row(toy: Backend) -> None:
    sentence = "population 'a', connection from 'input': Conv connections are not run by toy yet"
    assert sim.refusal(conv(), "toy") == sentence
    for call in (
        lambda: sim.run(conv(), np.ones((1, 3, 1, 3, 3)), "toy"),
        lambda: verify(conv(), np.ones((1, 3, 1, 3, 3), np.uint8), ["toy"]),
    ):
        with pytest.raises(Unsupported, match=sentence):
            call()
    told = campaign(6, ["toy", "fast"], 5, samples=2, kinds="all")
    assert told["ok"] and any(reason.startswith("toy: ") for reason in told["refused"])


def test_a_toy_that_lacks_something_says_so(toy: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BACKENDS, "toy", Backend(
        "toy", "", toy.module, toy.takes, needs=(Package("no_such", "rtl"),)
    ))  # fmt: skip
    network = small()
    with pytest.raises(sim.MissingTool, match="^the toy backend needs the package 'no_such': "):
        sim.run(network, stimuli(network, 1), "toy")
    with pytest.raises(sim.MissingTool, match="^toy: not installed: the toy backend needs"):
        verify(network, stimuli(network, 1), ["fast", "toy"])
    (row,) = [row for row in doctor.survey() if row["what"] == "no_such"]
    assert (row["version"], row["unlocks"]) == ("missing", "backend toy")
    assert any(row["backend"] == "toy" and row["lacks"] for row in doctor.backends())


def test_a_toy_without_membranes_reads_out_no_membrane(
    toy: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = importlib.import_module(toy.module)
    monkeypatch.setattr(module, "run", lambda *_, **__: pytest.fail("it ran"))
    monkeypatch.setitem(BACKENDS, "toy", Backend(
        "toy", "", toy.module, toy.takes, gives=("spikes",)
    ))  # fmt: skip
    network = small(readout=Readout("b", "membrane"))
    with pytest.raises(ValueError, match="'toy' does not give what the read-out needs"):
        evaluate(network, stimuli(network, 2), np.zeros(2, np.int64), "toy")


def test_the_command_line_offers_a_toy(
    toy: Backend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    save(small(), "net")
    np.save("x.npy", np.ones((2, 3, 3), np.uint8))
    assert arguments.backends_starting_with("reference,t") == ["reference,toy"]
    assert status("run net --inputs x.npy --backend toy -o t.npz".split()) == 0
    assert status("verify net --backends toy".split()) == 0
    assert status(["show", "net"]) == 0 and status(["doctor"]) == 0
    out = capsys.readouterr().out
    assert "\n  toy: yes\n" in out and f"\nbackend toy ({toy.what}): yes\n" in out
    assert status("run net --inputs x.npy --backend tay -o t.npz".split()) == 2
    known = ", ".join(BACKENDS)
    assert f"backend must be one of {known}, not 'tay'" in capsys.readouterr().err
    assert known.endswith(", toy")
    assert demo.names()[-1] == "toy"
    assert demo.few(small(), "toy", 0)[1] == f"{demo.FEW} held-out samples on toy"
    assert demo.few(conv(), "toy", 0)[2].endswith(
        "not the demo's: toy: " + sim.refusal(conv(), "toy")
    )
    assert "| `toy` |" in table.markdown(BACKENDS.values())
