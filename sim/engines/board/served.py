"""Served: a virtual board behind a socket of this machine, for whatever opens ``socket://``."""

from __future__ import annotations

import contextlib
import select
import socket
import threading

from .virtual import VirtualLine


class Served:
    """A virtual board at 127.0.0.1, for one connection after the other; a context manager.

    Its time passes as fast as it is simulated, while bytes are on their way or the board may still
    answer.

    Args:
        line: closed with this. idle: seconds of simulated time that pass after the last byte.

    Attributes
    ----------
        url: for ``SerialLine``.
    """

    def __init__(self, line: VirtualLine, idle: float = 0.01) -> None:
        self._line, self._idle = line, idle
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._stop, self._stopped = socket.socketpair()
        self.url = f"socket://127.0.0.1:{self._listening.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, name="virtual board", daemon=True)

    def __enter__(self) -> Served:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.close()
        self._thread.join()
        self._listening.close()
        self._stopped.close()
        self._line.close()

    def _serve(self) -> None:
        while self._stopped not in (ready := self._ready(self._listening, None)):
            if ready:
                peer, _ = self._listening.accept()
                with peer, contextlib.suppress(OSError):  # the host went away: the next may come
                    self._talk(peer)

    def _talk(self, peer: socket.socket) -> None:
        """Carry bytes until the host closes."""
        left = 0.0
        while self._stopped not in (ready := self._ready(peer, 0 if left > 0 else None)):
            if ready:
                data = peer.recv(1 << 16)
                if not data:
                    return
                self._line.write(data)
                left = self._idle
            began = self._line.passed()
            data = self._line.read(left)
            left = self._idle if data else left - (self._line.passed() - began)
            peer.sendall(data)

    def _ready(self, what: socket.socket, seconds: float | None) -> list[socket.socket]:
        return select.select([what, self._stopped], [], [], seconds)[0]
