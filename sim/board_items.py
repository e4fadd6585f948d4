"""What a board's replies hold: the beats of its core's streams, as arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from .tools import ProtocolError


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
