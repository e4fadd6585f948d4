"""What a board's replies hold: the beats of its core's streams, as arrays and a Trace."""

from __future__ import annotations

from typing import Any

import numpy as np

from hdl.link.protocol import Want
from mapping import Network

from .backends import answers, beats, decoded
from .engines.cxxrtl import Streams
from .tools import ProtocolError
from .trace import Trace, finish


def split(body: bytes, items: list[dict[str, Any]], only: str | None) -> dict[str, np.ndarray]:
    """Return the beats of every stream of a reply, (n, bytes) uint8, in the order they came.

    Args:
        items: of the board's manifest. only: the port that is sent of traces; None: all of them.

    Raises
    ------
        ProtocolError: a beat of no stream, or one that breaks off.
    """
    widths = [1 + -(-_bits(item, only) // 8) for item in items]
    data = np.frombuffer(body, np.uint8)
    starts: list[list[int]] = [[] for _ in items]
    at, end = 0, len(body)
    while at < end:
        tag = body[at]
        if tag >= len(items) or at + widths[tag] > end:
            raise ProtocolError(
                f"the board's reply holds no beat at byte {at:,} of {end:,}: it is another design's"
            )
        starts[tag].append(at)
        at += widths[tag]
    return {
        item["stream"]: data[np.array(places, np.int64)[:, None] + np.arange(1, width)]
        for item, places, width in zip(items, starts, widths, strict=True)
    }


def _bits(item: dict[str, Any], only: str | None) -> int:
    ports = item["ports"]
    if only is not None and item["tag"] and only in ports:
        return int(ports[only])
    return sum(map(int, ports.values()))


def port(beats: np.ndarray, ports: dict[str, int], name: str) -> np.ndarray:
    """Return the bits of a port of every beat, (n, chunks) uint32 of 32 bits, the lowest first.

    Args:
        beats: (n, bytes) uint8. ports: that a beat holds, the first lowest, to their bits.
    """
    offset = 0
    for other, bits in ports.items():
        if other == name:
            break
        offset += int(bits)
    bits = int(ports[name])
    raw = np.unpackbits(beats, axis=1, bitorder="little")[:, offset : offset + bits]
    padded = np.zeros((len(raw), -(-bits // 32) * 32), np.uint8)
    padded[:, :bits] = raw
    return np.packbits(padded, axis=1, bitorder="little").view("<u4")


def traced(
    network: Network, body: bytes, samples: int, want: int, manifest: dict[str, Any],
    info: dict[str, Any],
) -> Trace:  # fmt: skip
    """Return the Trace of what RUNs returned, one after the other.

    Args:
        want: of ``Want``, the same in all of them. info: of the trace.

    Raises
    ------
        ProtocolError: beats are missing, too many, out of order, or at odds with each other.
    """
    items, lengths = manifest["board"]["items"], [network.timesteps] * samples
    only = None if want & Want.TRACES else "spike"
    found = split(body, items, only)
    leaves = items[0]
    if len(found[leaves["stream"]]) != (count := leaves["beats"] * samples):
        raise ProtocolError(
            f"the output stream sent {len(found[leaves['stream']])} beats, not {count}"
        )
    streams = _streams(found, items, only)
    spikes: dict[str, np.ndarray] = {}
    v: dict[str, np.ndarray] = {}
    if want & Want.TRACES:
        ran = decoded.decoded(network, streams, lengths, manifest)
        spikes = {n: np.stack([s for s, _ in a]) for n, a in ran.items() if network[n].spiking}
        v = {n: np.stack([m for _, m in a]) for n, a in ran.items()}
    elif want & Want.SPIKES:
        spikes = {
            p["name"]: beats.spikes(streams.taps[p["trace"]]["spike"], p, lengths, manifest)
            for p in manifest["populations"]
            if p["spiking"]
        }
    if decoded.reads(manifest):
        told = answers.told(streams, manifest["output"])
        info = {**info, "classes": told.classes.tolist()}
    elif not want & Want.TRACES:
        name = manifest["output"]["population"]
        out = beats.output(streams, lengths, manifest)
        kept = spikes if manifest["output"]["values"] == "spikes" else v
        if name in kept and (kept[name] != out).any():
            raise ProtocolError(f"the output stream differs from the spikes of {name!r}")
        kept[name] = out

    def shaped(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {n: a.reshape(*a.shape[:2], *network.shapes[n]) for n, a in arrays.items()}

    return finish(network, "board", shaped(spikes), shaped(v), **info)


def _streams(
    found: dict[str, np.ndarray], items: list[dict[str, Any]], only: str | None
) -> Streams:
    """Return the beats of a reply as an engine would have collected them."""
    leaves, *traces = items
    ports, got = leaves["ports"], found[leaves["stream"]]
    if leaves["stream"] == "o":
        out = port(got, ports, "data")
        flags = port(got, ports, "first") | port(got, ports, "last") << 1
    else:
        out = np.concatenate([port(got, ports, "class"), port(got, ports, "score")], axis=1)
        flags = (
            port(got, ports, "fired") if "fired" in ports else np.zeros((len(got), 1), np.uint32)
        )
    taps = {}
    for item in traces:
        own = item["ports"]
        if only is not None:
            own = {only: own[only]} if only in own else {}
        taps[item["stream"]] = {name: port(found[item["stream"]], own, name) for name in own}
    none = np.zeros(0, np.int64)
    return Streams(out, flags[:, 0].astype(np.uint8), taps, 0, none, none, 0, np.zeros((0, 0)))
