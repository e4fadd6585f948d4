"""The set-up: which Python it takes, what it says, and that a warm one touches no network."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import needs
import pytest
from test_spikexact_json import of_folder

ROOT = Path(__file__).resolve().parent.parent
DEAD = "http://127.0.0.1:9"  # the discard port, where nothing listens


@pytest.fixture
def offline(tmp_path: Path) -> dict[str, str]:
    """Return an environment in which any download fails and every call of pip leaves a log."""
    proxies = {name: DEAD for base in ("http", "https", "all") for name in both_cases(base)}
    index = {"PIP_INDEX_URL": DEAD, "PIP_RETRIES": "0", "PIP_LOG": str(tmp_path / "pip.log")}
    return {**os.environ, **proxies, **index}


def both_cases(base: str) -> tuple[str, str]:
    return f"{base}_proxy", f"{base}_PROXY".upper()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a copy of what the set-up reads, with no environment yet."""
    copy = tmp_path / "checkout"
    shutil.copytree(ROOT / "tools", copy / "tools", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, copy)
    return copy


def set_up(checkout: Path, **environment: str) -> subprocess.CompletedProcess:
    """Run the set-up of `checkout` in an environment that `environment` changes."""
    return subprocess.run(
        ["/bin/sh", "tools/setup.sh"],
        cwd=checkout,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def programs(folder: Path, *, without: str) -> Path:
    """Fill `folder` with the few programs that the set-up runs, less one, and a bad python3.11."""
    folder.mkdir()
    for name in {"sh", "dirname", "head", "perl", "gcc", "g++", "make"} - {without}:
        (folder / name).symlink_to(needs.tool(name))
    shim = folder / "python3.11"
    shim.write_text("#!/bin/sh\necho 'python3.11: command not found'\nexit 127\n")
    shim.chmod(0o755)
    return folder


@pytest.mark.parametrize("tool", ["perl", "gcc", "g++"])
def test_missing_tool_is_one_sentence_with_its_command(
    checkout: Path, tmp_path: Path, tool: str
) -> None:
    run = set_up(checkout, PATH=str(programs(tmp_path / "bin", without=tool)))
    assert run.returncode == 1
    assert run.stdout == f"set-up: missing {tool}; install with: apt-get install -y {tool}\n"


def test_python_that_does_not_run_is_passed_over(checkout: Path, tmp_path: Path) -> None:
    nothing = tmp_path / "home"
    path = str(programs(tmp_path / "bin", without=""))
    run = set_up(checkout, PATH=path, HOME=str(nothing))
    assert run.returncode == 1
    assert run.stdout == (
        "set-up: no Python 3.10 to 3.13 with venv found; "
        "install with: apt-get install -y python3 python3-venv\n"
    )
    versions = nothing / ".pyenv/versions" / "{}.{}.0".format(*sys.version_info) / "bin"
    versions.mkdir(parents=True)
    real = versions / "python{}.{}".format(*sys.version_info)
    real.write_text(f'#!/bin/sh\nexec {sys.base_prefix}/bin/python3 "$@"\n')
    real.chmod(0o755)
    (checkout / "tools/setup.py").write_text("print('found')\n")
    assert set_up(checkout, PATH=path, HOME=str(nothing)).stdout == "found\n"


def test_unknown_environment_is_refused() -> None:
    command = ["/bin/sh", "tools/setup.sh", "elsewhere"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 2
    assert run.stderr == "set-up: the environment must be .venv or .venv310, not elsewhere\n"


@pytest.mark.slow
def test_failed_set_up_leaves_no_stamp_and_starts_anew(
    checkout: Path, offline: dict[str, str]
) -> None:
    venv = checkout / ".venv"
    venv.mkdir()
    offline |= {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "", "PIP_EXTRA_INDEX_URL": ""}
    (venv / "half").touch()
    for _ in range(2):
        run = set_up(checkout, **offline)
        assert run.returncode == 1
        assert "set-up: making .venv with Python" in run.stdout
        assert "set-up: this failed, its messages are above" in run.stdout
        assert "Traceback" not in run.stdout
        assert not (venv / "half").exists()
        assert not (venv / "complete").exists()
        (venv / "half").touch()


def complete(name: str) -> bool:
    """Tell whether an environment is there and complete, and not merely from an earlier state."""
    code = (
        "import runpy, pathlib; venv = pathlib.Path({!r});"
        "setup = runpy.run_path('tools/setup.py');"
        "print((venv / 'complete').read_text() == setup['expected'](venv))"
    )
    python = ROOT / name / "bin/python"
    if not python.exists():
        return False
    command = [python, "-I", "-c", code.format(str(ROOT / name))]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stdout == "True\n"


@pytest.mark.parametrize("name", [".venv", ".venv310"])
def test_warm_set_up_touches_no_network(offline: dict[str, str], name: str) -> None:
    if not complete(name):
        needs.missing(f"{name} is not complete or not up to date: make setup setup310")
    stamp = ROOT / name / "complete"
    before = stamp.stat().st_mtime_ns
    target = {".venv": "setup", ".venv310": "setup310"}[name]
    command = ["make", "-s", target]
    run = subprocess.run(command, cwd=ROOT, env=offline, capture_output=True, text=True)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
    assert stamp.stat().st_mtime_ns == before
    log = Path(offline["PIP_LOG"])
    assert not log.exists()
    pip = [ROOT / name / "bin/python", "-m", "pip", "check"]
    subprocess.run(pip, env=offline, capture_output=True)
    assert log.exists(), "pip leaves no log, so its absence above proves nothing"


@pytest.mark.slow
@pytest.mark.torch
@pytest.mark.lava
@pytest.mark.rtl
def test_warm_demo_touches_no_network(offline: dict[str, str], tmp_path: Path) -> None:
    command = ["make", "-s", "demo", f"ARGS=--out {tmp_path / 'demo'}"]
    run = subprocess.run(command, cwd=ROOT, env=offline, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    assert (tmp_path / "demo/report.html").exists()
    assert of_folder(tmp_path / "demo") == []
    assert not Path(offline["PIP_LOG"]).exists()
