"""Mutants: Yosys' ``mutate`` changes one bit of one cell's port, all in one build.

A mutant is chosen by an input of the top, ``mutant``; 0 is the design as it is. So one build serves
them all. Clocks are left alone: behind a multiplexer they would come later than in the design. So
are enables and resets of a memory's read ports: their register is a cell of its own here, and Yosys
takes nothing but constants there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..engines.building import made_by_yosys, strict
from ..engines.cxxrtl import SELECT, Recipe, build

UNLOCKS = "mutate"
#: The emitted Verilog as word-level cells, memories whole: every mutant is of this. A
#: multiplexer of several selects becomes a tree: what two of them at once mean is not defined.
BASE = (
    "read_verilog -noautowire network.v; hierarchy -check -top {top}; proc; pmuxtree; opt_expr; "
    "opt_clean; memory_collect; "
)
_WRITE = "write_cxxrtl -O6 -g0 network.cpp"
_FLAGS = ("-std=c++14", "-shared", "-fPIC", "-O1")
_ALONE = re.compile(r" -port (?:\S*CLK|clk|\\?RD_EN|\\?RD_[AS]RST) ")


@dataclass(frozen=True)
class Mutant:
    """One mutant.

    Attributes
    ----------
        number: by which it is chosen, from 1.
        line: the command that makes it, without the choice.
        mode: "inv", "const0", "const1", "cnot0" or "cnot1" (inverted where another bit is 0 or 1).
        module, port, bit: of the cell that is changed.
        place: the line of Verilog that it comes from, its number, and the signal that is assigned
            there, or first in the block that it begins; "" if there is none.
        decided: the bit of the port that decides, of the last two modes.
    """

    number: int
    line: str
    mode: str
    module: str
    port: str
    bit: int
    place: str
    decided: int | None = None

    def __str__(self) -> str:
        by = "" if self.decided is None else f" by [{self.decided}]"
        return f"{self.mode} of {self.port}[{self.bit}]{by} in {self.module}, {self.place}"


def draw(verilog: str, files: dict[str, str], top: str, count: int, seed: int) -> list[Mutant]:
    """Draw different mutants of a design, as many as there are if there are fewer.

    Raises
    ------
        MissingTool, BuildError, SlowTool: as of ``building``.
    """
    more = count + count // 4 + 20  # of which some are left out
    script = f"{BASE.format(top=top)}mutate -list {more} -seed {seed} -o mutants.txt"
    listed = made_by_yosys("mutants.txt", script, verilog, files, UNLOCKS).read_text("utf-8")
    lines = [line for line in dict.fromkeys(listed.splitlines()) if not _ALONE.search(line)]
    source = strict(verilog).splitlines()
    return [_mutant(k + 1, line, source) for k, line in enumerate(lines[:count])]


def _mutant(number: int, line: str, source: list[str]) -> Mutant:
    # A src names where a wire is declared, then where the cell is from: the last one says most.
    command, *places = re.split(r" -src ", line)
    words = re.split(r" -wire ", command)[0].split()
    options = dict(zip(words[1::2], words[2::2], strict=True))
    place = ""
    if places:
        row, last = map(int, re.match(r"network\.v:(\d+)\.\d+-(\d+)", places[-1]).groups())
        place = f"line {row}: {' '.join(source[row - 1].split())}"
        assigned = re.search(r"(\w+)(?:\[[^]]*\])? <?= ", "\n".join(source[row - 1 : last]))
        place += f" [{assigned[1]}]" if assigned else ""
    decided = options.get("-ctrlbit")
    return Mutant(
        number, " ".join(words), options["-mode"], options["-module"], options["-port"],
        int(options["-portbit"]), place, None if decided is None else int(decided),
    )  # fmt: skip


def library(
    verilog: str, files: dict[str, str], manifest: dict[str, Any], mutants: list[Mutant]
) -> Path:
    """Compile a design with all its mutants; else as ``cxxrtl.build``."""
    width = len(mutants).bit_length()
    lines = [f"{m.line} -ctrl {SELECT} {width} {m.number}" for m in mutants]
    # A bit that another bit of its wire decides would be a loop of whole wires for CXXRTL.
    script = f"{BASE}script mutants.ys; flatten; splitnets -driver; clean; {_WRITE}"
    recipe = Recipe(UNLOCKS, script, _FLAGS, select=True)
    return build(verilog, manifest, {**files, "mutants.ys": "\n".join(lines) + "\n"}, recipe)
