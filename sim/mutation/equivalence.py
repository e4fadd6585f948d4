"""Equivalence of a mutant, proved by Yosys on the whole design, flattened, memories as registers.

Nets of both designs that have the same name are taken to be equal, and proved to stay so by
induction over some cycles, whatever the inputs are (``equiv_make``, ``equiv_simple``,
``equiv_induct``). Nets for which that fails are no longer assumed, and the rest is tried again,
until all that is assumed is proved, or an output fails (van Eijk, "Sequential equivalence checking
based on structural similarities", IEEE TCAD 19(7), 2000). That all are equal in the first cycles,
from the initial state on, is proved by ``sat``.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from ..engines.building import BuildError, fill, yosys
from ..tools import SlowTool
from .mutants import BASE, UNLOCKS, Mutant

#: Cycles of an induction, and how often it is tried with fewer nets.
CYCLES, ROUNDS = 4, 8
_SIDE = "flatten; memory_map; opt_clean; splitnets; rename {top} {name}; design -stash {name}; "
_INDUCTION = (
    "design -copy-from gold -as gold gold; design -copy-from gate -as gate gate; "
    "equiv_make -blacklist unequal.txt gold gate equiv; hierarchy -top equiv; design -save made; "
    "equiv_simple; equiv_induct -seq {cycles}; tee -o status.txt equiv_status; "
    "equiv_status -assert; "
)
_BEGINNING = (
    "design -load made; equiv_miter -assert miter; hierarchy -top miter; flatten; "
    "sat -tempinduct -tempinduct-baseonly -maxsteps {cycles} -prove-asserts -set-init-zero "
    "-verify miter"
)
_UNPROVEN = re.compile(r"Unproven \$equiv \S+ \\(\S+)_gold")


def proved(verilog: str, files: dict[str, str], top: str, mutant: Mutant) -> bool:
    """Whether a mutant is proved to be equal.

    Raises
    ------
        BuildError: yosys refuses something else.
    """
    script = (
        f"{BASE}design -save base; {_SIDE.format(top=top, name='gold')}design -load base; "
        f"{mutant.line}; {_SIDE.format(top=top, name='gate')}{_INDUCTION}{_BEGINNING}"
    ).format(top=top, cycles=CYCLES)
    unequal: list[str] = []
    with tempfile.TemporaryDirectory(prefix="spikexact-") as place:
        folder = Path(place)
        fill(folder, verilog, files)
        for _ in range(ROUNDS):
            (folder / "unequal.txt").write_text("\n".join(unequal) + "\n", encoding="utf-8")
            try:
                yosys(script, folder, UNLOCKS)
                return True
            except SlowTool:
                return False
            except BuildError as error:
                if "unproven" not in str(error):
                    if "proof did fail" in str(error):  # not equal from the beginning
                        return False
                    raise
            found = set(_UNPROVEN.findall((folder / "status.txt").read_text(encoding="utf-8")))
            if found & _outputs(verilog, top) or not found - set(unequal):
                return False
            unequal += sorted(found - set(unequal))
    return False


def _outputs(verilog: str, top: str) -> set[str]:
    """Return the names of a module's outputs."""
    start = re.search(rf"^module {top} ?\(", verilog, re.MULTILINE)
    assert start is not None
    body = verilog[start.start() : verilog.index("endmodule", start.start())]
    return set(re.findall(r"^\s*output (?:\[\d+:0\] )?(\w+);", body, re.MULTILINE))
