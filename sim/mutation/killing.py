"""Killing: a mutant is run as ``verify`` runs the rtl backend, and compared with the reference."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mapping import Network

from ..backends import rtl
from ..compare import agreement
from ..engines.cxxrtl import Simulation
from ..tools import ProtocolError
from ..trace import Trace

#: What killed a mutant to how the sentence that says so reads; the first that fits.
BY = {
    "malformed input": "after malformed input",
    "reset, stalls, lengths": "change after a reset",
    "cycles": "cycles, and the plan says|cycles after the one before",
    "a hang": "the device hangs",
    "too many beats": "sends too many beats",
    "a memory's bounds": "outside a memory",
    "a beat in reset": "takes a beat during reset",
    "a beat that waits": "changes an output beat that waits",
    "output stream": "output stream",
    "order of the trace": r"sent a wrong|sent \d+ beats",
    "error bits": "the device reports",
}
#: What is compared with the reference, by the name that a divergence has for it.
COMPARED = {"spike": "spikes", "v": "membranes"}


@dataclass(frozen=True)
class Bench:
    """What every mutant is run with.

    Attributes
    ----------
        library: of all mutants. x: inputs, encoded. expected: the reference's trace.
        seed: of stalls and of what the harder run does.
    """

    network: Network
    library: Path
    manifest: dict[str, Any]
    x: np.ndarray
    expected: Trace
    seed: int


def kill(bench: Bench, number: int) -> tuple[str, str] | None:
    """Return what kills a mutant (0: the design as it is) and a sentence; None if it survives."""
    with Simulation(bench.library, bench.manifest) as simulation:
        simulation.select(number)
        try:
            trace = rtl.drive(
                bench.network, bench.x, simulation, bench.manifest, ("spikes", "v"), bench.seed,
                (0, 0),
            )  # fmt: skip
        except ProtocolError as error:
            said = " ".join(str(error).split())
            return next((by for by, reads in BY.items() if re.search(reads, said)), "other"), said
    found = agreement(bench.expected, trace).divergence
    return None if found is None else (COMPARED[found.what], str(found))
