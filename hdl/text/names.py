"""Names: those that a person reads in the Verilog, instead of Amaranth's dots and numbers.

- A module is called by its path from the top, ``network_leave_fifo``.
- A net that leaves an instance is called ``INSTANCE_PORT``.
- What a register takes next is called ``REGISTER_next``.
- A second signal of one name gets ``_2``; a keyword gets a trailing ``_``.
- Other nets are those within expressions: ``n12``.

Second names of one and the same net are dropped, and so is what is zero bits wide.
"""

from __future__ import annotations

import re

from .rtlil import NAME, Module

#: Keywords of Verilog and SystemVerilog that a hardware designer may well use as a name.
KEYWORDS = frozenset(
    "alias always and assert assign assume begin bind bins bit break buf byte case cell checker "
    "class clocking config const context continue cover cross deassign default design disable dist "
    "do edge else end enum event expect export extends extern final for force forever fork "
    "function generate global if import include inout input inside instance int integer interface "
    "join large let library local logic medium module nand negedge new nor not null or output "
    "package packed parameter posedge primitive priority property protected pull0 pull1 pulldown "
    "pullup pure rand real ref reg reject_on release repeat restrict return rtran scalared "
    "sequence shortint shortreal signed small solve specify static string strong struct super "
    "supply0 supply1 table tagged task this throughout time timeprecision timeunit tran tri type "
    "typedef union unique unsigned until use var vectored virtual void wait wand weak while "
    "wildcard wire with within wor xnor xor".split()
)
#: Yosys' way to have every ``always @*`` run once when a simulation begins.
AT_START = "at_start"
#: Names that ``renumbered`` gives.
_NUMBERED = re.compile(rf"(n|read_)\d+|{AT_START}")
#: A port that carries a part of a word has no name of its own.
_PART = re.compile(r"\\port\$\d+\$\d+")
_SAFE = re.compile(r"[^A-Za-z0-9_]")


def tidied(modules: list[Module]) -> None:
    """Give every module and net its name; drop second names and nets without bits."""
    for module in modules:
        _without_seconds(module)
        _without_empty(module)
    leaving = {
        module.name: {w.name for w in module.wires.values() if w.port.startswith("output")}
        for module in modules
    }
    carried = _carried(modules, leaving)
    ports: dict[str, dict[str, str]] = {}
    for module in reversed(modules):  # a module comes before those that stand in it
        ports[module.name] = _named(module, leaving, ports, carried)
    for module in modules:
        for cell in module.cells:
            if cell.kind in ports:
                new = ports[cell.kind]
                cell.ports = {new[port]: nets for port, nets in cell.ports.items() if port in new}
                cell.kind = _path(cell.kind)
    for module in modules:
        module.name = _path(module.name)


def _path(name: str) -> str:
    return "\\" + _SAFE.sub("_", name[1:])


def _without_seconds(module: Module) -> None:
    """Drop names of nets that have another, and initial values of what is no register."""
    registers = {cell.ports["\\Q"].split()[0] for cell in module.cells if "\\Q" in cell.ports}
    kept = []
    for left, right in module.connections:
        wire = module.wires[left.split()[0]]
        second = module.whole(right) is not None or not NAME.search(right)
        if not wire.port and (second or re.search(r"[$.\[]", wire.name)):
            del module.wires[wire.name]
        else:
            kept.append((left, right))
    module.connections = kept
    for wire in module.wires.values():
        if wire.name not in registers:
            wire.attributes = {n: v for n, v in wire.attributes.items() if n != "\\init"}


def _carried(modules: list[Module], leaving: dict[str, set[str]]) -> dict[tuple[str, str], str]:
    """Name ports that Amaranth numbers, by module and port: of parts of a word that goes further.

    They are called by what they carry, where that leaves an instance by a name.
    """
    found = {}
    for module in modules:
        inside = [cell for cell in module.cells if cell.kind in leaving]
        from_ = {
            nets: f"{_bare(cell.name)}_{_bare(port)}"
            for cell in inside
            for port, nets in cell.ports.items()
            if port in leaving[cell.kind] and not re.search(r"\$|__", port)
        }
        for cell in inside:
            for port, nets in cell.ports.items():
                if _PART.fullmatch(port) and nets in from_:
                    found[cell.kind, port] = from_[nets]
    return found


