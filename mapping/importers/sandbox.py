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
import json
import math
import os
import select
import signal
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ..files import FileError
from ..value import Unsupported

#: Bytes by which a child may grow.
MEMORY = 448 << 20
#: Most bytes of arrays in one answer, and of a file.
ANSWER = 160 << 20
FILE = 1 << 30
#: Seconds for a small file, and bytes a second beyond.
SECONDS, RATE = 1.5, 20 << 20
#: Types of arrays that may come back.
DTYPES = {"<i1", "<i2", "<i4", "<i8", "<u1", "<u2", "<u4", "<u8", "|i1", "|u1", "|b1",
          "<f2", "<f4", "<f8"}  # fmt: skip
DIED = "could not be read: the process that reads it died"
PARSERS = {"hdf5": "HDF5", "mat": "MATLAB", "torch": "torch"}

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


# --- the asking side -------------------------------------------------------------------------


def _exchange(parser: str, path: Path, seconds: float) -> tuple[str, bytes]:
    server = _server(parser)
    job = json.dumps({"path": str(path.resolve()), "seconds": seconds}) + "\n"
    try:
        server.stdin.write(job.encode())  # type: ignore[union-attr]
        server.stdin.flush()  # type: ignore[union-attr]
        return _answer(server, time.monotonic() + seconds + 30)
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
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    environment |= {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p),
                    "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1",
                    "MKL_NUM_THREADS": "1"}  # fmt: skip
    program = "from mapping.importers.sandbox import serve; serve()"
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


def encode(tree: Any) -> list[bytes | memoryview]:
    """Return an answer as parts to be written one after the other."""
    arrays: list[np.ndarray] = []

    def walk(node: Any) -> Any:
        if isinstance(node, np.ndarray):
            array = np.ascontiguousarray(node, node.dtype.newbyteorder("<"))
            array = array.reshape(node.shape)  # ascontiguousarray makes a scalar a vector
            if array.dtype.str not in DTYPES:
                raise ValueError(f"holds an array of type {node.dtype}")
            arrays.append(array)
            return {"$": len(arrays) - 1}
        if isinstance(node, dict):
            return {str(k): walk(v) for k, v in node.items()}
        if isinstance(node, (list, tuple)):
            return [walk(v) for v in node]
        if isinstance(node, np.generic):
            return node.item()
        return node

    shaped = walk(tree)
    if sum(a.nbytes for a in arrays) > ANSWER:
        raise ValueError(f"holds arrays of more than {ANSWER} bytes")
    head = json.dumps(
        {"tree": shaped, "arrays": [[a.dtype.str, list(a.shape)] for a in arrays]}
    ).encode()
    return [
        struct.pack("<I", len(head)),
        head,
        *(a.reshape(-1).view(np.uint8).data for a in arrays),
    ]


# --- the server ------------------------------------------------------------------------------


def serve() -> None:
    """Load a parser, then read one file per line of standard input, each in a fork."""
    from . import readers

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the asking side, which ends us
    out = sys.stdout.buffer
    try:
        for codec in ("ascii", "latin-1", "utf-8", "utf-16", "utf-32", "cp1252"):
            "".encode(codec)  # a codec is a file that is imported when first used
        read = readers.load(sys.argv[-1])
    except Exception as error:  # a parser that is missing or broken, in whatever way
        _frame(out, f"{type(error).__name__}: {str(error)[:300]}")
        return
    _frame(out, "ready")
    for line in sys.stdin.buffer:
        job = json.loads(line)
        _frame(out, _child(read, job["path"], job["seconds"], out))


def _frame(out: BinaryIO, status: str) -> None:
    data = status.encode()[:4096]
    out.write(struct.pack("<II", 0, len(data)) + data)
    out.flush()


def _child(read: Any, path: str, seconds: float, out: BinaryIO) -> str:
    """Fork; pass the child's bytes on as frames; return what became of it."""
    answer, into = os.pipe()
    report, into_report = os.pipe()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.close(answer)
            os.close(report)
            status = _read_alone(read, path, seconds, into, into_report)
        finally:
            os._exit(status)
    os.close(into)
    os.close(into_report)
    deadline = time.monotonic() + seconds
    said, open_pipes, late = b"", {answer, report}, False
    while open_pipes:
        ready = select.select(list(open_pipes), [], [], max(0.0, deadline - time.monotonic()))[0]
        if not ready:
            late = True
            os.kill(pid, signal.SIGKILL)
            break
        for pipe in ready:
            part = os.read(pipe, 1 << 20)
            if not part:
                open_pipes.discard(pipe)
            elif pipe == report:
                said = (said + part)[:2000]
            else:
                out.write(struct.pack("<I", len(part)) + part)
    os.close(answer)
    os.close(report)
    _, end = os.waitpid(pid, 0)
    if late or (os.WIFSIGNALED(end) and os.WTERMSIG(end) == signal.SIGXCPU):
        return f"is refused: reading it takes more than {seconds:.1f} s"
    if os.WIFSIGNALED(end):
        return f"is refused: it kills its parser ({signal.Signals(os.WTERMSIG(end)).name})"
    if said:
        return said.decode("utf-8", "replace")
    return "ok" if os.WEXITSTATUS(end) == 0 else "is refused: its parser ended early"


def _read_alone(read: Any, path: str, seconds: float, into: int, into_report: int) -> int:
    """Read one file under limits; in the child."""
    import resource

    try:
        with Path(path).open("rb") as file:
            now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize() \
                if Path("/proc/self/statm").exists() else 0  # fmt: skip
            if now:
                resource.setrlimit(resource.RLIMIT_AS, (now + MEMORY, now + MEMORY))
            resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(seconds), math.ceil(seconds) + 1))
            resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            lowest = os.dup(0)  # no descriptor below it is free, and none above is allowed
            os.close(lowest)
            resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, lowest))
            size = os.fstat(file.fileno()).st_size
            for part in encode(read(file, size)):
                view = memoryview(part)
                while view:
                    view = view[os.write(into, view[: 1 << 20]) :]
    except MemoryError:
        os.write(into_report, b"is refused: reading it needs more than 448 MiB")
        return 1
    except Exception as error:  # whatever the parser raises: the file's fault, one sentence
        text = " ".join(str(error).split())[:300] or type(error).__name__
        if not text.startswith(("is ", "holds ", "has ", "links ", "stores ", "nests ")):
            text = f"cannot be parsed: {text}"
        os.write(into_report, text.encode("utf-8", "replace"))
        return 1
    return 0
