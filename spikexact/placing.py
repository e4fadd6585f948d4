"""What ``spikexact place`` does: a run for its spikes, the placement, its table and its JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import sim
from mapping import Network
from mapping.coding import digest as inputs_digest
from mapping.files import digest
from mapping.loihi import PROFILES, estimate, place
from mapping.loihi.document import document
from mapping.loihi.events import events, mean_spikes, outputs_of

from . import files
from .data import fitted, labelled

#: Of place.json.
FORMAT = 1


def samples_of(network: Network, data: str, samples: int) -> np.ndarray:
    """Return the first samples of a .npy of inputs, or of what ``evaluate`` takes as DATA.

    Raises
    ------
        ValueError: it is missing, damaged, or does not fit the network.
    """
    if Path(data).suffix == ".npy":
        return fitted(network, files.inputs(Path(data)), data)[:samples]
    return np.asarray(labelled(network, data)[0][np.arange(samples)])


def placed(network: Network, chip: str, inputs: np.ndarray | None, seed: int = 0) -> dict[str, Any]:
    """Return place.json of a network.

    Args:
        inputs: that are run for their spikes; None: each neuron counts as one spike a sample.

    Raises
    ------
        Unsupported: a population does not fit the chip; the limit that it breaks is named.
    """
    spikes = counted = None
    if inputs is not None:
        trace = sim.run(network, inputs, "fast")
        outputs = outputs_of(network, inputs, trace)
        spikes = mean_spikes(outputs)
    best = place(network, chip, spikes, seed)
    naive = place(network, chip, spikes, seed, "row_major")
    estimates = []
    if inputs is not None:
        counted = events(network, best, outputs, trace.v)
        estimates = [
            estimate(network, best, counted, p) for p in PROFILES.values() if p.chip == chip
        ]
    return {
        "format": FORMAT,
        "network_sha256": digest(network),
        "inputs_sha256": None if inputs is None else inputs_digest(inputs),
        "samples": None if inputs is None else len(inputs),
        **document(network, best, naive, estimates),
    }


def tables(found: dict[str, Any]) -> list[tuple[str, list[dict[str, Any]]]]:
    """Return titles and rows of what a person reads of place.json."""
    chips = len({core["chip"] for core in found["cores"]})
    spread = "spikes of the data" if found["measured"] else "one spike a neuron"
    title = f"{found['cores_used']} cores of {found['chip']} on {chips} chips; traffic: {spread}"
    held = {row["population"]: row for row in found["holds"]}
    body = [
        {
            "population": row["population"],
            "neurons": f"{row['neurons']:,}",
            "cores": row["cores"],
            "tile": " x ".join(map(str, row["tile"])),
            "binds": row["binds"],
            "as it is": "yes" if held[row["population"]]["as_is"] else "no",
            "why not": "; ".join(held[row["population"]]["reasons"][:2])
            if not held[row["population"]]["as_is"]
            else "",
        }
        for row in found["populations"]
    ]
    limits = [
        {
            "limit": row["limit"],
            "used, at most": row["used"],
            "max": "not checked" if row["value"] is None else row["value"],
            "source": row["source"],
        }
        for row in found["limits"]
        if row["used"] is not None
    ]
    return [(title, body), ("limits of a core", limits)]


def lines(found: dict[str, Any]) -> list[str]:
    """Return the sentences below the tables."""
    way, naive = found["spike_hops"], found["spike_hops_row_major"]
    less = f", {1 - way / naive:.0%} less than row by row" if naive else ""
    said = [f"spikes x hops a sample: {way:,.0f}{less}; rules broken: {len(found['broken'])}"]
    said += found["broken"][:8]
    for one in found["estimates"]:
        said.append(
            f"{one['profile']}: {one['energy_pj'] * 1e-6:.4g} uJ and {one['time_ns'] * 1e-3:.4g} us"
            f" a sample, modelled; {one['about']}"
        )
        said += [f"  beyond it: {text}" for text in one["beyond"]]
    if not found["estimates"]:
        why = (
            "what an operation takes is not published"
            if found["chip"] != "loihi1"
            else "give --data"
        )
        said.append(f"energy and time: none for {found['chip']} here: {why}")
    return said
