"""Equivalence of a mutant, proved by Yosys; three ways, the cheapest first.

1. Nobody reads what is changed: what is left of both designs is the same text.
2. The module that is changed is equal, whatever its inputs are.
3. The whole design is, flattened; what a stream carries while its valid is low is no output.

For the last two, memories are registers. Nets of both sides that have the same name are taken to be
equal, and proved to stay so by induction over some cycles (``equiv_make``, ``equiv_struct``,
``equiv_simple``, ``equiv_induct``). Nets for which that fails are no longer assumed, and the rest
is tried again, until all that is assumed is proved, or an output fails (van Eijk, "Sequential
equivalence checking based on structural similarities", IEEE TCAD 19(7), 2000). That all are equal
in the first cycles, from the initial state on, is proved by ``sat``.
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
#: The module that is compared: the top, its payloads masked by their valid.
MASKED = "compared"
_LEFT = (
    "read_verilog masked.v; hierarchy -check -top {top}; flatten; opt_expr; opt_clean -purge; "
    "write_rtlil {name}.il; "
)
_SIDE = (
    "read_verilog masked.v; hierarchy -check -top {top}; flatten; memory_map; opt_clean; "
    "splitnets; rename {top} {name}; design -stash {name}; "
)
#: Cells that are the same and have equal inputs become one: what the mutant does not reach is
#: proved by that. Forwards alone: backwards, more would be assumed than is asked.
_INDUCTION = (
    "design -copy-from gold -as gold gold; design -copy-from gate -as gate gate; "
    "tee -o made.txt equiv_make -blacklist unequal.txt gold gate equiv; hierarchy -top equiv; "
    "equiv_struct -icells {forwards}; design -save made; "
    "equiv_simple; equiv_induct -seq {cycles}; tee -o status.txt equiv_status; "
    "equiv_status -assert; design -load made; write_rtlil made.il"
)
#: A miter keeps no initial values: they are given once more; what has none is a memory's row.
_BEGINNING = (
    "read_rtlil made.il; hierarchy -top equiv; equiv_miter -assert miter; hierarchy -top miter; "
    "flatten; sat -tempinduct -tempinduct-baseonly -maxsteps {cycles} -prove-asserts {initial} "
    "-set-init-zero -verify miter"
)
#: Cells that are left in a design, by which nothing is merged backwards.
_FORWARDS = " ".join(
    f"-fwonly ${cell}"
    for cell in (
        "not pos neg and or xor xnor reduce_and reduce_or reduce_xor reduce_xnor reduce_bool "
        "shl shr sshl sshr shift shiftx lt le eq ne eqx nex ge gt add sub mul logic_not logic_and "
        "logic_or mux bmux pmux bwmux dff dffe sdff sdffe"
    ).split()
)
#: A net goes by several names: what it is called by the sentence of what is unproven, and the name.
_UNPROVEN = re.compile(r"Unproven \$equiv \S+ \\(\S+)_gold")
_NAMES = re.compile(r"wires: (\S+)_gold \(\\(\S+)_gold\)")
_INIT = re.compile(
    r"attribute \\init (1'[01])\n(?:  attribute .*\n)*  wire (?:.* )?(\\\S+)$", re.MULTILINE
)
_REGISTER = re.compile(r"connect \\Q (?:\{ )?([^}\n]+)")
_PORT = re.compile(r"^\s*(input|output) (?:\[(\d+):0\] )?(\w+);", re.MULTILINE)


def proved(verilog: str, files: dict[str, str], top: str, mutant: Mutant) -> bool:
    """Whether a mutant is proved to be equal.

    Raises
    ------
        BuildError: yosys refuses something else.
    """
    with tempfile.TemporaryDirectory(prefix="spikexact-") as place:
        folder = Path(place)
        fill(folder, verilog, {**files, "masked.v": masked(verilog, top)})
        try:
            return (
                _unread(folder, top, mutant)
                or (mutant.module != top and _equal(folder, verilog, top, mutant, mutant.module))
                or _equal(folder, verilog, top, mutant, MASKED)
            )
        except SlowTool:
            return False


def _both(side: str, top: str, mutant: Mutant, compared: str) -> str:
    """Return a script that makes both sides of a comparison."""
    gold, gate = (side.format(top=compared, name=name) for name in ("gold", "gate"))
    return (
        f"{BASE.format(top=top)}design -save base; {gold}design -load base; {mutant.line}; {gate}"
    )


def _unread(folder: Path, top: str, mutant: Mutant) -> bool:
    """Whether what is changed is read by nobody."""
    yosys(_both(_LEFT, top, mutant, MASKED), folder, UNLOCKS)
    gold, gate = ((folder / f"{name}.il").read_text("utf-8") for name in ("gold", "gate"))
    # Before the modules stands a number that counts what was made, kept or not.
    return gold[gold.index("module ") :] == gate[gate.index("module ") :]


def _equal(folder: Path, verilog: str, top: str, mutant: Mutant, compared: str) -> bool:
    """Whether a module is equal, by induction; what is in it is flattened."""
    script = _both(_SIDE, top, mutant, compared) + _INDUCTION.format(
        cycles=CYCLES, forwards=_FORWARDS
    )
    inside = top if compared == MASKED else compared
    outputs = {
        bit
        for way, high, name in ports(verilog, inside)
        if way == "output"
        for bit in (name, *(f"{name}[{k}]" for k in range(high + 1)))
    }
    unequal: list[str] = []
    for _ in range(ROUNDS):
        (folder / "unequal.txt").write_text("\n".join(unequal) + "\n", encoding="utf-8")
        try:
            yosys(script, folder, UNLOCKS)
            return _begins_equal(folder)
        except BuildError as error:
            if "unproven" not in str(error):
                raise
        nets = set(_UNPROVEN.findall((folder / "status.txt").read_text(encoding="utf-8")))
        made = _NAMES.findall((folder / "made.txt").read_text(encoding="utf-8"))
        found = nets | {name for name, net in made if net in nets}
        if found & outputs or not found - set(unequal):
            return False
        unequal += sorted(found - set(unequal))
    return False


def _begins_equal(folder: Path) -> bool:
    """Whether nothing differs in the first cycles."""
    made = (folder / "made.il").read_text(encoding="utf-8")
    values = {name: value for value, name in _INIT.findall(made)}
    kept = {name for line in _REGISTER.findall(made) for name in line.split()}
    initial = " ".join(f"-set-init {name} {values[name]}" for name in sorted(kept & values.keys()))
    try:
        yosys(_BEGINNING.format(cycles=CYCLES, initial=initial), folder, UNLOCKS)
    except BuildError as error:
        if "proof did fail" in str(error):
            return False
        raise
    return True


def ports(verilog: str, module: str) -> list[tuple[str, int, str]]:
    """Return the ports of a module: "input" or "output", highest bit, name."""
    start = re.search(rf"^module {module} ?\(", verilog, re.MULTILINE)
    assert start is not None
    body = verilog[start.start() : verilog.index("endmodule", start.start())]
    return [(way, int(high or 0), name) for way, high, name in _PORT.findall(body)]


def masked(verilog: str, top: str) -> str:
    """Return a module around a design's top: payloads are 0 while their stream's valid is low."""
    found = ports(verilog, top)
    given = {name for way, _, name in found if way == "output"}
    lines = [f"module {MASKED}({', '.join(name for _, _, name in found)});"]
    wires = []
    for way, high, name in found:
        lines.append(f"  {way} [{high}:0] {name};")
        valid = f"{name.rpartition('_')[0]}_valid"
        if way == "output":
            lines.append(f"  wire [{high}:0] whole_{name};")
            mask = f" & {{{high + 1}{{whole_{valid}}}}}" if valid in given - {name} else ""
            lines.append(f"  assign {name} = whole_{name}{mask};")
        wires.append(f".{name}({'whole_' if way == 'output' else ''}{name})")
    return "\n".join([*lines, f"  {top} device({', '.join(wires)});", "endmodule", ""])
