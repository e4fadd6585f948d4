"""A wheel holds everything: installed alone, away from the checkout, it works."""

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
from pathlib import Path

import pytest

from mapping import Connection, Dense, Input, Network, Neuron, Population, Readout, save

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGES = PROJECT["tool"]["setuptools"]["packages"]

pytestmark = pytest.mark.slow


def call(*command: str | Path, cwd: Path) -> str:
    """Run a command that must succeed, with nothing of this checkout in its environment."""
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    run = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the bin folder of a clean environment into which a fresh wheel was installed."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"  # a copy: a build folder in the checkout would lend it stale files
    caches = shutil.ignore_patterns("__pycache__")
    for name in {package.partition(".")[0] for package in PACKAGES}:
        shutil.copytree(ROOT / name, source / name, ignore=caches)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    pip = [sys.executable, "-m", "pip"]
    build = ["wheel", "-q", "--no-deps", "--no-index", "--no-build-isolation", "-w", folder]
    call(*pip, *build, source, cwd=folder)
    (wheel,) = folder.glob("spikexact-*.whl")

    environment = folder / "environment"
    call(sys.executable, "-m", "venv", "--without-pip", environment, cwd=folder)
    python = environment / "bin/python"
    (site,) = environment.glob("lib/python*/site-packages")
    # The dependencies of this environment. Its own .pth files, which lead to the checkout, are not
    # read from a folder that is itself named by a .pth file.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    absent = "import importlib.util as u, sys; sys.exit(u.find_spec('mapping') is not None)"
    call(python, "-c", absent, cwd=folder)
    call(*pip, "--python", python, "install", "-q", "--no-deps", "--no-index", wheel, cwd=folder)
    return environment / "bin"


def test_source_distribution_holds_the_manual_and_the_tests(tmp_path: Path) -> None:
    folders = {package.partition(".")[0] for package in PACKAGES} | {"docs", "examples", "tests"}
    for name in folders:
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for path in ROOT.glob("*"):
        if path.is_file() and path.name != ".git":  # a worktree's; git's list would be taken
            shutil.copy(path, tmp_path)
    code = "from setuptools import build_meta; print(build_meta.build_sdist('out'))"
    name = call(sys.executable, "-c", code, cwd=tmp_path).split()[-1]
    with tarfile.open(tmp_path / "out" / name) as archive:
        held = {member.partition("/")[2] for member in archive.getnames()}
    wanted = {
        path.relative_to(ROOT).as_posix()
        for folder in folders
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert wanted | {"CONTRIBUTING.md", "CHANGES.md", "constraints.txt", "Makefile"} <= held


def test_every_package_imports_from_another_folder(installed: Path, tmp_path: Path) -> None:
    code = f"import importlib\nfor n in {PACKAGES}: print(importlib.import_module(n).__file__)"
    found = call(installed / "python", "-c", code, cwd=tmp_path).split()
    assert len(found) == len(PACKAGES)
    assert all(Path(file).is_relative_to(installed.parent) for file in found), found


def test_wheel_holds_every_file(installed: Path) -> None:
    (site,) = installed.parent.glob("lib/python*/site-packages")
    missing = [
        path.relative_to(ROOT)
        for room in {package.partition(".")[0] for package in PACKAGES}
        for path in (ROOT / room).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
        if not (site / path.relative_to(ROOT)).exists()
    ]
    assert not missing


@pytest.mark.rtl
def test_show_reads_and_verilog_and_report_write(installed: Path, tmp_path: Path) -> None:
    network = Network(
        timesteps=2,
        input=Input(shape=(3,)),
        populations=(
            Population(
                "out",
                (Connection("input", Dense([[1, -1, 1], [-1, 1, 1]]), gain=2),),
                Neuron(num=1, q=1, threshold=2),
            ),
        ),
        readout=Readout("out", "count"),
    )
    save(network, tmp_path / "network.safetensors")
    shown = call(installed / "spikexact", "show", "network.safetensors", cwd=tmp_path)
    assert "out" in shown
    call(installed / "spikexact", "verilog", "network.safetensors", "-o", "rtl", cwd=tmp_path)
    assert (tmp_path / "rtl/manifest.json").exists()
    assert list((tmp_path / "rtl").rglob("*.v"))
    call(installed / "spikexact", "report", ".", cwd=tmp_path)
    assert (tmp_path / "report.html").exists()
