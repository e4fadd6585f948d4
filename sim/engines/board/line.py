"""Line: bytes to a board and back, with a limit in time for everything; a serial port is one."""

from __future__ import annotations

import time
from typing import Any, Protocol

from sim.tools import Package

#: Bits on the wire for a byte: start, eight, stop.
BITS = 10
SERIAL = Package("serial", "board", "pyserial")


class LinkError(RuntimeError):
    """The board does not answer, or not as it should; one sentence that says what to do."""


class Line(Protocol):
    """What carries bytes.

    Attributes
    ----------
        name: for sentences. rate: bytes a second. latency: seconds that an answer may take besides
            its bytes and its work: of buffers, adapters, schedulers.
    """

    name: str
    rate: float
    latency: float

    def write(self, data: bytes) -> None:
        """Send bytes; raise LinkError where they cannot be."""

    def read(self, seconds: float) -> bytes:
        """Return what has come, as soon as something has; nothing after so many seconds."""

    def drain(self) -> None:
        """Drop what has come and was not read, and what has not gone out."""

    def close(self) -> None:
        """Let go of it."""


class SerialLine:
    """A port of pyserial: a device, or an URL (``serial://``, ``socket://``, ``loop://``).

    Args:
        baud: of a device; of an URL what the bytes are expected to take. latency: see Line.

    Raises
    ------
        MissingTool: pyserial is not installed. LinkError: the port cannot be opened.
    """

    def __init__(self, port: str, baud: int, latency: float = 0.25) -> None:
        SERIAL.require("the board driver")
        import serial

        self._failures = (serial.SerialException, OSError)
        self.name, self.rate, self.latency = port, baud / BITS, latency
        path = port.removeprefix("serial://")
        try:
            self._port: Any = serial.serial_for_url(
                path, baudrate=baud, timeout=0, do_not_open=True
            )
            if "://" not in path:
                self._port.exclusive = True
            self._port.open()
        except ValueError as error:
            raise LinkError(
                f"{port!r} is no port: give a device as /dev/ttyUSB0 or COM3, or an URL as "
                f"socket://HOST:PORT ({error})"
            ) from None
        except self._failures as error:
            raise LinkError(f"{port} cannot be opened: {_why(error)}") from None

    def write(self, data: bytes) -> None:
        """See Line."""
        self._port.write_timeout = self.latency + 2 * len(data) / self.rate
        try:
            self._port.write(data)
        except self._failures as error:
            raise LinkError(self._lost(error)) from None

    def read(self, seconds: float) -> bytes:
        """See Line."""
        until = time.monotonic() + seconds
        try:
            while True:
                self._port.timeout = max(0.0, min(0.05, until - time.monotonic()))
                data = bytes(self._port.read(max(1, self._port.in_waiting)))
                if data or time.monotonic() >= until:
                    return data
        except self._failures as error:
            raise LinkError(self._lost(error)) from None

    def drain(self) -> None:
        """Drop what is in both buffers, and what an adapter still holds."""
        try:
            self._port.reset_input_buffer()
            self._port.reset_output_buffer()
        except self._failures as error:
            raise LinkError(self._lost(error)) from None
        until = time.monotonic() + 1
        while self.read(0.02) and time.monotonic() < until:
            pass

    def close(self) -> None:
        """See Line."""
        self._port.close()

    def _lost(self, error: Exception) -> str:
        return f"{self.name} went away ({_why(error)}): is the cable in, and the board on?"


def _why(error: Exception) -> str:
    """Return an error's words on one line, with what to do about the usual ones."""
    words = " ".join(str(error).split())[:200]
    if "ermission" in words:
        return f"{words}; you may need to be in the group dialout"
    if "lock" in words or "busy" in words.lower() or "exclusive" in words:
        return f"{words}; another program has it open: close it first"
    return words
