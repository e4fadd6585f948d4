"""Faults: a line that damages what it carries, both ways, as often as it is told."""

from __future__ import annotations

import random
from collections import Counter

from .virtual import VirtualLine

#: What happens to bytes. Of ``stall`` time passes in their middle; ``late`` come with later ones.
KINDS = ("flip", "drop", "double", "insert", "stall", "truncate", "reorder", "late")


class FaultyLine:
    """A virtual line with faults.

    Args:
        line: that carries the bytes. rate: the share of portions (a request; what a read returns)
            that are damaged. silence: seconds of a stall, at most.

    Attributes
    ----------
        faults: how many of each kind, by (direction, kind).
    """

    def __init__(self, line: VirtualLine, rate: float, silence: float, seed: int = 0) -> None:
        self.name, self.rate, self.latency = line.name, line.rate, line.latency
        self.line, self._share, self._silence = line, rate, silence
        self._rng = random.Random(seed)
        self._held: dict[str, bytes] = {"out": b"", "in": b""}
        self.faults: Counter[tuple[str, str]] = Counter()

    def write(self, data: bytes) -> None:
        """See Line."""
        before, after = self._damaged("out", data)
        self.line.write(before)
        if after is not None:
            self.line.pause(self._rng.random() * self._silence)
            self.line.write(after)

    def read(self, seconds: float) -> bytes:
        """See Line."""
        data = self.line.read(seconds)
        if not data:  # what was held back comes at last, with nothing behind it
            held, self._held["in"] = self._held["in"], b""
            return held
        before, after = self._damaged("in", data)
        if after is None:
            return before
        self.line.pause(self._rng.random() * self._silence)
        return before + after

    def drain(self) -> None:
        """See Line."""
        self._held = {"out": b"", "in": b""}
        self.line.drain()

    def close(self) -> None:
        """See Line."""
        self.line.close()

    def _damaged(self, way: str, data: bytes) -> tuple[bytes, bytes | None]:
        """Return what becomes of bytes; in two parts where time passes in between."""
        held, self._held[way] = self._held[way], b""
        if not data or self._rng.random() >= self._share:
            return held + data, None
        kind = self._rng.choice(KINDS)
        self.faults[way, kind] += 1
        if kind == "late":
            self._held[way] = held + data
            return b"", None
        rng, at = self._rng, self._rng.randrange(len(data))
        if kind == "stall":
            return held + data[:at], data[at:]
        return held + _changed(rng, kind, data, at), None


def _changed(rng: random.Random, kind: str, data: bytes, at: int) -> bytes:
    """Return bytes with one fault at a place."""
    few = rng.randrange(1, 5)
    if kind == "flip":
        return data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :]
    if kind == "drop":
        return data[:at] + data[at + few :]
    if kind == "double":
        part = rng.choice((data[at : at + few], data))  # some bytes, or all of them
        return data[:at] + part + data[at:]
    if kind == "insert":
        return data[:at] + rng.randbytes(few) + data[at:]
    if kind == "truncate":
        return data[:at]
    middle = rng.randrange(at, len(data))
    return data[:at] + data[middle:] + data[at:middle]
