"""A folder of the user's that hides one of ours is named in one sentence."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from spikexact import rooms

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a folder before this checkout on the path, with none of the rooms imported."""
    for room in rooms.ROOMS:
        monkeypatch.delitem(sys.modules, room, raising=False)
    monkeypatch.setattr(sys, "path", [str(tmp_path), str(ROOT), *sys.path])
    return tmp_path


def test_our_own_are_found(path: Path) -> None:
    assert rooms.hiding() == {}
    assert rooms.sentence() is None


@pytest.mark.parametrize("room", rooms.ROOMS)
@pytest.mark.parametrize("form", ["{}/__init__.py", "{}.py"])
def test_package_and_file_before_ours_hide_it(path: Path, room: str, form: str) -> None:
    file = path / form.format(room)
    file.parent.mkdir(exist_ok=True)
    file.write_text("raise SystemError('this is not imported')")
    hider = file.parent if file.stem == "__init__" else file
    assert rooms.hiding() == {room: hider}
    assert rooms.sentence() == (
        f"{hider} hides spikexact's own package '{room}': rename it, or run from a folder without "
        "it"
    )


def test_two_are_one_sentence(path: Path) -> None:
    for room in ("sim", "training"):
        (path / room).mkdir()
        (path / room / "__init__.py").touch()
    assert rooms.sentence() == (
        f"{path / 'sim'} and {path / 'training'} hide spikexact's own packages 'sim' and "
        "'training': rename them, or run from a folder without them"
    )


def test_bare_folder_hides_nothing_that_is_on_the_path(path: Path) -> None:
    (path / "sim").mkdir()
    (path / "sim/notes.txt").touch()
    assert rooms.hiding() == {}


def test_bare_folder_hides_an_editable_install(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Setuptools finds an editable install by a finder of its own, which comes after the path's."""

    class Editable:
        @staticmethod
        def find_spec(name: str, *_: object) -> object:
            file = ROOT / name / "__init__.py"
            return importlib.util.spec_from_file_location(name, file) if file.exists() else None

    others = [p for p in sys.path if not (Path(p or ".") / "sim/__init__.py").exists()]
    monkeypatch.setattr(sys, "path", others)
    monkeypatch.setattr(sys, "meta_path", [importlib.machinery.PathFinder, Editable])
    assert rooms.hiding() == {}
    (path / "sim").mkdir()
    importlib.invalidate_caches()
    assert rooms.hiding() == {"sim": path / "sim"}


def test_what_was_imported_already_is_looked_at_as_it_is(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = type(sys)("sim")  # no spec
    monkeypatch.setitem(sys.modules, "sim", other)
    assert rooms.hiding() == {}
    other.__file__ = str(path / "sim.py")
    assert rooms.hiding() == {"sim": path / "sim.py"}


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    """Run this Python in a folder, this checkout on its path."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True
    )


def test_import_says_it(tmp_path: Path) -> None:
    (tmp_path / "sim.py").touch()
    found = run(tmp_path, "-c", "import spikexact")
    assert found.returncode == 1
    last = found.stderr.splitlines()[-1]
    assert last.startswith(
        f"ImportError: {tmp_path / 'sim.py'} hides spikexact's own package 'sim'"
    )


@pytest.mark.parametrize("way", ["module", "program"])
def test_command_line_says_it_with_status_2(tmp_path: Path, way: str) -> None:
    (tmp_path / "training").mkdir()
    (tmp_path / "training/__init__.py").touch()
    arguments = ["-m", "spikexact", "doctor"]
    if way == "program":  # as pip writes it; its own folder is the first on the path
        program = tmp_path / "spikexact"
        program.write_text("import sys\nfrom spikexact.cli import main\nsys.exit(main())\n")
        arguments = [str(program), "doctor"]
    found = run(tmp_path, *arguments)
    assert (found.returncode, found.stdout) == (2, "")
    assert found.stderr == (
        f"error: {tmp_path / 'training'} hides spikexact's own package 'training': rename it, or "
        "run from a folder without it\n"
    )