def _without_empty(module: Module) -> None:
    """Drop nets of no bits."""
    empty = {name for name, wire in module.wires.items() if wire.width == 0}
    module.wires = {name: wire for name, wire in module.wires.items() if name not in empty}
    module.connections = [(left, right) for left, right in module.connections if left not in empty]


def _named(
    module: Module, leaving: dict[str, set[str]], inside: dict[str, dict[str, str]],
    carried: dict[tuple[str, str], str],
) -> dict[str, str]:  # fmt: skip
    """Name the nets of a module; return the new names of its ports.

    Args:
        leaving: the output ports of every module. inside: new names of ports, of the modules in it.
        carried: names of ports that have none, see ``_carried``.
    """
    taken: set[str] = {name[1:] for name in module.memories}
    new: dict[str, str] = {}

    def name(old: str, wanted: str) -> None:
        wanted = _SAFE.sub("_", wanted)
        wanted += "_" * (wanted in KEYWORDS)
        free, k = wanted, 1
        while free in taken or _NUMBERED.fullmatch(free):
            k += 1
            free = f"{wanted}_{k}"
        taken.add(free)
        new[old] = "\\" + free

    of_memories = {} if module.top else _of_memories(module)
    ports = [wire.name for wire in module.wires.values() if wire.port]
    for port in ports:
        name(port, carried.get((module.name, port)) or of_memories.get(port) or _bare(port))
    between: dict[str, tuple[bool, str]] = {}
    registers: dict[str, str] = {}
    for cell in module.cells:
        for port, nets in cell.ports.items() if cell.kind in leaving else ():
            wire = module.whole(nets)
            if wire is not None and wire not in new:
                # Where a net comes from says more than where it goes to.
                found = (
                    port not in leaving[cell.kind],
                    f"{_bare(cell.name)}_{inside[cell.kind][port][1:]}",
                )
                if wire not in between or found[0] < between[wire][0]:
                    between[wire] = found
        if "\\Q" in cell.ports:
            after = module.whole(cell.ports["\\D"])
            if after is not None and after.startswith("$"):
                registers[after] = cell.ports["\\Q"].split()[0]
    for wire, (_, wanted) in between.items():
        if wire not in registers.values():
            name(wire, wanted)
    plain = [w for w in module.wires if w not in new and not re.fullmatch(r"\$\d+", w)]
    for wire in sorted(plain, key=lambda w: "$" in w):  # what has its own name keeps it
        name(wire, of_memories.get(wire) or _bare(wire))
    for wire in module.wires:
        if wire not in new and wire in registers and registers[wire] in new:
            name(wire, f"{new[registers[wire]][1:]}_next")
    module.nets(lambda nets: NAME.sub(lambda found: new.get(found[0], found[0]), nets))
    for wire in module.wires.values():
        wire.name = new.get(wire.name, wire.name)
    module.wires = {wire.name: wire for wire in module.wires.values()}
    return {port: new[port] for port in ports}


def _of_memories(module: Module) -> dict[str, str]:
    """Name the nets at the ports of memories: Amaranth's names differ from Python to Python."""
    named = {}
    for cell in module.cells:
        way = {"$memrd_v2": "read", "$memwr_v2": "write"}.get(cell.kind)
        for port in ("ADDR", "DATA", "EN") if way else ():
            memory = dict(cell.parameters)["\\MEMID"].strip('"').lstrip("\\")
            for wire in NAME.findall(cell.ports[f"\\{port}"])[:1]:
                if re.fullmatch(r".*__(addr|data|en)(\$\d+)?", wire):
                    named.setdefault(wire, f"{memory}_{way}_{port.lower()}")
    return named


def _bare(name: str) -> str:
    """Return a name without the number that Amaranth put behind it."""
    return re.sub(r"\$\d+$", "", name.lstrip("\\$")) or "net"


def renumbered(text: str) -> str:
    """Rename what Yosys and Amaranth numbered, in Verilog text: ``\\$12`` becomes ``n12``.

    An escaped identifier ends with a space of its own.
    """
    text = re.sub(r"\\\$auto\$verilog_backend\S* ", AT_START, text)
    own = dict.fromkeys(re.findall(r"\\\$auto\$\S+ ", text))  # what Yosys made of a constant
    for k, name in enumerate(own):
        text = text.replace(name, f"between_{k}")
    text = re.sub(r"\b_(\d+)_(?=\W)", r"read_\1", text)
    return re.sub(r"\\\$(\d+) ", r"n\1", text)
