"""What runs in the child process: limits, then one reader on one file, then the answer.

The answer is a safetensors file whose metadata hold the tree as JSON: ``{"array": name}`` stands
for an array, ``{"dict": ..}`` for a dict. It goes out by what was standard output.
"""

from __future__ import annotations

import importlib
import json
import math
import os
import signal
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from .. import tensors

#: Exit statuses: the file is refused (its sentence is the answer), the reader cannot be loaded
#: (its error is), no memory was left.
REFUSED, BROKEN, NO_MEMORY = 3, 4, 5
#: Seconds by the clock for one of processor time: others may be busy on the machine.
PATIENCE = 6
#: The entry of the metadata that holds the tree.
TREE = "tree"
#: What a reader's own sentence begins with; anything else is a parser's.
_VERBS = ("is ", "holds ", "has ", "links ", "stores ", "nests ")


def main(job: dict[str, Any]) -> None:
    """Read one file and end the process.

    Args:
        job: as ``parent.read`` writes it: reader, file, memory, answer, seconds.
    """
    into = os.dup(1)
    os.dup2(2, 1)  # what a parser prints goes where nobody reads it
    try:
        reader = importlib.import_module(job["reader"])
        for codec in ("ascii", "latin-1", "utf-8", "utf-16", "utf-32", "cp1252"):
            "".encode(codec)  # a codec is a file that is loaded when it is first used
        reader.prepare()
    except Exception as error:  # a package that is broken in whatever way
        _sent(into, [f"{type(error).__name__}: {' '.join(str(error).split())[:300]}".encode()])
        os._exit(BROKEN)
    os._exit(answered(reader, job, into))


def answered(reader: ModuleType, job: dict[str, Any], into: int) -> int:
    """Read under limits; write the answer, or the sentence that refuses the file."""
    try:
        with Path(job["file"]).open("rb") as file:
            confine(job["memory"], job["seconds"])
            tree = reader.read(file, os.fstat(file.fileno()).st_size)
            _sent(into, list(answer_of(tree, job["answer"])))
    except MemoryError:
        return NO_MEMORY
    except Exception as error:  # whatever the parser raises: the file's fault, one sentence
        sentence = " ".join(str(error).split())[:300] or type(error).__name__
        if not sentence.startswith(_VERBS):
            sentence = f"cannot be parsed: {sentence}"
        _sent(into, [sentence.encode("utf-8", "replace")])
        return REFUSED
    return 0


def confine(memory: int, seconds: float) -> None:
    """Take the limits on, for good.

    Args:
        memory: bytes by which this process may still grow, where the system says how large it is.
        seconds: of processor time from now on; PATIENCE times as many by the clock.
    """
    import resource

    def limit(what: int, most: int) -> None:
        resource.setrlimit(what, (most, most))

    sizes = Path("/proc/self/statm")  # of Linux; its first number is the pages of this process
    if sizes.exists():
        size = int(sizes.read_text().split()[0]) * resource.getpagesize()
        limit(resource.RLIMIT_AS, size + memory)
    used = resource.getrusage(resource.RUSAGE_SELF)
    limit(resource.RLIMIT_CPU, math.ceil(used.ru_utime + used.ru_stime + seconds) + 1)
    limit(resource.RLIMIT_FSIZE, 0)
    limit(resource.RLIMIT_CORE, 0)
    lowest = os.dup(0)  # no descriptor below it is free, and none above is allowed
    os.close(lowest)
    limit(resource.RLIMIT_NOFILE, lowest)
    signal.setitimer(signal.ITIMER_PROF, seconds)  # exact, where RLIMIT_CPU counts whole seconds
    signal.setitimer(signal.ITIMER_REAL, PATIENCE * seconds)  # though nobody waits any more


def answer_of(tree: Any, most: int) -> Any:
    """Return the parts of the answer that holds a tree.

    Args:
        most: bytes of its arrays.

    Raises
    ------
        ValueError: more bytes, or what is neither JSON nor an array of real numbers.
    """
    arrays: dict[str, np.ndarray] = {}

    def plain(node: Any) -> Any:
        if isinstance(node, np.ndarray):
            arrays[str(len(arrays))] = node
            return {"array": str(len(arrays) - 1)}
        if isinstance(node, dict):
            return {"dict": {str(key): plain(part) for key, part in node.items()}}
        if isinstance(node, (list, tuple)):
            return [plain(part) for part in node]
        return node.item() if isinstance(node, np.generic) else node

    text = json.dumps(plain(tree))
    if sum(array.nbytes for array in arrays.values()) > most:
        raise ValueError(f"holds arrays of more than {most} bytes")
    return tensors.pack({TREE: text}, arrays)


def _sent(into: int, parts: list[bytes | memoryview]) -> None:
    for part in parts:
        view = memoryview(part)
        while view:
            view = view[os.write(into, view[: 1 << 20]) :]
