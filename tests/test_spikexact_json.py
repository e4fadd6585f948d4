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
from spikexact.report.sources import ABSENT

ROOT = Path(__file__).resolve().parent.parent
KEY = re.compile(r"[a-z][a-z0-9_]*")
#: Maps whose keys are names of populations, of a line of trained.jsonl and where report.json
#: repeats the lines; and sentences and backends, of a campaign.
NAMED = re.compile(
    r"(/epochs/\d+)?/(flips|gradients|rates)|/refused|/passed_over|/compared_by_backend"
)


def keys(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield every key but names of populations, and the path to it."""
    if isinstance(value, list):
        for k, item in enumerate(value):
            yield from keys(item, f"{path}/{k}")
    if isinstance(value, dict):
        for key, item in value.items():
            if not NAMED.fullmatch(path):
                yield key, f"{path}/{key}"
            yield from keys(item, f"{path}/{key}")


def values(text: str) -> list[Any]:
    """Read JSON, or JSON lines."""
    return [json.loads(t) for t in ([text] if text.startswith("{\n") else text.splitlines())]


def problems(text: str, what: str) -> list[str]:
    """Return what is wrong with a JSON text: its keys, and that it has a format."""
    found = []
    for line, value in enumerate(values(text)):
        at = f"{what}:{line + 1}"
        found += [f"{at}: key {path}" for key, path in keys(value) if not KEY.fullmatch(key)]
        if not isinstance(value, dict):
            found.append(f"{at}: no object")
        elif type(value.get("format")) is not int and "journal" not in what:
            found.append(f"{at}: no format")
    return found


def undocumented(*texts: str) -> set[str]:
    """Return the keys that docs/json.md does not name."""
    page = (ROOT / "docs/json.md").read_text()
    found = {key for text in texts for value in values(text) for key, _ in keys(value)}
    return found - set(re.findall(r"`(\w+)`", page))


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
    "plan out/network.safetensors --clock 100",
    "plan out/network.safetensors --cells 100000",
    "verilog out/network.safetensors -o out/rtl --samples 2",
    VERIFY,
    "evaluate out/network.safetensors x.npy --labels y.npy",
    "report out",
    "campaign --networks 2 --backends fast --samples 2 -o journal.jsonl",
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
    found: list[str] = []
    unknown: set[str] = set()
    for line in COMMANDS:
        assert status([*line.split(), "--json"]) == 0, capsys.readouterr().err
        out = capsys.readouterr().out
        assert out.startswith("{\n")
        found += problems(out, line)
        unknown |= undocumented(out)
        if line.startswith("run"):
            ran = json.loads(out)
        if line.startswith("evaluate"):
            Path("out/accuracy.json").write_text(out)
    assert found + of_folder(folder) == []
    assert unknown | undocumented(*(p.read_text() for p in folder.rglob("*.json"))) == set()
    assert {p.name for p in folder.rglob("*.json")} == {
        "accuracy.json", "manifest.json", "named.json", "report.json", "verify.json"
    }  # fmt: skip
    told = json.loads(Path("named.json").read_text())["checks"][0]
    assert told["backends"][0]["populations"][0]["name"] == "My-layer.1"
    report = json.loads(Path("out/report.json").read_text())
    for key in ("network_sha256", "inputs_sha256"):
        assert ran[key] == report["accuracy"][key]
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
    out = capsys.readouterr().out
    found = problems(out, "train")
    assert undocumented(out, Path("out/trained.jsonl").read_text()) == set()
    assert status("fold out/trained.safetensors -o out/network.safetensors".split()) == 0
    assert status(["report", "out"]) == 0
    assert found + of_folder(folder) == []
    report = json.loads(Path("out/report.json").read_text())
    assert report["epochs"][0]["flips"] and report["training"]["cost"]["layers"]


def test_a_planted_key_is_not_documented() -> None:
    assert undocumented('{"format": 1, "of_nothing": [{"rates": {"a": 1}}]}') == {"of_nothing", "a"}
    assert undocumented('{"format": 1, "rates": {"a": 1}}') == set()


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
