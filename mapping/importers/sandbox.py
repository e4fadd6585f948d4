"""Foreign parsers in a child process: limits on memory, time and files, one sentence on any death.

A server process loads the parser once and forks a child for each file. The child opens the one
file that it is given, closes the door behind it (no further file can be opened, none written),
and may grow by MEMORY at most; it answers with numbers and strings only.

An answer is a tree of dicts, lists, strings, numbers and arrays: JSON in which ``{"$": i}`` stands
for array i, then the arrays' bytes. The asking side checks types, shapes and lengths again.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib.util
import json
import math
import os
import select
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

from ..extras import install
from ..files import FileError
from ..value import Unsupported

#: Bytes by which a child may grow.
MEMORY = 448 << 20
#: Most bytes of arrays in one answer, and of a file.
ANSWER = 160 << 20
FILE = 1 << 30
#: Seconds of processor time for a small file, and bytes a second beyond.
SECONDS, RATE = 1.0, 20 << 20
#: Seconds by the clock for one of processor time: others may be busy on the machine.
PATIENCE = 6
#: Types of arrays that may come back.
DTYPES = {"<i1", "<i2", "<i4", "<i8", "<u1", "<u2", "<u4", "<u8", "|i1", "|u1", "|b1",
          "<f2", "<f4", "<f8"}  # fmt: skip
DIED = "could not be read: the process that reads it died"
PARSERS = {"hdf5": "HDF5", "mat": "MATLAB", "torch": "torch"}
#: Parser to the package that it is of, and the extra that brings it.
READ_WITH = {"hdf5": ("h5py", "import"), "mat": ("scipy", "import"), "torch": ("torch", "train")}

_servers: dict[tuple[int, str], subprocess.Popen[bytes]] = {}
_lock = threading.Lock()


def ask(parser: str, path: Path) -> Any:
    """Read a file in a child process.

    Args:
        parser: ``"hdf5"``, ``"mat"`` or ``"torch"``.
        path: the file.

    Returns
    -------
        Nested dicts, lists, strings, numbers and numpy arrays.

    Raises
    ------
        FileError: missing, too large, refused by the reader, or the child died; one sentence.
        Unsupported: the platform cannot fork.
    """
    if not hasattr(os, "fork"):
        raise Unsupported(f"{PARSERS[parser]} files are read in a child process, which needs fork")
    size = regular(path)
    with _lock:
        status, body = _exchange(parser, path, SECONDS + size / RATE)
        if status == DIED:  # perhaps long before this file: once more, with a new one
            status, body = _exchange(parser, path, SECONDS + size / RATE)
    if status != "ok":
        raise FileError(f"{path} {status}")
    return decode(body, path)


def regular(path: Path) -> int:
    """Return the size of a regular file that is not too large.

    Raises
    ------
        FileError: anything else.
    """
    if not path.exists():
        raise FileError(f"{path} does not exist")
    if not path.is_file():
        raise FileError(f"{path} is not a file")
    size = path.stat().st_size
    if size > FILE:
        raise FileError(f"{path} has {size} bytes, more than the {FILE} that are read")
    return size


def _exchange(parser: str, path: Path, seconds: float) -> tuple[str, bytes]:
    server = _server(parser)
    job = json.dumps({"path": str(path.resolve()), "seconds": seconds}) + "\n"
    try:
        server.stdin.write(job.encode())  # type: ignore[union-attr]
        server.stdin.flush()  # type: ignore[union-attr]
        return _answer(server, time.monotonic() + PATIENCE * seconds + 30)
    except (OSError, EOFError, ValueError, struct.error):
        stop(parser)
        return DIED, b""


def _answer(server: subprocess.Popen[bytes], deadline: float) -> tuple[str, bytes]:
    body, pipe = bytearray(), server.stdout.fileno()  # type: ignore[union-attr]
    while True:
        (length,) = struct.unpack("<I", _exactly(pipe, 4, deadline))
        if length == 0:
            break
        if len(body) + length > ANSWER + (64 << 20):
            raise ValueError("too long")
        body += _exactly(pipe, length, deadline)
    (length,) = struct.unpack("<I", _exactly(pipe, 4, deadline))
    if length > 4096:
        raise ValueError("too long")
    return _exactly(pipe, length, deadline).decode("utf-8", "replace"), bytes(body)


def _exactly(pipe: int, length: int, deadline: float) -> bytes:
    parts, missing = [], length
    while missing:
        if not select.select([pipe], [], [], max(0.0, deadline - time.monotonic()))[0]:
            raise EOFError
        part = os.read(pipe, min(missing, 1 << 20))
        if not part:
            raise EOFError
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)


def _server(parser: str) -> subprocess.Popen[bytes]:
    key = (os.getpid(), parser)
    found = _servers.get(key)
    if found is not None and found.poll() is None:
        return found
    if found is not None:
        stop(parser)  # it has died: its pipes are ours to close
    module, extra = READ_WITH[parser]
    if importlib.util.find_spec(module) is None:
        raise Unsupported(f"{PARSERS[parser]} files are read with {module}: {install(extra)}")
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    environment |= {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p),
                    "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1",
                    "MKL_NUM_THREADS": "1"}  # fmt: skip
    program = "from mapping.importers.sandbox_server import serve; serve()"
    server = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", program, parser],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
    )
    _servers[key] = server
    status, _ = _answer(server, time.monotonic() + 120)
    if status != "ready":
        stop(parser)
        raise Unsupported(f"{PARSERS[parser]} files cannot be read here: {status}")
    return server


def stop(parser: str | None = None) -> None:
    """End the server of a parser, or of all of them."""
    for key in [k for k in _servers if parser in (None, k[1])]:
        server = _servers.pop(key)
        if key[0] != os.getpid():  # inherited by a fork: not ours to end
            continue
        server.kill()
        for pipe in (server.stdin, server.stdout):
            with contextlib.suppress(OSError):
                pipe.close()  # type: ignore[union-attr]
        server.wait()


atexit.register(stop)


def decode(body: bytes, path: Path) -> Any:
    """Build an answer's tree; every array is checked against its declaration."""
    bad = FileError(f"{path} could not be read: the answer of the process that read it is damaged")
    try:
        (length,) = struct.unpack_from("<I", body)
        head = json.loads(body[4 : 4 + length])
        offset, arrays = 4 + length, []
        for dtype, shape in head["arrays"]:
            if dtype not in DTYPES or not all(type(n) is int and n >= 0 for n in shape):
                raise bad
            kind = np.dtype(dtype)
            size = math.prod(shape) * kind.itemsize
            if size > len(body) - offset:
                raise bad
            part = np.frombuffer(body, kind, math.prod(shape), offset)
            arrays.append(part.reshape(shape))
            offset += size
    except (KeyError, TypeError, ValueError, RecursionError, struct.error):
        raise bad from None

    def build(node: Any) -> Any:
        if isinstance(node, list):
            return [build(n) for n in node]
        if isinstance(node, dict):
            return arrays[node["$"]] if "$" in node else {k: build(v) for k, v in node.items()}
        return node

    return build(head["tree"])
