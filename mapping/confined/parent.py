"""The side that asks: starts a child, waits for its answer or its end, and checks the answer."""

from __future__ import annotations

import importlib.util
import json
import os
import select
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from .. import plain, tensors
from ..extras import install
from ..plain import FileError
from ..temporary import running
from ..value import Unsupported
from .child import BROKEN, NO_MEMORY, PATIENCE, TREE

#: Seconds in which a child must have loaded its reader, on a machine that is busy with others.
START = 120
#: What a child needs of this process: it loads the same packages, in one thread.
_PROGRAM = (
    "import sys, json; job = json.loads(sys.argv[1]); sys.path[:] = job['path']; "
    "from mapping.confined import child; child.main(job)"
)
_THREADS = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


@dataclass(frozen=True)
class Limits:
    """What reading one file may take.

    Attributes
    ----------
        file, answer: bytes of the file, and of the arrays that come back.
        memory: bytes by which the child may grow beyond its loaded parser.
        seconds, rate: of processor time for a small file, and bytes a second beyond.
    """

    file: int = 1 << 30
    answer: int = 160 << 20
    memory: int = 448 << 20
    seconds: float = 1.0
    rate: int = 20 << 20


def read(reader: ModuleType, path: Path, limits: Limits | None = None) -> Any:
    """Read a file in a child process.

    Args:
        reader: ``hdf5``, ``mat``, ``torch_zip``, or another module of their form.
        path: the file.

    Returns
    -------
        Nested dicts, lists, text, numbers and numpy arrays.

    Raises
    ------
        FileError: missing, too large, refused by the reader, or the child died; one sentence.
        Unsupported: the reader's package is missing or broken, or the system has no such limits.
    """
    limits = limits or Limits()
    if reader.NEEDS is not None and importlib.util.find_spec(reader.NEEDS[0]) is None:
        package, extra = reader.NEEDS
        raise Unsupported(f"{reader.NAME} files are read with {package}: {install(extra)}")
    if importlib.util.find_spec("resource") is None:
        raise Unsupported(
            f"{reader.NAME} files are read under limits on memory and time, which this system "
            "does not have"
        )
    seconds = limits.seconds + plain.regular(path, limits.file) / limits.rate
    job = {
        "path": [entry or str(Path.cwd()) for entry in sys.path],
        "reader": reader.__name__,
        "file": str(path.resolve()),
        "memory": limits.memory,
        "answer": limits.answer,
        "seconds": seconds,
    }
    answer, status = run(job, limits.answer + (64 << 20), START + PATIENCE * seconds)
    if answer is None or status in (-signal.SIGPROF, -signal.SIGXCPU, -signal.SIGALRM):
        raise FileError(f"{path} is refused: reading it takes more than {seconds:.1f} s")
    if status == NO_MEMORY:
        mib = limits.memory >> 20
        raise FileError(f"{path} is refused: reading it needs more than {mib} MiB")
    if status < 0:
        name = signal.Signals(-status).name
        raise FileError(f"{path} is refused: it kills its parser ({name})")
    if status == BROKEN:
        said = answer.decode("utf-8", "replace")
        raise Unsupported(f"{reader.NAME} files cannot be read here: {said}")
    if status:
        raise FileError(f"{path} {answer.decode('utf-8', 'replace') or ENDED}")
    return _decoded(answer, path)


ENDED = "is refused: its parser ended early"


def run(job: dict[str, Any], most: int, timeout: float) -> tuple[bytes | None, int]:
    """Run a child to its end.

    Args:
        most: bytes of its answer. timeout: seconds.

    Returns
    -------
        Its answer, None where it came too late or was too long, and its exit status.
    """
    command = [sys.executable, "-I", "-W", "ignore", "-c", _PROGRAM, json.dumps(job)]
    streams = {"stdin": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    deadline = time.monotonic() + timeout
    with running(command, env={**os.environ, **_THREADS}, stdout=subprocess.PIPE,
                 **streams) as child:  # fmt: skip
        answer = received(child.stdout.fileno(), most, deadline)  # type: ignore[union-attr]
        try:
            status = child.wait(0 if answer is None else max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            return None, 0
    return answer, status


def received(pipe: int, most: int, deadline: float) -> bytes | None:
    """Return what comes out of a pipe until it is closed; None if it is too late or too long."""
    parts, size = [], 0
    while select.select([pipe], [], [], max(0.0, deadline - time.monotonic()))[0]:
        part = os.read(pipe, 1 << 20)
        if not part:
            return b"".join(parts)
        parts.append(part)
        size += len(part)
        if size > most:
            break
    return None


def _decoded(answer: bytes, path: Path) -> Any:
    """Return the tree of an answer, whose types, shapes and lengths are checked once more."""
    try:
        header, start = tensors.header_of(answer, str(path))
        arrays = tensors.arrays_of(answer, header, start, str(path))
        return _built(json.loads(header["__metadata__"][TREE]), arrays)
    except (KeyError, TypeError, ValueError, RecursionError):  # FileError is a ValueError
        raise FileError(
            f"{path} could not be read: the answer of the process that read it is damaged"
        ) from None


def _built(node: Any, arrays: dict[str, np.ndarray]) -> Any:
    if isinstance(node, list):
        return [_built(part, arrays) for part in node]
    if isinstance(node, dict):
        if "array" in node:
            return arrays[node["array"]]
        return {key: _built(part, arrays) for key, part in node["dict"].items()}
    return node
