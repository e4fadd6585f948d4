"""Protocol: what a host and a board say to each other, in the one place that both ends read.

A request is a frame, and so is its reply, of the same session and sequence number. Every request
may be repeated: it does again what it did before, or finds that it is done. Numbers are unsigned,
their lowest byte first. docs/hil.md has all of it as tables, with examples.

    sync 2 | kind 1 | session 4 | sequence 2 | length 3 | CRC-32 of these 12 bytes 4
    payload, of ``length`` bytes
    CRC-32 of the 12 bytes and the payload 4

Nothing but the standard library is imported, so that a host needs no Amaranth.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import astuple, dataclass
from enum import IntEnum, IntFlag

#: Raised by one where an older host or board would misread the other.
VERSION = 1
SYNC = b"SX"
#: Bytes of a frame: of its fields, of a CRC, of both before the payload, and without a payload.
FIELDS, CRC = 12, 4
HEADER = FIELDS + CRC
EMPTY = HEADER + CRC
#: The longest payload that a length can state.
LONGEST = (1 << 24) - 1
#: Added to the kind of a request in its reply.
REPLY = 0x80
#: Byte times of silence within a frame, after which a board gives it up.
SILENCE = 20


class Kind(IntEnum):
    """What a request asks for."""

    HELLO = 1
    ECHO = 2
    RUN = 3
    LOAD = 4


#: The kind of a reply that tells of an error: a byte of Code, then the status.
ERROR = 0xFF


class Code(IntEnum):
    """Why a board does not do what it was asked."""

    DAMAGED = 1
    TOO_LONG = 2
    UNKNOWN = 3
    SESSION = 4
    MALFORMED = 5
    NO_NETWORK = 6
    ORDER = 7
    FIXED = 8
    STALLED = 9


#: The same as words.
REASONS = {
    Code.DAMAGED: "the payload came damaged",
    Code.TOO_LONG: "the payload is longer than the board's limit",
    Code.UNKNOWN: "the board does not know this kind of request",
    Code.SESSION: "the board is in another session: it was reset, or somebody else talks to it",
    Code.MALFORMED: "the payload is not what its kind of request needs",
    Code.NO_NETWORK: "the board holds no network whose load was checked",
    Code.ORDER: "a part of a network came out of its order",
    Code.FIXED: "the board's network cannot be replaced",
    Code.STALLED: "the network did not end its work in time",
}


class Want(IntFlag):
    """What a RUN returns; spikes and traces exclude each other."""

    OUTPUT = 1
    SPIKES = 2
    TRACES = 4


#: Of the payload of a RUN, before the beats: Want, 0, samples.
RUN = struct.Struct("<BBH")
#: Of the payload of a LOAD, before the words: number of this part, whether it is the last, 0.
LOAD = struct.Struct("<HBB")
#: Of the reply to a LOAD: the number of the part that comes next.
NEXT = struct.Struct("<H")


@dataclass(frozen=True)
class Frame:
    """A request or a reply.

    Attributes
    ----------
        kind: of Kind; of a reply with REPLY added, or ERROR.
        session: that the host drew. sequence: of the request. payload: LONGEST bytes at most.
    """

    kind: int
    session: int
    sequence: int
    payload: bytes = b""

    def encode(self) -> bytes:
        """Return its bytes.

        Raises
        ------
            ValueError: a field that does not fit.
        """
        try:
            fields = header(self.kind, self.session, self.sequence, len(self.payload))
        except OverflowError:
            raise ValueError(f"a frame's field does not fit: {self!r:.200}") from None
        check = zlib.crc32(fields)
        both = zlib.crc32(self.payload, check)
        return fields + check.to_bytes(4, "little") + self.payload + both.to_bytes(4, "little")


def header(kind: int, session: int, sequence: int, length: int) -> bytes:
    """Return the fields of a frame, without their CRC."""
    return (
        SYNC
        + kind.to_bytes(1, "little")
        + session.to_bytes(4, "little")
        + sequence.to_bytes(2, "little")
        + length.to_bytes(3, "little")
    )


def read_header(data: bytes) -> tuple[int, int, int, int] | None:
    """Return kind, session, sequence and length of HEADER bytes; None: they are no header."""
    if len(data) != HEADER or data[:2] != SYNC:
        return None
    if zlib.crc32(data[:FIELDS]) != int.from_bytes(data[FIELDS:], "little"):
        return None
    numbers = (data[2:3], data[3:7], data[7:9], data[9:12])
    kind, session, sequence, length = (int.from_bytes(part, "little") for part in numbers)
    return kind, session, sequence, length


@dataclass(frozen=True)
class Status:
    """The last 16 bytes of every reply's payload.

    Attributes
    ----------
        error: sticky bits of the core's input since it was cleared. good: 1 where the memories
            hold a network. weights: CRC-32 of the network that they hold.
        cycles: of the core since it was cleared. damaged: frames whose CRC was wrong, late: frames
            that broke off, refused: requests that were answered by an error, each modulo 65,536.
    """

    error: int
    good: int
    weights: int
    cycles: int
    damaged: int
    late: int
    refused: int

    @classmethod
    def decode(cls, data: bytes) -> Status:
        """Read STATUS.size bytes."""
        return cls(*STATUS.unpack(data))

    def encode(self) -> bytes:
        """Return its bytes."""
        return STATUS.pack(*astuple(self))


STATUS = struct.Struct("<BBIIHHH")


@dataclass(frozen=True)
class Hello:
    """What a board says of itself.

    Attributes
    ----------
        version: of the protocol. loadable: 1 where networks can be loaded.
        design: the first 16 bytes of a SHA-256 of all that the host must know of the core.
        network: the first 16 bytes of the SHA-256 of the network that it was made of.
        clock: Hz. baud: of its UART; 0: it has none.
        limit: bytes of a request's payload. samples: of a RUN. window: requests that may wait.
        sample_bytes: of a sample, in a RUN. output_bytes, spikes_bytes, traces_bytes: of a sample,
            in its reply.
        cycles: of the core, from one sample to the next. latency: of the core, from idle.
        parallel: PE and SIMD of every population, of its first connection.
    """

    version: int
    loadable: int
    design: bytes
    network: bytes
    clock: int
    baud: int
    limit: int
    samples: int
    window: int
    sample_bytes: int
    output_bytes: int
    spikes_bytes: int
    traces_bytes: int
    cycles: int
    latency: int
    parallel: tuple[tuple[int, int], ...]

    @classmethod
    def decode(cls, data: bytes) -> Hello | None:
        """Read what a HELLO returns, without the status; None: it is none of this version."""
        if not data or data[0] != VERSION or len(data) < HELLO.size:
            return None
        *fields, count = HELLO.unpack_from(data)
        if len(data) != HELLO.size + count * _PAIR.size:
            return None
        return cls(*fields, tuple(_PAIR.iter_unpack(data[HELLO.size :])))  # type: ignore[arg-type]

    def encode(self) -> bytes:
        """Return its bytes."""
        *fields, parallel = (getattr(self, name) for name in self.__dataclass_fields__)
        return HELLO.pack(*fields, len(parallel)) + b"".join(_PAIR.pack(*p) for p in parallel)

    def bytes_of(self, want: int) -> int:
        """Return the bytes of a sample in the reply to a RUN."""
        sizes = (self.output_bytes, self.spikes_bytes, self.traces_bytes)
        return sum(size for k, size in enumerate(sizes) if want >> k & 1)


HELLO = struct.Struct("<BB16s16sIIIHBIIIIIIB")
_PAIR = struct.Struct("<HH")
