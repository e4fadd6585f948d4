"""Exchange: requests and their replies over a line that may lose, change or double anything.

A reply counts where session, sequence and kind are those of the request and both CRCs are right;
everything else is dropped. A request may be repeated, so it is, until a reply counts or the tries
are used up. No wait is without an end.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from hdl.link.protocol import (
    EMPTY,
    ERROR,
    LONGEST,
    REASONS,
    REPLY,
    STATUS,
    Code,
    Frame,
    Kind,
    Status,
)  # fmt: skip

from .decoder import Decoder
from .line import Line, LinkError

#: Times that a request is sent before it is given up.
TRIES = 8
#: Errors after which the same request may succeed.
AGAIN = (Code.DAMAGED, Code.STALLED)


class Refused(LinkError):
    """The board answered by an error."""

    def __init__(self, code: int, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


@dataclass(frozen=True)
class Answer:
    """A reply's payload, without its status, and the status."""

    body: bytes
    status: Status


class Exchange:
    """One session on a line.

    Args:
        line: that is open.
        clock: seconds that have passed; of a line on simulated time its own.
        draw: so many random bits, for sessions.

    Attributes
    ----------
        retries: requests that were sent once more.
    """

    def __init__(
        self, line: Line, clock: Callable[[], float] = time.monotonic,
        draw: Callable[[int], int] = secrets.randbits,
    ) -> None:  # fmt: skip
        self.line, self._clock, self._draw = line, clock, draw
        self._decoder = Decoder(0)
        self._sequence = 0
        self.session = 0
        self.retries = 0

    def begin(self, most: int) -> Answer:
        """Draw a session and say hello; return what the board says of itself.

        Args:
            most: bytes that a hello may have.
        """
        self.line.drain()
        self._decoder = Decoder(0)
        self.session = self._draw(32) or 1
        return self.ask(Kind.HELLO, b"", most)

    def ask(self, kind: Kind, payload: bytes, most: int, work: float = 0.0) -> Answer:
        """Send a request, again where need be, and return its reply.

        Args:
            most: bytes of the reply's body. work: seconds that the board may take besides bytes.

        Raises
        ------
            Refused: the board answered by an error, each time. LinkError: it did not answer.
        """
        self._sequence = (self._sequence + 1) & 0xFFFF
        frame = Frame(kind, self.session, self._sequence, payload).encode()
        self._decoder.most = min(most + STATUS.size, LONGEST)
        refused: Refused | None = None
        for number in range(TRIES):
            self.retries += number > 0
            self.line.write(frame)
            answer = self._answer(kind, len(frame), work)
            if isinstance(answer, Answer):
                return answer
            refused = answer or refused
            if answer is not None and answer.code not in AGAIN:
                raise answer
        if refused is not None:
            raise refused
        raise LinkError(
            f"{self.line.name} does not answer {kind.name} in {TRIES} tries: is the board on, is "
            f"it programmed with this project's gateware, and is its baud rate the one given?"
        )

    def _answer(self, kind: Kind, sent: int, work: float) -> Answer | Refused | None:
        """Wait for the reply to what was sent last; None: it did not come in time."""
        line = self.line
        longest = EMPTY + self._decoder.most
        until = self._clock() + (sent + longest) / line.rate * 1.25 + work + line.latency
        while True:
            left = until - self._clock()
            data = line.read(left) if left > 0 else b""
            frames = self._decoder.feed(data) if data else self._decoder.flush()
            for frame in frames:
                found = self._counts(frame, kind)
                if found is not None:
                    return found
            if not data:
                return None

    def _counts(self, frame: Frame, kind: Kind) -> Answer | Refused | None:
        """Return what a frame says, if it is the reply that is waited for."""
        if (frame.session, frame.sequence) != (self.session, self._sequence):
            return None
        body, status = frame.payload[: -STATUS.size], frame.payload[-STATUS.size :]
        if len(status) < STATUS.size:
            return None
        if frame.kind == ERROR and len(body) == 1:
            reason = REASONS.get(body[0], f"error {body[0]}")  # type: ignore[call-overload]
            return Refused(body[0], f"{self.line.name} refuses {kind.name}: {reason}")
        if frame.kind != kind | REPLY:
            return None
        return Answer(body, Status.decode(status))
