"""Unread: what no output of the design depends on goes.

Amaranth keeps every signal that has a name, such as flags that a configuration has no use for, and
carries it from module to module. A module that the design does not hold is kept, with all that it
is joined to.
"""

from __future__ import annotations

from collections.abc import Iterator

from .rtlil import NAME, Cell, Module

#: A net, or a memory, of a module.
Node = tuple[str, str]


def without_unread(modules: list[Module]) -> list[Module]:
    """Drop operators, registers, ports, memories and modules that nothing reads in the end.

    Each module stands in the design once. The ports of the top stay as they are.
    """
    named = {module.name: module for module in modules}
    top = next(module for module in modules if module.top)
    kept = _kept(named, top)
    for module in modules:
        _strip(module, named, kept)
    return [
        module
        for module in modules
        if module.top or module.cells or module.processes or module.connections
    ]


def _kept(named: dict[str, Module], top: Module) -> set[Node]:
    """Return every net and memory that an output of the top depends on."""
    needs: dict[Node, set[Node]] = {}
    for module in named.values():
        for results, reads in _dependencies(module, named):
            for node in results:
                needs.setdefault(node, set()).update(reads)
    kept: set[Node] = set()
    left = [(top.name, w.name) for w in top.wires.values() if w.port.startswith("output")]
    left += [
        (module.name, name)
        for module in named.values()
        for cell in module.cells
        if _foreign(cell, named)
        for nets in cell.ports.values()
        for name in NAME.findall(nets)
    ]
    while left:
        node = left.pop()
        if node not in kept:
            kept.add(node)
            left.extend(needs.get(node, ()))
    return kept


def _dependencies(
    module: Module, named: dict[str, Module]
) -> Iterator[tuple[set[Node], set[Node]]]:
    """Give what is driven, and what it is driven by, for every part of a module."""

    def nodes(nets: str) -> set[Node]:
        return {(module.name, name) for name in NAME.findall(nets)}

    for cell in module.cells:
        if cell.kind in named:
            for port, nets in cell.ports.items():
                inside = {(cell.kind, port)}
                if _leaves(named[cell.kind], port):
                    yield nodes(nets), inside
                else:
                    yield inside, nodes(nets)
            continue
        if _foreign(cell, named):
            continue
        result = _result(cell)
        reads = {node for nets in cell.ports.values() if nets != result for node in nodes(nets)}
        memory = {(module.name, name) for name in _memory(cell)}
        if result is None:
            yield memory, reads
        else:
            yield nodes(result), reads | memory
    for lines in module.processes:
        results, reads = split(lines)
        yield nodes(" ".join(results)), nodes(" ".join(reads))
    for left, right in module.connections:
        yield nodes(left), nodes(right)


def _strip(module: Module, named: dict[str, Module], kept: set[Node]) -> None:
    """Drop all of a module that is not kept."""

    def wanted(names: list[str]) -> bool:
        return any((module.name, name) in kept for name in names)

    cells, driven = [], set()
    for cell in module.cells:
        if cell.kind in named:
            cell.ports = {p: nets for p, nets in cell.ports.items() if (cell.kind, p) in kept}
            if cell.ports:
                cells.append(cell)
        elif _foreign(cell, named) or wanted(NAME.findall(_result(cell) or "") or _memory(cell)):
            cells.append(cell)
    module.cells = cells
    module.processes = [lines for lines in module.processes if wanted(split(lines)[0])]
    module.connections = [(a, b) for a, b in module.connections if wanted(NAME.findall(a))]
    for lines in module.processes:
        driven.update(split(lines)[0])
    # Of nets that are driven together some may be read and others not: all are named.
    for nets in [left for left, _ in module.connections]:
        driven.update(NAME.findall(nets))
    for cell in cells:
        driven.update(name for nets in cell.ports.values() for name in NAME.findall(nets))
    module.memories = {n: memory for n, memory in module.memories.items() if wanted([n])}
    module.wires = {
        name: wire
        for name, wire in module.wires.items()
        if (module.top and wire.port) or name in driven or wanted([name])
    }


def _foreign(cell: Cell, named: dict[str, Module]) -> bool:
    """Return whether a cell is a module that stands elsewhere; operators begin with a dollar."""
    return cell.kind.startswith("\\") and cell.kind not in named


def _leaves(module: Module, port: str) -> bool:
    return module.wires[port].port.startswith("output")


def _memory(cell: Cell) -> list[str]:
    """Return the memory that a cell is a port of."""
    return [
        value.strip('"').replace("\\\\", "\\")
        for name, value in cell.parameters
        if name == "\\MEMID"
    ]


def _result(cell: Cell) -> str | None:
    """Return what an operator, register or read port drives; None of what writes a memory."""
    if cell.kind in ("$memwr_v2", "$meminit_v2"):
        return None
    return next(cell.ports[port] for port in ("\\Y", "\\Q", "\\DATA") if port in cell.ports)


def split(lines: list[str]) -> tuple[list[str], list[str]]:
    """Return the nets that a process drives, and those that it reads."""
    results: list[str] = []
    reads: list[str] = []
    for line in lines[1:]:  # the first is the name
        if line.startswith("assign "):
            left = line.removeprefix("assign ")
            end = left.index("} ") + 1 if left.startswith("{") else left.index(" ")
            results += NAME.findall(left[:end])
            reads += NAME.findall(left[end:])
        else:
            reads += NAME.findall(line)
    return results, reads
