"""Answers of a design that reads out its classes: what comes, and what its own trace says.

A design that stops ends a sample early on its own account: how far it went is in its trace. What
was not run is not there, and nothing is compared with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mapping import Network

from ..engines.cxxrtl import Streams, leaving_bits
from ..tools import ProtocolError
from ..trace import scores
from . import beats


@dataclass(frozen=True)
class Answers:
    """Class, score and whether a spike decided, (samples,) int64 and bool."""

    classes: np.ndarray
    scores: np.ndarray
    fired: np.ndarray


def told(streams: Streams, output: dict[str, Any]) -> Answers:
    """Return the answers that came."""
    ports = output["ports"]
    score = leaving_bits({**output, "ports": {**ports, "score": 0}})
    return Answers(
        beats.field(streams.out, 0, int(ports["class"])),
        beats.field(streams.out, score, int(ports["score"]), signed=True),
        streams.out_flags.astype(bool),
    )


def right(network: Network, spikes: np.ndarray, v: np.ndarray) -> tuple[int, int, bool]:
    """Return class, score and whether a spike decided, by the reference's read-out.

    Args:
        spikes, v: of the read-out's population, (T', neurons). The score of a first spike is its
            timestep.
    """
    source, first = network.readout.source, network.readout.kind == "first_spike"
    given = {source: spikes[None]} if network[source].spiking else {}
    found = scores(network, given, {source: v[None]})
    assert found is not None
    called = int(found[0].argmax())
    fired = first and bool(spikes.any())
    score = int(found[0, called])
    return called, len(spikes) - score if fired else score, fired


def check(
    network: Network, got: Answers, ran: Sequence[tuple[np.ndarray, np.ndarray]], name: str
) -> None:
    """Check the answers of samples against the trace of their population.

    Args:
        ran: spikes and membranes of each sample that has an answer, of all timesteps that ran.

    Raises
    ------
        ProtocolError: an answer is another; the first is named.
    """
    if len(got.classes) != len(ran):
        raise ProtocolError(f"{len(got.classes)} classes came, of {len(ran)} samples")
    for sample, (spikes, v) in enumerate(ran):
        called, score, fired = right(network, spikes, v)
        seen = (int(got.classes[sample]), int(got.scores[sample]), bool(got.fired[sample]))
        if seen != (called, score, fired):
            raise ProtocolError(
                f"sample {sample}: class {seen[0]} with score {seen[1]} came, and the trace of "
                f"{name!r} says class {called} with score {score}"
                + (f" (a spike decided: {fired}, not {seen[2]})" if fired != seen[2] else "")
            )


def stopped(
    ports: dict[str, np.ndarray], population: dict[str, Any], most: Sequence[int],
    manifest: dict[str, Any],
) -> list[int]:  # fmt: skip
    """Return the timesteps that each sample ran, by the trace of the read-out's population.

    Args:
        most: timesteps of each sample that was sent, in whole blocks.

    Raises
    ------
        ProtocolError: samples are missing, or one has ended before anything fired.
    """
    name, lanes = population["name"], int(population["lanes"])
    index = beats.field(ports["index"], 0, int(population["ports"]["index"]))
    begins = np.flatnonzero((index == 0) & (beats.field(ports["starts"], 0, 1) == 1))
    if len(begins) != len(most):
        raise ProtocolError(f"{name!r} began {len(begins)} samples, not {len(most)}")
    fires = beats.lanes_of(ports["spike"], lanes, 1, signed=False).any(axis=1)
    rows = int(population["neurons"]) // lanes
    first, block = int(manifest["block_first"]), int(manifest["block"])
    found = []
    for sample, (start, end) in enumerate(zip(begins, [*begins[1:], len(index)], strict=True)):
        steps = first + (int(end - start) // rows - first) // block * block
        if steps < most[sample] and not fires[start:end].any():
            raise ProtocolError(
                f"sample {sample} stopped after {steps} of {most[sample]} timesteps, and no "
                f"neuron of {name!r} has fired"
            )
        found.append(steps)
    return found
