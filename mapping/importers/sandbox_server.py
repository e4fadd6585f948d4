"""The other side of ``sandbox``: loads one parser, and forks a limited child for each file."""

from __future__ import annotations

import json
import math
import os
import select
import signal
import struct
import sys
import time
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from . import readers
from .sandbox import ANSWER, DTYPES, MEMORY, PATIENCE


def serve() -> None:
    """Load a parser, then read one file per line of standard input, each in a fork."""
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
    deadline = time.monotonic() + PATIENCE * seconds
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
            resource.setrlimit(resource.RLIMIT_CPU, (math.floor(seconds), math.floor(seconds) + 1))
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
