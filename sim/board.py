"""A board behind a line: what it is, whether it is well, and networks that run on it."""

from __future__ import annotations

import json
import random
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hdl.link import protocol
from hdl.link.protocol import Code, Hello, Kind, Status, Want
from mapping import Network
from mapping.coding import encode
from mapping.files import digest

from .backends import beats
from .board_design import compare, stated
from .board_items import traced
from .engines.board.exchange import Answer, Exchange, Refused
from .engines.board.line import Line, SerialLine
from .tools import ProtocolError
from .trace import Record, Trace

#: Bytes of a reply, where a sample has no more: what a lost byte costs.
REPLY = 1 << 15
#: Bytes of a HELLO's reply, at most.
MOST = protocol.HELLO.size + 4 * 255
#: Times that a board which was reset is spoken to anew, before a batch is given up.
RESUMES = 3


@dataclass(frozen=True)
class Tested:
    """What a self-test found, all of it good.

    Attributes
    ----------
        echoed: bytes that came back as they went. weights: CRC-32 of the network in the memories.
        status: of the board afterwards.
    """

    echoed: int
    weights: int
    status: Status


class Board:
    """A board of a known design; a context manager.

    Args:
        line: that is open; closed with the board.
        manifest: of the design that the board was programmed with.
        clock: seconds that have passed; of a line on simulated time its own.
        draw: so many random bits, for sessions.

    Raises
    ------
        LinkError: nobody answers, or another design, another network or another program.
    """

    def __init__(
        self, line: Line, manifest: dict[str, Any], clock: Callable[[], float] = time.monotonic,
        draw: Callable[[int], int] = secrets.randbits,
    ) -> None:  # fmt: skip
        self.line, self.manifest = line, manifest
        self.info = stated(manifest)
        self._exchange = Exchange(line, clock, draw)
        self._known: tuple[Network, list[int]] | None = None
        try:
            self.status = self._begin()
        except BaseException:
            line.close()
            raise

    @classmethod
    def open(cls, port: str, folder: Path | str, baud: int | None = None) -> Board:
        """Open a port, and speak to the board of a folder.

        Args:
            port: a device or an URL of pyserial. folder: with the board's manifest.json.
            baud: None: the design's.
        """
        try:
            manifest = json.loads((Path(folder) / "manifest.json").read_text(encoding="utf-8"))
            rate = stated(manifest).baud
        except (OSError, ValueError):
            raise ValueError(f"{folder} holds no manifest.json of a board") from None
        return cls(SerialLine(port, baud or rate), manifest)

    def __enter__(self) -> Board:
        return self

    def __exit__(self, *_: object) -> None:
        self.line.close()

    @property
    def retries(self) -> int:
        """Requests that were sent once more."""
        return self._exchange.retries

    def self_test(self, seed: int = 0) -> Tested:
        """Send patterns to and fro, and look at the network's CRC.

        The patterns are all bytes, runs of one bit, the frame's own SYNC, and noise up to the
        board's limit.

        Raises
        ------
            LinkError: the board does not answer. ProtocolError: an echo differs, or the memories
                hold no network.
        """
        rng = random.Random(seed)
        patterns = [
            b"", bytes(range(256)), b"\0" * 64, b"\xff" * 64, b"\x55\xaa" * 32,
            protocol.SYNC * 16, rng.randbytes(self.info.limit),
        ]  # fmt: skip
        echoed = 0
        for pattern in patterns:
            sent = pattern[: self.info.limit]
            answer = self._ask(Kind.ECHO, sent, len(sent))
            if answer.body != sent:
                at = next(k for k, (a, b) in enumerate(zip(answer.body, sent)) if a != b)  # noqa: B905
                raise ProtocolError(
                    f"{self.line.name} echoes {answer.body[at]:#04x} for {sent[at]:#04x} at byte "
                    f"{at} of {len(sent)}, and its CRC is right: its store is faulty"
                )
            echoed += len(sent)
        if not self.status.good:
            raise ProtocolError(
                f"{self.line.name} holds no network whose load was checked: load one"
            )
        return Tested(echoed, self.status.weights, self.status)

    def load(self, network: Network) -> None:
        """Write a network into the board's memories, unless they hold it.

        Raises
        ------
            ValueError: the design is of another network and cannot be loaded, or cannot hold this
                one. LinkError: as of ``run``.
        """
        words = self._words(network)
        if self._holds(self.status, words[-1]):
            return
        for _ in range(RESUMES):
            try:
                self._load(words)
                return
            except Refused as error:
                if error.code not in (Code.SESSION, Code.ORDER):
                    raise
                last = error
                self.status = self._begin()
        raise last

    def run(
        self, network: Network, inputs: np.ndarray, record: Record = ("spikes", "v")
    ) -> Trace:  # fmt: skip
        """Run a batch of inputs on the board.

        Args:
            record: "v": spikes and membranes of every population; "spikes": spikes alone; neither:
                what leaves the core alone, spikes or membranes of its output, or classes.

        Raises
        ------
            ValueError: inputs that do not fit, or a network that is not the board's and cannot be
                loaded. LinkError: the board does not answer. ProtocolError: it answers, and what
                it says is not what the design says.
        """
        self.load(network)
        x = encode(network.input, inputs, network.timesteps)
        if x.shape[1] != network.timesteps:
            raise ValueError(
                f"a board takes samples of {network.timesteps} timesteps, not of {x.shape[1]}"
            )
        want = Want.OUTPUT
        if "v" in record:
            want |= Want.TRACES
        elif "spikes" in record:
            want |= Want.SPIKES
        bodies, cycles = [], 0
        for part in self._batches(x, want):
            body, took = self._batch(network, part, want)
            bodies.append(body)
            cycles += took
        info = {"cycles": cycles, "retries": self.retries}
        return traced(network, b"".join(bodies), len(x), want, self.manifest, info)

    def _begin(self) -> Status:
        answer = self._exchange.begin(MOST)
        compare(self.line.name, Hello.decode(answer.body), answer.body, self.info)
        return answer.status

    def _ask(self, kind: Kind, payload: bytes, most: int, work: float = 0.0) -> Answer:
        answer = self._exchange.ask(kind, payload, most, work)
        self.status = answer.status
        return answer

    def _words(self, network: Network) -> list[int]:
        """Return the words of a network, the last one what Status.weights is of it."""
        if self._known is not None and self._known[0] is network:
            return self._known[1]
        if "loading" in self.manifest:
            from hdl.loading import image, planned

            words = image(planned(self.manifest["loading"], network), network)
            self._known = network, words
            return words
        own = self.info.network
        if bytes.fromhex(digest(network))[: len(own)] != own:
            raise ValueError(
                f"{self.line.name} holds network {own.hex()[:12]}, and this one is "
                f"{digest(network)[:12]}: program a board that was built for it, or build one with "
                f"loadable=True"
            )
        return [int.from_bytes(own[:4], "little")]

    @staticmethod
    def _holds(status: Status, weights: int) -> bool:
        return bool(status.good) and status.weights == weights

    def _load(self, words: Sequence[int]) -> None:
        size = (self.info.limit - protocol.LOAD.size) // 4
        parts = [words[k : k + size] for k in range(0, len(words), size)]
        work = (64 * len(words) + 8 * (self.info.cycles + self.info.latency)) / self.info.clock
        for number, part in enumerate(parts):
            payload = protocol.LOAD.pack(number, number == len(parts) - 1, 0)
            payload += b"".join(word.to_bytes(4, "little") for word in part)
            answer = self._ask(Kind.LOAD, payload, protocol.NEXT.size, work)
            if answer.body != protocol.NEXT.pack(number + 1):
                raise ProtocolError(f"{self.line.name} takes part {number} of a network as another")
        if not self._holds(self.status, words[-1]):
            raise ProtocolError(
                f"{self.line.name} reads back a network of CRC {self.status.weights:08x}, not "
                f"{words[-1]:08x}: its memories do not keep what is written"
            )

    def _batches(self, x: np.ndarray, want: int) -> Iterator[np.ndarray]:
        of_one = self.info.bytes_of(want)
        if of_one + protocol.STATUS.size > protocol.LONGEST:
            raise ValueError(
                f"a sample returns {of_one:,} bytes, and a reply holds {protocol.LONGEST:,}: "
                f"record less of it"
            )
        size = max(1, min(self.info.samples, REPLY // of_one))
        for start in range(0, len(x), size):
            yield x[start : start + size]

    def _batch(self, network: Network, x: np.ndarray, want: int) -> tuple[bytes, int]:
        """Run samples at once; return what they gave, and the core's cycles."""
        data, _ = beats.input_beats(x, self.manifest)
        size = -(-int(self.manifest["input"]["beat_bits"]) // 8)
        sent = np.ascontiguousarray(data, "<u4").view(np.uint8).reshape(len(data), -1)[:, :size]
        payload = protocol.RUN.pack(want, 0, len(x)) + sent.tobytes()
        returns = len(x) * self.info.bytes_of(want)
        work = (len(x) * self.info.cycles + self.info.latency + 4 * len(payload)) / self.info.clock
        for left in reversed(range(RESUMES)):
            try:
                answer = self._ask(Kind.RUN, payload, returns, 2 * work)
                break
            except Refused as error:
                if error.code not in (Code.SESSION, Code.NO_NETWORK) or not left:
                    raise
                self.status = self._begin()  # it was reset: it may hold another network by now
                self.load(network)
        if len(answer.body) != returns:
            raise ProtocolError(
                f"{self.line.name} returns {len(answer.body):,} bytes for {len(x)} samples, not "
                f"{returns:,}"
            )
        if answer.status.error:
            bits = enumerate(self.manifest["errors"])
            names = [name for k, name in bits if answer.status.error >> k & 1]
            raise ProtocolError(f"the core reports {', '.join(names)} for samples that were well")
        return answer.body, answer.status.cycles
