"""RTLIL text, as Amaranth writes it: lines to modules of wires, memories, cells and processes.

Only what Amaranth emits is read: one statement a line, identifiers followed by a space. That is
enough to rename, share and drop things before Yosys writes Verilog of it.
Source: the appendix "RTLIL text representation" of the Yosys manual.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

#: An identifier; what Amaranth named starts with a backslash, what it numbered with a dollar.
NAME = re.compile(r"(?<!\S)[\\$]\S+")


@dataclass
class Wire:
    """A net; port is ``""``, or ``"input 3 "`` and the like."""

    name: str
    width: int
    port: str
    attributes: dict[str, str]


@dataclass
class Memory:
    """A memory of ``size`` words."""

    name: str
    width: int
    size: int
    attributes: dict[str, str]


@dataclass
class Cell:
    """An operator, register, memory port, or another module."""

    kind: str
    name: str
    parameters: list[tuple[str, str]] = field(default_factory=list)
    ports: dict[str, str] = field(default_factory=dict)


@dataclass
class Module:
    """One module; connections are (left, right), processes are lines."""

    name: str
    wires: dict[str, Wire] = field(default_factory=dict)
    memories: dict[str, Memory] = field(default_factory=dict)
    cells: list[Cell] = field(default_factory=list)
    processes: list[list[str]] = field(default_factory=list)
    connections: list[tuple[str, str]] = field(default_factory=list)
    top: bool = False

    def nets(self, change: Callable[[str], str]) -> None:
        """Put every use of nets (not their declarations) through a function."""
        for cell in self.cells:
            cell.ports = {port: change(nets) for port, nets in cell.ports.items()}
        self.processes = [[change(line) for line in lines] for lines in self.processes]
        self.connections = [(change(left), change(right)) for left, right in self.connections]

    def whole(self, nets: str) -> str | None:
        """Return the wire that an expression is all of, or None."""
        name, _, part = nets.partition(" ")
        wire = self.wires.get(name)
        if wire is None:
            return None
        every = ("", "[0]" if wire.width == 1 else f"[{wire.width - 1}:0]")
        return name if part.strip() in every else None


class UnknownText(ValueError):
    """A line that Amaranth did not write before."""


def parsed(text: str) -> list[Module]:
    """Return the modules of RTLIL text.

    Raises
    ------
        UnknownText: a line that is not known.
    """
    modules: list[Module] = []
    lines = iter(text.splitlines())
    attributes: dict[str, str] = {}
    for line in lines:
        words = line.split(None, 2)
        if not words or words == ["end"]:
            continue
        kind = words[0]
        if kind == "attribute":
            attributes[words[1]] = words[2]
            continue
        if kind == "module":
            modules.append(Module(words[1], top="\\top" in attributes))
        elif kind == "wire":
            _, _, width, *port, name = line.split()
            shown = " ".join(port) + " " if port and port != ["signed"] else ""
            modules[-1].wires[name] = Wire(name, int(width), shown, attributes)
        elif kind == "memory":
            _, _, width, _, size, name = line.split()
            modules[-1].memories[name] = Memory(name, int(width), int(size), attributes)
        elif kind == "cell":
            modules[-1].cells.append(_cell(words[1], words[2], lines))
        elif kind == "process":
            modules[-1].processes.append([line.strip(), *_process(lines)])
        elif kind == "connect":
            name, _, rest = line.strip().removeprefix("connect ").partition(" ")
            if name == "{":
                raise UnknownText(f"RTLIL text is not understood: {line.strip()[:80]!r}")
            part, _, after = rest.partition("] ") if rest.startswith("[") else ("", "", rest)
            left = f"{name} {part}]" if part else name
            modules[-1].connections.append((left, after))
        else:
            raise UnknownText(f"RTLIL text is not understood: {line.strip()[:80]!r}")
        attributes = {}
    return modules


def _cell(kind: str, name: str, lines: Iterator[str]) -> Cell:
    cell = Cell(kind, name)
    for line in lines:
        word, _, rest = line.strip().partition(" ")
        if word == "end":
            return cell
        what, _, value = rest.partition(" ")
        if word == "parameter" and what == "signed":
            what, _, value = value.partition(" ")
            what = f"signed {what}"
        if word == "parameter":
            cell.parameters.append((what, value))
        elif word == "connect":
            cell.ports[what] = value
        else:
            raise UnknownText(f"RTLIL text is not understood: {line.strip()[:80]!r}")
    raise UnknownText(f"cell {name} has no end")


def _process(lines: Iterator[str]) -> Iterator[str]:
    depth = 1
    while depth:
        line = next(lines).strip()
        depth += line.startswith("switch ") - (line == "end")
        yield line


def formatted(modules: list[Module]) -> str:
    """Return RTLIL text of modules."""
    out: list[str] = []
    for module in modules:
        out += ["attribute \\top 1"] * module.top
        out.append(f"module {module.name}")
        for memory in module.memories.values():
            out += [f"attribute {name} {value}" for name, value in memory.attributes.items()]
            out.append(f"memory width {memory.width} size {memory.size} {memory.name}")
        for wire in module.wires.values():
            out += [f"attribute {name} {value}" for name, value in wire.attributes.items()]
            out.append(f"wire width {wire.width} {wire.port}{wire.name}")
        for cell in module.cells:
            out.append(f"cell {cell.kind} {cell.name}")
            out += [f"parameter {name} {value}" for name, value in cell.parameters]
            out += [f"connect {port} {nets}" for port, nets in cell.ports.items()]
            out.append("end")
        for lines in module.processes:
            out += lines
        out += [f"connect {left} {right}" for left, right in module.connections]
        out.append("end")
    return "\n".join(out) + "\n"
