"""Payloads of the emitted design's streams, to and from arrays; all layouts from the manifest."""

from __future__ import annotations

from typing import Any

import numpy as np

from mapping import Network

from ..engines.cxxrtl import Streams
from ..tools import ProtocolError


def refuse(network: Network) -> None:
    """Raise Unsupported where a width of the design is beyond what is proved."""
    from hdl.design import layers

    layers(network)


def input_beats(x: np.ndarray, stream: dict[str, Any]) -> np.ndarray:
    """Return input payloads, (samples * T * words, chunks) uint32.

    Args:
        x: (samples, T, *shape) unsigned integers.
        stream: the manifest's "input".
    """
    samples, steps = x.shape[:2]
    values = x.reshape(samples * steps, -1)
    words, simd, p = int(stream["beats_per_timestep"]), int(stream["simd"]), int(stream["bits"])
    padded = np.zeros((len(values), words * simd), values.dtype)
    padded[:, : values.shape[1]] = values
    bits = (padded[..., None] >> np.arange(p, dtype=values.dtype)) & 1
    chunks = -(-int(stream["payload_bits"]) // 32)
    payload = np.zeros((samples, steps, words, chunks * 32), np.uint8)
    fields = stream["payload"]
    low, width = fields["data"]
    payload[..., low : low + width] = bits.reshape(samples, steps, words, simd * p)
    payload[:, 0, :, fields["first"][0]] = 1
    payload[:, :, -1, fields["last"][0]] = 1
    packed = np.packbits(payload.reshape(-1, chunks * 32), axis=1, bitorder="little")
    return packed.view("<u4")


def field(beats: np.ndarray, place: list[int], signed: bool = False) -> np.ndarray:
    """Return one field of every payload, int64; place is [offset, width], width at most 64."""
    offset, width = place
    wide = np.concatenate([beats, np.zeros((len(beats), 3), np.uint32)], axis=1).astype(np.uint64)
    chunk, shift = divmod(offset, 32)
    low = wide[:, chunk] | wide[:, chunk + 1] << np.uint64(32)
    value = low >> np.uint64(shift)
    if shift:
        value |= wide[:, chunk + 2] << np.uint64(64 - shift)
    left = np.uint64(64 - width)
    value = (value << left).view(np.int64)
    return value >> int(left) if signed else (value.view(np.uint64) >> left).view(np.int64)


def neurons(
    beats: np.ndarray, population: dict[str, Any], fields: dict[str, list[int]],
    samples: int, steps: int,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Return (spikes bool, v int64) of (samples, T, neurons) from a stream of neurons.

    Raises
    ------
        ProtocolError: a beat is out of order, or its flags are not what they must be.
    """
    count, name = int(population["neurons"]), population["name"]
    shape = (samples, steps, count)
    if len(beats) != samples * steps * count:
        raise ProtocolError(f"{name!r} sent {len(beats)} beats, not {samples * steps * count}")
    index, first, last = (
        field(beats, fields[f]).reshape(shape) for f in ("index", "first", "last")
    )
    expected = {
        "index": (index, np.arange(count)),
        "first": (first, np.arange(steps)[:, None] == 0),
        "last": (last, np.arange(count) == count - 1),
    }
    for what, (got, want) in expected.items():
        wrong = got != want
        if wrong.any():
            sample, step, neuron = map(int, np.argwhere(wrong)[0])
            raise ProtocolError(
                f"population {name!r} sent a wrong {what!r} flag at sample {sample}, "
                f"timestep {step}, neuron {neuron}"
            )
    v = field(beats, fields["v"], signed=True).reshape(shape)
    return field(beats, fields["spike"]).reshape(shape).astype(bool), v


def check_output(streams: Streams, manifest: dict[str, Any]) -> None:
    """Check that the output stream says what the last population's trace says.

    Raises
    ------
        ProtocolError: it does not.
    """
    last = manifest["populations"][-1]
    fields = manifest["output"]["payload"]
    for what in fields:
        got = field(streams.beats["o"], fields[what])
        want = field(streams.beats[last["trace"]], last["payload"][what])
        if len(got) != len(want) or (got != want).any():
            at = int(np.argmax(got != want)) if len(got) == len(want) else min(len(got), len(want))
            raise ProtocolError(f"the output stream's {what!r} differs from the trace at beat {at}")
