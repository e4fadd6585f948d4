"""The shim: Lava imports with it and, from Python 3.11, not without; nothing stays changed."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import needs
import pytest

from lava_procs import shim

ROOT = Path(__file__).resolve().parent.parent

pytestmark = pytest.mark.lava


def fresh(program: str) -> subprocess.CompletedProcess[str]:
    """Run a program in a new interpreter that has not imported Lava."""
    needs.package("lava")
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_lava_imports_and_leaves_the_standard_library_as_it_was() -> None:
    done = fresh(
        "import dataclasses, multiprocessing as mp, sys\n"
        "before = dataclasses._get_field, mp.set_start_method, mp.get_start_method(True)\n"
        "from lava_procs import shim\n"
        "assert not [m for m in sys.modules if m.split('.')[0] == 'lava']\n"
        "shim.load()\n"
        "after = dataclasses._get_field, mp.set_start_method, mp.get_start_method(True)\n"
        "assert after == before, (before, after)\n"
        "from lava.magma.compiler.var_model import CoreEncoder\n"
        "a, b = CoreEncoder(), CoreEncoder()\n"
        "a.x.base = 7\n"
        "print(b.x.base, a == CoreEncoder(), b == CoreEncoder())\n"
    )
    assert (done.returncode, done.stdout) == (0, "0 False True\n"), done.stderr


def test_a_start_method_chosen_before_does_not_stop_lava_and_stays() -> None:
    done = fresh(
        "import multiprocessing as mp\n"
        "mp.set_start_method('spawn')\n"
        "from lava_procs import shim\n"
        "shim.load()\n"
        "print(mp.get_start_method())\n"
    )
    assert (done.returncode, done.stdout) == (0, "spawn\n"), done.stderr


@pytest.mark.skipif(sys.version_info < (3, 11), reason="Python 3.10 takes Lava as it is")
def test_without_the_shim_python_refuses_lava() -> None:
    done = fresh("import lava.magma.compiler.var_model")
    assert done.returncode == 1
    assert "mutable default <class 'lava.magma.compiler.var_model.ByteEncoder'>" in done.stderr


@pytest.mark.skipif(sys.version_info < (3, 11), reason="Python 3.10 takes such defaults")
def test_only_that_module_gets_mutable_defaults() -> None:
    class Unhashable:
        __hash__ = None  # type: ignore[assignment]

    check = dataclasses._get_field  # type: ignore[attr-defined]
    with shim.mutable_defaults(), pytest.raises(ValueError, match="mutable default"):
        dataclasses.make_dataclass("Mine", [("x", Unhashable, Unhashable())])
    assert dataclasses._get_field is check  # type: ignore[attr-defined]
