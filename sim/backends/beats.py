"""Beats of the emitted design's streams, to and from arrays; their order is in the manifest.

A sample of T timesteps comes in blocks, the first of ``block_first`` timesteps, all others of
``block``. Within a block, tile follows tile; within a tile, timestep follows timestep; within a
timestep, beat follows beat. (Input beats: word follows word, each through the block's timesteps.)
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from mapping import Network

from ..engines.cxxrtl import Streams
from ..tools import ProtocolError

#: Flags of an input beat, as the engines take them.
FIRST, LAST, RESET = 1, 2, 4


#: The order of a map's stream: row by row, column by column, channel by channel; else as its shape.
MAPS = "row, column, channel"


def refuse(network: Network) -> None:
    """Raise Unsupported where a node or a width of the design is beyond what is built."""
    from hdl.plan import plan

    plan(network)


def whole(steps: int, manifest: dict[str, Any]) -> int:
    """Return the timesteps that are run for a sample of some: whole blocks of it."""
    first, block = int(manifest["block_first"]), int(manifest["block"])
    if manifest["input"]["constant"]:
        return int(manifest["timesteps"])
    return first + -(-max(steps - first, 0) // block) * block


def input_beats(x: np.ndarray, manifest: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Return input beats, (n, chunks) uint32 of 32 bits a chunk, and their flags, (n,) uint8.

    Args:
        x: (samples, T', *shape) unsigned integers; zeros are added up to whole blocks.
    """
    stream = manifest["input"]
    samples, steps = x.shape[:2]
    if stream["constant"]:
        x, steps = x[:, :1], 1
        cuts = [(0, 1)]
    else:
        total = whole(steps, manifest)
        x = np.concatenate([x, np.zeros((samples, total - steps, *x.shape[2:]), x.dtype)], 1)
        cuts = _cuts(total, manifest)
    words, simd, p = int(stream["words"]), int(stream["simd"]), int(stream["bits"])
    together = int(stream["parallel"])
    values = streamed(x, stream["order"]).reshape(samples, x.shape[1], -1)
    padded = np.zeros((*values.shape[:2], words * simd), values.dtype)
    padded[..., : values.shape[2]] = values
    parts = []
    for start, stop in cuts:  # (samples, chunks, timesteps of one, words, simd)
        part = padded[:, start:stop].reshape(samples, -1, together, words, simd)
        parts.append(part.transpose(0, 3, 1, 2, 4).reshape(samples, -1, together * simd))
    beats = np.concatenate(parts, axis=1)
    bits = (beats[..., None] >> np.arange(p, dtype=beats.dtype)) & 1
    size = int(stream["beat_bits"])
    chunks = -(-size // 32)
    raw = np.zeros((samples * beats.shape[1], chunks * 32), np.uint8)
    raw[:, :size] = bits.reshape(len(raw), size)
    flags = np.zeros((samples, beats.shape[1]), np.uint8)
    flags[:, 0] |= FIRST
    flags[:, -1] |= LAST
    return np.packbits(raw, axis=1, bitorder="little").view("<u4"), flags.ravel()


def streamed(array: np.ndarray, order: str) -> np.ndarray:
    """Return maps, (.., channels, rows, columns), in the order of a stream."""
    return np.moveaxis(array, -3, -1) if order == MAPS else array


def _cuts(total: int, manifest: dict[str, Any]) -> list[tuple[int, int]]:
    """Return first and last + 1 timestep of every block of a sample."""
    first, block = int(manifest["block_first"]), int(manifest["block"])
    ends = [first, *range(first + block, total + 1, block)]
    return list(zip([0, *ends], ends, strict=False))


def rows(stream: dict[str, Any], neurons: int, total: int, manifest: dict[str, Any]) -> np.ndarray:
    """Return timestep and first neuron of every beat of a sample, (beats, 2) int64."""
    tile, lanes = int(stream["tile"]), int(stream["lanes"])
    return _rows(tile, lanes, neurons, tuple(_cuts(total, manifest)))


@functools.lru_cache(maxsize=256)
def _rows(tile: int, lanes: int, neurons: int, cuts: tuple[tuple[int, int], ...]) -> np.ndarray:
    pairs = [
        (t, n)
        for start, stop in cuts
        for at in range(0, neurons, tile)
        for t in range(start, stop)
        for n in range(at, min(at + tile, neurons), lanes)
    ]
    return np.array(pairs, np.int64)


def field(beats: np.ndarray, offset: int, width: int, signed: bool = False) -> np.ndarray:
    """Return bits of every beat as int64, at most 64 of them."""
    wide = np.concatenate([beats, np.zeros((len(beats), 3), np.uint32)], axis=1).astype(np.uint64)
    chunk, shift = divmod(offset, 32)
    low = wide[:, chunk] | wide[:, chunk + 1] << np.uint64(32)
    value = low >> np.uint64(shift)
    if shift:
        value |= wide[:, chunk + 2] << np.uint64(64 - shift)
    left = np.uint64(64 - width)
    value = (value << left).view(np.int64)
    return value >> int(left) if signed else (value.view(np.uint64) >> left).view(np.int64)


def lanes_of(beats: np.ndarray, lanes: int, width: int, signed: bool) -> np.ndarray:
    """Return the elements of every beat, (n, lanes) int64."""
    return np.stack([field(beats, k * width, width, signed) for k in range(lanes)], axis=1)


def neurons(
    ports: dict[str, np.ndarray], population: dict[str, Any], lengths: Sequence[int],
    manifest: dict[str, Any],
) -> list[tuple[np.ndarray, np.ndarray]]:  # fmt: skip
    """Return (spikes bool, v int64), each (T', neurons), of every sample of a trace.

    Args:
        ports: of the trace, by name, (beats, chunks) uint32. lengths: timesteps of each sample.

    Raises
    ------
        ProtocolError: beats are missing, too many, out of order, or wrongly flagged.
    """
    count, name, lanes = int(population["neurons"]), population["name"], int(population["lanes"])
    orders = [rows(population, count, whole(steps, manifest), manifest) for steps in lengths]
    want = sum(map(len, orders))
    if len(ports["v"]) != want:
        raise ProtocolError(f"{name!r} sent {len(ports['v'])} beats, not {want}")
    expected = np.concatenate(orders) if orders else np.zeros((0, 2), np.int64)
    index = field(ports["index"], 0, int(population["ports"]["index"]))
    starts = field(ports["starts"], 0, 1)
    for what, got, right in (
        ("index", index, expected[:, 1] // lanes),
        ("starts", starts, expected[:, 0] == 0),
    ):
        if (got != right).any():
            at = int(np.argmax(got != right))
            step, neuron = map(int, expected[at])
            raise ProtocolError(
                f"population {name!r} sent a wrong {what!r} in beat {at:,} of its trace, which is "
                f"of timestep {step}, neuron {neuron}"
            )
    v = lanes_of(ports["v"], lanes, int(population["v_bits"]), signed=True)
    spike = lanes_of(ports["spike"], lanes, 1, signed=False) if population["spiking"] else v * 0
    return list(zip(_arrays(spike.astype(bool), orders, population, lengths),
                    _arrays(v, orders, population, lengths), strict=True))  # fmt: skip


def _arrays(
    values: np.ndarray, orders: list[np.ndarray], population: dict[str, Any],
    lengths: Sequence[int],
) -> list[np.ndarray]:  # fmt: skip
    """Put the beats of each sample at their places in C order, and cut what was added to it."""
    count, shape = int(population["neurons"]), population["shape"]
    back = np.argsort(streamed(np.arange(count).reshape(shape), population["order"]).ravel())
    found, at, lanes = [], 0, values.shape[1]
    for order, steps in zip(orders, lengths, strict=True):
        array = np.zeros((int(order[:, 0].max()) + 1, count), values.dtype)
        part = values[at : at + len(order)]
        array[order[:, :1], order[:, 1:] + np.arange(lanes)] = part
        found.append(array[:steps, back])
        at += len(order)
    return found


def spikes(
    beats: np.ndarray, population: dict[str, Any], lengths: Sequence[int], manifest: dict[str, Any]
) -> np.ndarray:
    """Return the spikes of samples of one length, (samples, T', neurons) bool, of a trace's spikes.

    Args:
        beats: (n, chunks) uint32, of the port ``spike`` alone.

    Raises
    ------
        ProtocolError: beats are missing or too many.
    """
    count, lanes = int(population["neurons"]), int(population["lanes"])
    orders = [rows(population, count, whole(steps, manifest), manifest) for steps in lengths]
    if len(beats) != (want := sum(map(len, orders))):
        raise ProtocolError(f"{population['name']!r} sent {len(beats)} beats, not {want}")
    values = lanes_of(beats, lanes, 1, signed=False)
    return np.stack(_arrays(values, orders, population, lengths)).astype(bool)


def output(streams: Streams, lengths: Sequence[int], manifest: dict[str, Any]) -> np.ndarray:
    """Return what the output stream says of samples of one length, (samples, T', neurons) int64.

    Raises
    ------
        ProtocolError: beats are missing, too many, or wrongly flagged.
    """
    return np.stack(_output(streams, lengths, manifest))


def check_output(
    streams: Streams, ran: dict[str, list[tuple[np.ndarray, np.ndarray]]], lengths: Sequence[int],
    manifest: dict[str, Any],
) -> None:  # fmt: skip
    """Check that the output stream says what the trace of its population says.

    Raises
    ------
        ProtocolError: it does not.
    """
    name, fires = manifest["output"]["population"], manifest["output"]["values"] == "spikes"
    found = _output(streams, lengths, manifest)
    for sample, (got, (fired, v)) in enumerate(zip(found, ran[name], strict=True)):
        wrong = got != (fired if fires else v)
        if wrong.any():
            step, neuron = map(int, np.argwhere(wrong)[0])
            raise ProtocolError(
                f"the output stream differs from the trace of {name!r} at sample {sample}, "
                f"timestep {step}, neuron {neuron}"
            )


def _output(streams: Streams, lengths: Sequence[int], manifest: dict[str, Any]) -> list[np.ndarray]:
    """Return what the output stream says of every sample, (T', neurons) each."""
    stream = manifest["output"]
    population = next(p for p in manifest["populations"] if p["name"] == stream["population"])
    count = int(population["neurons"])
    orders = [rows(stream, count, whole(steps, manifest), manifest) for steps in lengths]
    want = sum(map(len, orders))
    if len(streams.out) != want:
        raise ProtocolError(f"the output stream sent {len(streams.out)} beats, not {want}")
    flags = np.concatenate([_flags(len(order)) for order in orders])
    if (streams.out_flags != flags).any():
        at = int(np.argmax(streams.out_flags != flags))
        raise ProtocolError(f"the output stream's first or last is wrong in beat {at:,}")
    lanes, width = int(stream["lanes"]), int(stream["bits"])
    values = lanes_of(streams.out, lanes, width, signed=stream["values"] != "spikes")
    return _arrays(values, orders, population, lengths)


def _flags(beats: int) -> np.ndarray:
    flags = np.zeros(beats, np.uint8)
    flags[0] |= FIRST
    flags[-1] |= LAST
    return flags
