"""Every JSON that a command prints or writes: keys for programs, and a format in each file.

A key is a word of lower-case letters, digits and underscores. What users name (populations, data
sets) and what has a dash (backends) stands in lists of objects with a name; the maps by population
that are left are those of NAMED.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import needs
import numpy as np
import pytest
from test_mapping_fold import draw

from mapping import save
from spikexact.cli import status
from spikexact.page import ABSENT

KEY = re.compile(r"[a-z][a-z0-9_]*")
#: Maps whose keys are names of populations: of a line of trained.jsonl, and where report.json
#: repeats the lines.
NAMED = re.compile(r"(/epochs/\d+)?/(flips|gradients|rates)")


def wrong_keys(value: Any, path: str = "") -> Iterator[str]:
    """Yield where a key is none for programs."""
    if isinstance(value, list):
        for k, item in enumerate(value):
            yield from wrong_keys(item, f"{path}/{k}")
    if isinstance(value, dict):
        for key, item in value.items():
            if not KEY.fullmatch(key) and not NAMED.fullmatch(path):
                yield f"{path}/{key}"
            yield from wrong_keys(item, f"{path}/{key}")


def problems(text: str, what: str) -> list[str]:
    """Return what is wrong with a JSON text, or with JSON lines."""
    values = [json.loads(text)] if text.startswith("{\n") else map(json.loads, text.splitlines())
    found = []
    for line, value in enumerate(values):
        at = f"{what}:{line + 1}"
        found += [f"{at}: key {path}" for path in wrong_keys(value)]
        if not isinstance(value, dict):
            found.append(f"{at}: no object")
        elif type(value.get("format")) is not int and "journal" not in what:
            found.append(f"{at}: no format")
    return found


def of_folder(folder: Path) -> list[str]:
    """Return what is wrong with the JSON files of a folder."""
    paths = [p for p in sorted(folder.rglob("*")) if p.suffix in (".json", ".jsonl")]
    return [line for p in paths for line in problems(p.read_text(), str(p.relative_to(folder)))]


TOML = """
timesteps = 2
[input]
shape = [3]
[readout]
source = "My-layer.1"
[[population]]
name = "My-layer.1"
neuron = { threshold = 1 }
[[population.connection]]
source = "input"
op = "dense"
weights = "w.npy"
"""
VERIFY = (
    "verify out/network.safetensors --backends fast,rtl --rtl out/rtl --samples 4 "
    "--trained trained.safetensors -o out/verify.json"
)
COMMANDS = [
    "doctor",
    "import net.toml --from arrays -o named.safetensors",
    "fold named.safetensors -o named.net",
    "fold trained.safetensors -o out/network.safetensors",
    "show trained.safetensors",
    "show out/network.safetensors",
    "run out/network.safetensors --inputs x.npy --backend fast -o t.npz",
    "run out/network.safetensors --inputs x.npy --backend rtl -o t.npz",
    "verify named.net --backends fast -o named.json",
    "verilog out/network.safetensors -o out/rtl --samples 2",
    VERIFY,
    "evaluate out/network.safetensors x.npy --labels y.npy",
    "report out",
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("out").mkdir()
    value = draw(0)
    save(value, "trained.safetensors")
    Path("net.toml").write_text(TOML)
    np.save("w.npy", np.array([[1, -1, 1], [-1, -1, 1]]))
    rng = np.random.default_rng(0)
    np.save("x.npy", rng.integers(0, 8, (5, 4, *value.input.shape)))
    np.save("y.npy", rng.integers(0, 4, 5))
    return tmp_path


@pytest.mark.rtl
def test_every_command_and_file(folder: Path, capsys: pytest.CaptureFixture) -> None:
    found = []
    for line in COMMANDS:
        assert status([*line.split(), "--json"]) == 0, capsys.readouterr().err
        out = capsys.readouterr().out
        assert out.startswith("{\n")
        found += problems(out, line)
        if line.startswith("evaluate"):
            Path("out/accuracy.json").write_text(out)
    assert found + of_folder(folder) == []
    assert {p.name for p in folder.rglob("*.json")} == {
        "accuracy.json", "manifest.json", "named.json", "report.json", "verify.json"
    }  # fmt: skip
    told = json.loads(Path("named.json").read_text())["checks"][0]
    assert told["backends"][0]["populations"][0]["name"] == "My-layer.1"
    with np.load("t.npz") as trace:
        report = json.loads(Path("out/report.json").read_text())
        assert str(trace["network_sha256"]) == report["network_sha256"]
        assert str(trace["inputs_sha256"]) == report["accuracy"]["inputs_sha256"]
    assert report["status"] == "exact" and report["missing"] == [
        ABSENT["trained.json"],
        ABSENT["trained.jsonl"],
    ]


@pytest.mark.torch
def test_a_training(folder: Path, capsys: pytest.CaptureFixture) -> None:
    needs.package("torch")
    needs.package("sklearn")
    line = "train digits --set epochs=1 --set hidden=8 --measures --json"
    assert status([*line.split(), "-o", "out/trained.safetensors"]) == 0
    found = problems(capsys.readouterr().out, "train")
    assert status("fold out/trained.safetensors -o out/network.safetensors".split()) == 0
    assert status(["report", "out"]) == 0
    assert found + of_folder(folder) == []
    report = json.loads(Path("out/report.json").read_text())
    assert report["epochs"][0]["flips"] and report["training"]["cost"]["layers"]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ('{\n"held-out accuracy": 1}', ["x:1: key /held-out accuracy", "x:1: no format"]),
        ('{\n"format": 1, "a": [{"SOPs": 1}]}', ["x:1: key /a/0/SOPs"]),
        ('{\n"format": 1, "flips": {"My-layer.1": 1}}', []),
        ('{\n"format": 1, "rates": {"x": {"My-layer.1": 1}}}', ["x:1: key /rates/x/My-layer.1"]),
        ('{\n"format": 1, "a": {"flips": {"My-layer.1": 1}}}', ["x:1: key /a/flips/My-layer.1"]),
        ('{"format": 1}\n{"format": "1"}\n[]', ["x:2: no format", "x:3: no object"]),
    ],
)
def test_planted_keys_are_found(text: str, wrong: list[str]) -> None:
    assert problems(text, "x") == wrong
