"""Verilog text of a design: Amaranth's netlist, with names that a person can read."""

from __future__ import annotations

import os
import warnings
from typing import TYPE_CHECKING

from amaranth.hdl import Value
from amaranth.lib import wiring

if TYPE_CHECKING:
    from .plan import Plan


def written(top: wiring.Component, name: str, plan: Plan) -> tuple[str, dict[str, str]]:
    """Return the Verilog of a top, and its memory files by name."""
    from amaranth.back import verilog

    ports = {
        "_".join(map(str, path)): (Value.cast(value), None)
        for path, _, value in top.signature.flatten(top)
    }
    os.environ.setdefault("AMARANTH_USE_YOSYS", "builtin")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        text = verilog.convert(
            top, name=name, ports=ports, emit_src=False, strip_internal_attrs=True
        )
    return text, {}
