"""AEDAT 2.0 and 3.1, the files of event cameras, of a 128 x 128 sensor; read strictly.

Sources: iniVation's pages "AEDAT 2.0" and "AEDAT 3.1", which describe the formats; the README of
the DVS128 Gesture data set. Own code: the library that reads these data sets, tonic, is
GPL-3.0-only.

Both begin with lines of text that start with ``#``, the first with the version.

2.0, big-endian: pairs of an address and a time in microseconds, 32 bits each. Of a DVS128 bit 0 of
the address is the polarity, bits 7..1 and 14..8 are the place, bit 15 marks a signal that is no
event of a pixel.

3.1, little-endian: a line ``#!END-HEADER``, then packets. A packet's header has 28 bytes: type and
source (16 bits each), bytes of an event, where its time lies in it, how often the time has
overflowed (in units of 2**31), room for events, events, valid events (32 bits each). A polarity
event (type 1) is a word and a time: bit 0 of the word says valid, bit 1 the polarity, bits
16..2 are y and 31..17 are x, from the upper left.
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from .events import TIME_BITS, Events
from .folder import contents

SENSOR = (128, 128)
#: Most bytes of the lines of text.
TEXT = 1 << 20
_HEADER = struct.Struct("<HHIIIIII")
_POLARITY = 1


def read_dvs128(path: Path) -> Events:
    """Read an AEDAT 2.0 file of a DVS128, upright as networks of CIFAR10-DVS see it.

    The address bits are turned into rows, columns and signs as the published networks' readers
    do: row 127 - bits 7..1, column 127 - bits 14..8, p = 1 - bit 0. Times are taken as unsigned;
    events out of order, which old recorders wrote, are sorted.

    Raises
    ------
        ValueError: no such file, truncated, or of another camera; one sentence.
    """
    data = contents(path)
    start = _after_text(path, data, b"#!AER-DAT2.0", None)
    if (len(data) - start) % 8:
        raise ValueError(f"{path} ends within an event: truncated")
    words = np.frombuffer(data, ">u4", offset=start).reshape(-1, 2)
    address, t = words[:, 0].astype(np.int64), words[:, 1].astype(np.int64)
    pixel = (address & 0x8000) == 0
    address, t = address[pixel], t[pixel]
    if address.size and int(address.max()) >> 15:
        raise ValueError(f"{path} holds the address {int(address.max()):#x}, of no DVS128")
    return _ordered(t, 127 - (address >> 8), 127 - (address >> 1 & 127), 1 - (address & 1))


def read_polarity(path: Path) -> Events:
    """Read the valid polarity events of an AEDAT 3.1 file; packets of other types are passed over.

    Raises
    ------
        ValueError: no such file, truncated, of a larger sensor, or without events; one sentence.
    """
    data = contents(path)
    at = _after_text(path, data, b"#!AER-DAT3.1", b"#!END-HEADER")
    words, times = [], []
    while at < len(data):
        if len(data) - at < _HEADER.size:
            raise ValueError(f"{path} ends within a packet's header: truncated")
        kind, _, size, _, overflow, room, number, _ = _HEADER.unpack_from(data, at)
        at += _HEADER.size
        if number != room:  # files are written without unused room
            raise ValueError(f"{path} has a packet of {number} events with room for {room}")
        if number * size > len(data) - at:
            raise ValueError(f"{path} ends within a packet of {number} events: truncated")
        if kind == _POLARITY:
            if size != 8:
                raise ValueError(f"{path} has polarity events of {size} bytes, not 8")
            if overflow >> (TIME_BITS - 32):
                raise ValueError(f"{path} has a time that overflowed {overflow} times: damaged")
            pairs = np.frombuffer(data, "<u4", 2 * number, at).reshape(-1, 2)
            words.append(pairs[:, 0].astype(np.int64))
            times.append(pairs[:, 1].astype(np.int64) + (overflow << 31))
        at += number * size
    word = np.concatenate([np.zeros(0, np.int64), *words])
    t = np.concatenate([np.zeros(0, np.int64), *times])
    valid = (word & 1) == 1
    word, t = word[valid], t[valid]
    if word.size == 0:
        raise ValueError(f"{path} holds no valid polarity event")
    x, y = word >> 17, word >> 2 & 0x7FFF
    if int(x.max()) >= SENSOR[1] or int(y.max()) >= SENSOR[0]:
        raise ValueError(f"{path} holds the pixel ({int(x.max())}, {int(y.max())}), of no DVS128")
    return _ordered(t, x, y, word >> 1 & 1)


def _after_text(path: Path, data: bytes, version: bytes, last: bytes | None) -> int:
    """Return where the text ends: after the line ``last``, or where no line starts with #."""
    if data[: len(version)] != version or data[len(version) : len(version) + 1] not in (
        b"\r",
        b"\n",
    ):
        raise ValueError(f"{path} does not start with {version.decode()}")
    at = 0
    while data[at : at + 1] == b"#":
        end = data.find(b"\n", at, at + TEXT)
        if end < 0 or end > TEXT:
            raise ValueError(f"{path} has more than {TEXT} bytes of text, or ends within it")
        line, at = data[at:end].rstrip(b"\r"), end + 1
        if line == last:
            return at
    if last is not None:
        raise ValueError(f"{path} has no line {last.decode()}")
    return at  # no address of a pixel starts with the byte of a #


def _ordered(t: np.ndarray, x: np.ndarray, y: np.ndarray, p: np.ndarray) -> Events:
    if (t[1:] < t[:-1]).any():
        order = np.argsort(t, kind="stable")
        t, x, y, p = t[order], x[order], y[order], p[order]
    small = (a.astype(np.uint8) for a in (x, y, p))
    return Events(t, *small, SENSOR)
