"""Sharing: equal operators of a module become one.

Amaranth copies an expression wherever it is used; a tree of full adders would come out several
times its size.
"""

from __future__ import annotations

from .rtlil import NAME, Cell, Module


def shared(module: Module) -> None:
    """Keep one of each set of operators with the same inputs; operands come first in the text."""
    kept: dict[tuple[object, ...], str] = {}
    instead: dict[str, str] = {}
    cells: list[Cell] = []

    def change(nets: str) -> str:
        return NAME.sub(lambda found: instead.get(found[0], found[0]), nets)

    for cell in module.cells:
        cell.ports = {port: change(nets) for port, nets in cell.ports.items()}
        result = cell.ports.get("\\Y", "")
        if cell.kind.startswith("$") and result.startswith("$"):
            inputs = tuple((p, nets) for p, nets in cell.ports.items() if p != "\\Y")
            key = (cell.kind, tuple(cell.parameters), inputs)
            if key in kept:
                instead[result] = kept[key]
                del module.wires[result]
                continue
            kept[key] = result
        cells.append(cell)
    module.cells = cells
    module.nets(change)
