#!/usr/bin/env python3
"""Synthesise, place and route for a board: python synth.py icebreaker|orangecrab|ulx3s.

Needs Yosys and nextpnr, their own programs or YoWASP's from pip; ecppack or icepack makes the
bitstream where it is there. Exit status 0: it fits and meets the board's clock; 1: it does not, or
a tool fails; 2: something is not installed. Nothing else is needed.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Board:
    """What the tools need to know of a board.

    family: of Yosys and nextpnr. part: options of nextpnr. pins: file of its pins.
    mhz: of its clock. cells: how nextpnr calls its logic cells.
    """

    family: str
    part: tuple
    pins: str
    mhz: int
    cells: str


BOARDS = {
    "icebreaker": Board(
        "ice40", ("--up5k", "--package", "sg48"), "icebreaker.pcf", 12, "ICESTORM_LC"
    ),
    "orangecrab": Board(
        "ecp5", ("--25k", "--package", "CSFBGA285"), "orangecrab.lpf", 48, "TRELLIS_COMB"
    ),
    "ulx3s": Board("ecp5", ("--85k", "--package", "CABGA381"), "ulx3s.lpf", 25, "TRELLIS_COMB"),
}
#: On ECP5 the wide multiplexers that -nowidelut leaves out would double a popcount.
SYNTH = {"ecp5": "synth_ecp5 -nowidelut", "ice40": "synth_ice40"}
PINS = {"ecp5": "--lpf", "ice40": "--pcf"}
ROUTED = {"ecp5": "--textcfg", "ice40": "--asc"}
PACKS = {"ecp5": "ecppack", "ice40": "icepack"}


class Failed(Exception):
    """A tool failed, or is not there; with an exit status and one sentence."""


def program(name):
    """Return the path of a program or of its YoWASP version; None where there is neither."""
    for folder in (None, str(Path(sys.executable).parent)):
        for called in (name, f"yowasp-{name}"):
            if found := shutil.which(called, path=folder):
                return found
    return None


def needed(name):
    """Return the path of a program that must be there."""
    found = program(name)
    if found is None:
        raise Failed(2, f"{name} is not on the PATH: pip install yowasp-{name}")
    return found


def call(command, log):
    """Run a tool in this folder (YoWASP's see relative paths alone); return what it said."""
    done = subprocess.run(
        command, cwd=HERE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    (HERE / log).write_text(done.stdout, "utf-8")
    if done.returncode:
        last = [line for line in done.stdout.splitlines() if "ERROR" in line]
        raise Failed(1, f"{Path(command[0]).name}: {last[0] if last else 'fails'} (see {log})")
    return done.stdout


def implement(name, board, sources, top, seed):
    """Run the tools for a board; return cells, their number on the part, block RAMs and MHz."""
    build = Path("build") / name
    (HERE / build).mkdir(parents=True, exist_ok=True)
    netlist, routed = build / f"{top}.json", build / f"{top}.routed"
    tools = needed("yosys"), needed(f"nextpnr-{board.family}")
    read = " ".join(str(source) for source in sources)
    script = f"read_verilog {read}; {SYNTH[board.family]} -top {top} -json {netlist}"
    call([tools[0], "-p", script], build / "yosys.log")
    said = call(
        [tools[1], *board.part, "--json", str(netlist), "--freq", str(board.mhz),
         PINS[board.family], f"constraints/{board.pins}", ROUTED[board.family], str(routed),
         "--seed", str(seed)],
        build / "nextpnr.log",
    )  # fmt: skip
    if pack := program(PACKS[board.family]):
        call([pack, str(routed), str(build / f"{top}.bit")], build / "pack.log")
    used, of = re.findall(rf"{board.cells}:\s+(\d+)/\s*(\d+)", said)[-1]
    rams = re.findall(r"(?:DP16KD|ICESTORM_RAM):\s+(\d+)/", said)[-1]
    clock = re.findall(r"Max frequency for clock.*?: ([\d.]+) MHz", said)[-1]
    return int(used), int(of), int(rams), float(clock)


def main(argv=None):
    """Run; return the exit status."""
    manifest = json.loads((HERE / "manifest.json").read_text("utf-8"))
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("board", choices=sorted(BOARDS))
    parser.add_argument("--file", type=Path, action="append", help="Verilog of your own design")
    parser.add_argument("--top", help="its top module (user_top, of example/user_top.v)")
    parser.add_argument("--seed", type=int, default=1, help="of the placement (1)")
    given = parser.parse_args(argv)
    own = given.file or [Path("example/user_top.v")]
    try:
        for file in own:
            if not (HERE / file).is_file():
                raise Failed(1, f"{file} is no file of this folder")
        names = [Path(manifest["verilog"]), Path(manifest["axis"]["verilog"])]
        sources = [*names, *(Path(os.path.relpath(HERE / file, HERE)) for file in own)]
        board = BOARDS[given.board]
        top = given.top or "user_top"
        cells, of, rams, clock = implement(given.board, board, sources, top, given.seed)
    except Failed as error:
        status, why = error.args
        print(f"{'error' if status == 2 else 'FAIL'}: {why}", file=sys.stderr)
        return status
    print(
        f"{given.board}: {cells:,} of {of:,} {board.cells}, {rams} block RAMs, {clock:.1f} MHz, "
        f"asked for {board.mhz}; build/{given.board}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
