"""What a backend needs from outside, and the one sentence that says so when it is not there."""

from __future__ import annotations

import importlib
import importlib.util
import os
import shutil
import sys
from pathlib import Path
from types import ModuleType


class MissingTool(RuntimeError):
    """An optional package or program is not installed; the message says how to get it."""


class ProtocolError(RuntimeError):
    """The device hung, or sent other beats than its manifest promises; one sentence."""


def package(name: str, unlocks: str, extra: str | None = None) -> ModuleType:
    """Import an optional package, or say what to install and what it unlocks.

    Raises
    ------
        MissingTool: it is not installed.
    """
    if importlib.util.find_spec(name) is None:
        what = f"'spikexact[{extra}]'" if extra else name
        raise MissingTool(f"{unlocks} needs the package {name!r}: pip install {what}")
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


def yowasp_environment() -> dict[str, str]:
    """Return the environment for YoWASP tools: their compiled cache beside the environment."""
    environment = dict(os.environ)
    environment.setdefault("YOWASP_CACHE_DIR", str(Path(sys.prefix) / "yowasp-cache"))
    return environment
