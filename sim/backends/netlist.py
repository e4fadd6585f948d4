"""The netlist backends: what Yosys makes of the emitted Verilog for a family, cell by cell.

The same vectors and the same driver as ``rtl``: a first run at full rate, cycles compared with the
plan, then a harder one with a reset, stalls and samples of other lengths. The ports of the trace
stay at the top, so that membranes are compared as well. A row a family: ``netlist_ecp5.py``,
``netlist_ice40.py``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from mapping import Network
from mapping.coding import encode

from ..engines import cxxrtl, synthesis
from ..trace import Record, Trace
from .rtl import design, drive


def run(
    network: Network,
    inputs: np.ndarray,
    record: Record = ("spikes", "v"),
    rtl: Path | str | None = None,
    pe: Any = None,
    simd: Any = None,
    lanes: Any = None,
    block: int | None = None,
    parallel: int = 1,
    seed: int = 0,
    stalls: tuple[int, int] = (0, 0),
    family: str = "ecp5",
) -> Trace:
    """Run a batch of inputs through a family's netlist of the Verilog.

    Args:
        rtl, pe, simd, lanes, block, parallel, seed, stalls: as of ``sim.backends.rtl.run``.
        family: of ``synthesis.FAMILIES``.

    Raises
    ------
        As ``sim.backends.rtl.run``.
    """
    name = f"netlist-{family}"
    unlocks = f"the {name} backend"
    x = encode(network.input, inputs, network.timesteps)
    text, files, manifest = design(network, rtl, pe, simd, lanes, block, parallel)
    cells = synthesis.netlist(text, files, str(manifest["top"]), family, unlocks)
    made = synthesis.FAMILIES[family]
    library = cxxrtl.build(cells, manifest, made.files, made.recipe(unlocks))
    with cxxrtl.Simulation(library, manifest) as simulation:
        trace = drive(network, x, simulation, manifest, record, seed, stalls, name)
    if rtl is None:
        trace.info["verilog_sha256"] = manifest["verilog_sha256"]
    return trace
