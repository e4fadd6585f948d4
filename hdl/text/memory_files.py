"""Memories of a design: which begin with contents, in which form, and of what they are made.

- What is written never begins with contents: it is written before it is read, or what is read is
  not used.
- Contents above ``LIMIT`` bits stand in a file of their own, in hexadecimal, read by ``$readmemh``:
  tools take long over as many lines of Verilog.
- From ``BLOCK`` bits on a memory asks for block RAM.
"""

from __future__ import annotations

from amaranth.hdl import ClockSignal, Elaboratable, Instance
from amaranth.lib.memory import Memory

from .rtlil import Cell, Module
from .rtlil import Memory as Declared

#: Bits of contents from which a file is written, and of a memory from which block RAM is asked for.
LIMIT, BLOCK = 1 << 16, 1 << 13
_ROM = "rom_of_a_file"


class Memories:
    """What Amaranth asks for every memory: large ROMs are kept out of its netlist."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, list[int]]] = []  # width, words

    def get_memory(self, memory: Memory) -> Elaboratable:
        """Return a memory as Amaranth makes it, or a mark in place of a large ROM."""
        width, depth = len(memory.read_ports[0].data), memory.depth
        if memory.write_ports or width * depth <= LIMIT:
            return memory.elaborate(None)
        (port,) = memory.read_ports
        self.rows.append((width, list(memory.init)))
        return Instance(
            _ROM, ("p", "ROWS", len(self.rows) - 1),
            ("i", "CLK", ClockSignal()), ("i", "ADDR", port.addr), ("o", "DATA", port.data),
        )  # fmt: skip

    def placed(self, module: Module) -> dict[str, str]:
        """Declare large ROMs in place of their marks; return their files by name."""
        files = {}
        for k, cell in enumerate(module.cells):
            if cell.kind != f"\\{_ROM}":
                continue
            width, words = self.rows[int(dict(cell.parameters)["\\ROWS"])]
            name = cell.name[1:]
            digits = -(-width // 4)
            files[f"{name}.hex"] = "".join(f"{word:0{digits}x}\n" for word in words)
            module.memories[cell.name] = Declared(cell.name, width, len(words), {})
            address = (len(words) - 1).bit_length()
            module.cells[k] = _read_port(f"{name}", width, address, cell.ports)
        return files


def _read_port(name: str, width: int, address: int, ports: dict[str, str]) -> Cell:
    unknown = f"{width}'{'x' * width}"
    parameters = {
        "MEMID": f'"\\\\{name}"', "ABITS": address, "WIDTH": width, "TRANSPARENCY_MASK": "0'0",
        "COLLISION_X_MASK": "0'0", "ARST_VALUE": unknown, "SRST_VALUE": unknown,
        "INIT_VALUE": unknown, "CE_OVER_SRST": 0, "CLK_ENABLE": 1, "CLK_POLARITY": 1,
    }  # fmt: skip
    return Cell(
        "$memrd_v2", f"\\{name}_port", [(f"\\{n}", str(v)) for n, v in parameters.items()],
        {
            "\\ADDR": ports["\\ADDR"], "\\DATA": ports["\\DATA"], "\\ARST": "1'0",
            "\\SRST": "1'0", "\\EN": "1'1", "\\CLK": ports["\\CLK"],
        },
    )  # fmt: skip


def styled(module: Module) -> None:
    """Take the zeros out of RAMs, and ask for block RAM for large memories."""
    written = {_of(cell) for cell in module.cells if cell.kind == "$memwr_v2"}
    module.cells = [
        cell for cell in module.cells if cell.kind != "$meminit_v2" or _of(cell) not in written
    ]
    for memory in module.memories.values():
        if memory.width * memory.size >= BLOCK:
            style = "\\ram_style" if memory.name in written else "\\rom_style"
            memory.attributes.setdefault(style, '"block"')


def _of(cell: Cell) -> str:
    return dict(cell.parameters)["\\MEMID"].strip('"').replace("\\\\", "\\")


def loaded(text: str, files: dict[str, str]) -> str:
    """Let Verilog read its memories from their files."""
    for file in files:
        name = file.removesuffix(".hex")
        before, declared, after = text.partition(f"] {name} [")
        if not declared or f"] {name} [" in after:
            raise ValueError(f"memory {name} is not declared once in the Verilog")
        range_, _, rest = after.partition("\n")
        line = f'  initial $readmemh("{file}", {name});'
        text = f"{before}{declared}{range_}\n{line}\n{rest}"
    return text
