"""Decoder: bytes in, frames out; whatever comes, it keeps no more than one frame of them.

A length is believed only once its header's CRC is right and it is within what the host expects:
memory is taken for bytes that have come, never for bytes that are promised.
"""

from __future__ import annotations

import zlib

from hdl.link.protocol import CRC, FIELDS, HEADER, SYNC, Frame, read_header


class Decoder:
    """Takes bytes in any portions.

    Args:
        most: bytes of a payload that are expected; may change between portions.

    Attributes
    ----------
        skipped: bytes that belonged to no frame. damaged: frames whose payload's CRC was wrong.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.skipped = self.damaged = 0
        self._kept = bytearray()

    @property
    def waiting(self) -> int:
        """Bytes that are kept until more come."""
        return len(self._kept)

    def feed(self, data: bytes) -> list[Frame]:
        """Return the frames that are whole by now."""
        frames = []
        for start in range(0, len(data), 1 << 16):  # so that what is kept stays small
            self._kept += data[start : start + (1 << 16)]
            frames += self._frames()
        return frames

    def flush(self) -> list[Frame]:
        """Give up the frame at hand, since nothing more comes; return those behind its beginning.

        A frame that broke off may have swallowed the beginning of another one.
        """
        frames = []
        while self._kept:
            self._skip(1)
            frames += self._frames()
        return frames

    def _frames(self) -> list[Frame]:
        frames = []
        while True:
            self._seek()
            if len(self._kept) < HEADER:
                return frames
            fields = read_header(bytes(self._kept[:HEADER]))
            if fields is None or fields[3] > self.most:
                self._skip(1)
                continue
            *who, length = fields
            end = HEADER + length + CRC
            if len(self._kept) < end:
                return frames
            payload = bytes(self._kept[HEADER : HEADER + length])
            check = zlib.crc32(payload, zlib.crc32(bytes(self._kept[:FIELDS])))
            if check != int.from_bytes(self._kept[end - CRC : end], "little"):
                self.damaged += 1
                self._skip(1)
                continue
            frames.append(Frame(*who, payload))
            del self._kept[:end]

    def _seek(self) -> None:
        """Drop what stands before the next SYNC, or before what may become one."""
        at = self._kept.find(SYNC)
        if at < 0:
            at = len(self._kept) - (self._kept[-1:] == SYNC[:1])
        self._skip(at)

    def _skip(self, count: int) -> None:
        del self._kept[:count]
        self.skipped += count
