"""What the streams of an emitted design say, checked against each other, as arrays and a Trace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from mapping import Network

from ..engines.cxxrtl import Streams
from ..trace import Record, Trace, finish, needed
from . import answers, beats

#: By population, spikes and membranes of each sample, (T', neurons).
Ran = dict[str, list[tuple[np.ndarray, np.ndarray]]]


def reads(manifest: dict[str, Any]) -> bool:
    """Whether a design reads out its classes."""
    return bool(manifest["output"]["values"] == "classes")


def stops(manifest: dict[str, Any]) -> bool:
    """Whether its samples end at their first output spike."""
    return reads(manifest) and bool(manifest["output"]["stop"])


def wanted(lengths: Sequence[int], manifest: dict[str, Any]) -> dict[str, int | None]:
    """Return the beats that must come of samples, by stream; None: the data decide.

    Args:
        lengths: timesteps of each sample.
    """
    output = manifest["output"]
    totals = [beats.whole(n, manifest) for n in lengths]

    def count(stream: dict[str, Any], p: dict[str, Any]) -> int:
        return sum(len(beats.rows(stream, int(p["neurons"]), t, manifest)) for t in totals)

    want: dict[str, int | None] = {
        p["trace"]: None if stops(manifest) else count(p, p) for p in manifest["populations"]
    }
    want["o"] = len(totals) if reads(manifest) else count(output, read_out(manifest))
    return want


def decoded(
    network: Network, streams: Streams, lengths: Sequence[int], manifest: dict[str, Any]
) -> Ran:
    """Return spikes and membranes of samples, of the timesteps that ran.

    Raises
    ------
        ProtocolError: beats are missing or out of order, or what leaves is not what the trace says.
    """
    source, totals = read_out(manifest), [beats.whole(n, manifest) for n in lengths]
    ports = streams.taps[source["trace"]]
    if stops(manifest):
        totals = answers.stopped(ports, source, totals, manifest)
        lengths = [min(pair) for pair in zip(lengths, totals, strict=True)]
    ran = {
        p["name"]: beats.neurons(streams.taps[p["trace"]], p, lengths, manifest)
        for p in manifest["populations"]
    }
    if reads(manifest):
        whole = beats.neurons(ports, source, totals, manifest)
        got = answers.told(streams, manifest["output"])
        answers.check(network, got, whole, source["name"])
    else:
        beats.check_output(streams, ran, lengths, manifest)
    return ran


def traced(
    network: Network, backend: str, ran: Ran, steps: int, manifest: dict[str, Any],
    record: Record, classes: Sequence[int], **info: Any,
) -> Trace:  # fmt: skip
    """Return the Trace of samples of so many timesteps.

    Args:
        classes: that came, where the design reads them out.
    """
    read_s, read_v = needed(network)
    spiking = [p.name for p in network.populations if p.spiking]
    keep_s = [n for n in spiking if "spikes" in record or n in read_s]
    keep_v = [n for n in ran if "v" in record or n in read_v]

    def stacked(name: str, which: int) -> np.ndarray:
        samples = [pair[which] for pair in ran[name]]
        full = [np.pad(one, ((0, steps - len(one)), (0, 0))) for one in samples]
        return np.stack(full).reshape(len(full), steps, *network.shapes[name])

    if reads(manifest) and beats.whole(steps, manifest) == steps:
        info["classes"] = list(classes)
    spikes, v = {n: stacked(n, 0) for n in keep_s}, {n: stacked(n, 1) for n in keep_v}
    trace = finish(network, backend, spikes, v, **info)
    if stops(manifest):
        some = next(iter(ran.values()))
        trace = replace(trace, ran=np.array([len(v) for _, v in some], np.int64))
    return trace


def read_out(manifest: dict[str, Any]) -> dict[str, Any]:
    """Return the population that is read out."""
    name = manifest["output"]["population"]
    return next(p for p in manifest["populations"] if p["name"] == name)
