"""One import gives every public name, lazily; --version, completion and help need no numpy."""

from __future__ import annotations

import ast
import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import mapping
import sim
import spikexact as sx
from spikexact.cli import status

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "spikexact/__init__.py"


def python(*arguments: str, **environment: str) -> subprocess.CompletedProcess:
    """Run this Python on this checkout."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)


#: Public names that are modules.
MODULES = ("real", "report", "trained")


def test_every_public_name_is_what_its_module_gives() -> None:
    for name in sx.__all__:
        value = getattr(sx, name)
        assert isinstance(value, ModuleType) == (name in MODULES), name
        module = value.__name__ if name in MODULES else getattr(value, "__module__", "")
        assert module.split(".")[0] in ("mapping", "sim", "") or name == "report", (name, module)
    assert set(mapping.__all__) | set(sim.__all__) <= set(sx.__all__)
    assert all(getattr(sx, name) is getattr(mapping, name) for name in mapping.__all__)
    assert all(getattr(sx, name) is getattr(sim, name) for name in sim.__all__)
    assert set(sx.__all__) <= set(dir(sx))


def test_no_name_is_also_a_module_of_the_command_line() -> None:
    modules = {path.stem for path in SOURCE.parent.iterdir()}
    both = modules & set(sx.__all__)
    assert both == {"report"}, "which of the two it is would depend on what ran before"
    assert sx.report is importlib.import_module("spikexact.report")


def test_editors_see_the_same_names() -> None:
    tree = ast.parse(SOURCE.read_text())
    block = next(node for node in tree.body if isinstance(node, ast.If))
    seen = [alias.name for line in block.body for alias in line.names if line.module != "typing"]
    assert ast.unparse(block.test) == "TYPE_CHECKING"
    assert sorted(seen) == sorted(sx.__all__)


def test_unknown_name_is_an_attribute_error_that_knows_the_near_one() -> None:
    run = python("-c", "import spikexact as sx; sx.foldd")
    assert "AttributeError: module 'spikexact' has no attribute 'foldd'" in run.stderr
    assert "Did you mean: 'fold'?" in run.stderr


def test_import_alone_is_light() -> None:
    code = (
        "import json, sys, time; start = time.perf_counter(); import spikexact;"
        "print(json.dumps([time.perf_counter() - start, 'numpy' in sys.modules]))"
    )
    runs = [json.loads(python("-c", code).stdout) for _ in range(3)]
    print(f"import spikexact: {1000 * min(seconds for seconds, _ in runs):.0f} ms")
    assert not any(numpy for _, numpy in runs)
    assert min(seconds for seconds, _ in runs) < 0.05


def test_the_program_alone_prints_its_help(capsys: pytest.CaptureFixture) -> None:
    assert status([]) == 0
    out, err = capsys.readouterr()
    assert "Usage: spikexact" in out and "campaign" in out and not err


@pytest.mark.parametrize(
    ("arguments", "environment", "printed"),
    [
        (["--version"], {}, "spikexact "),
        (["--show-completion", "bash"], {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}, ""),
        (
            [],
            {
                "_SPIKEXACT_COMPLETE": "complete_bash",
                "COMP_WORDS": "spikexact ver",
                "COMP_CWORD": "1",
            },
            "verify\nverilog\n",
        ),
    ],
)
def test_version_and_completion_load_no_numpy(
    arguments: list[str], environment: dict[str, str], printed: str
) -> None:
    run = python("-X", "importtime", "-m", "spikexact", *arguments, **environment)
    assert run.returncode == 0, run.stderr
    assert printed in run.stdout and run.stdout
    loaded = {line.rpartition("|")[2].strip() for line in run.stderr.splitlines()}
    assert "spikexact.cli" in loaded
    assert not {"numpy", "sim", "mapping", "rich.console"} & loaded
