"""A reader for ``mapping.confined`` that does what its file says: whatever a broken one might."""

import ctypes
import os
import resource
import time
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

NAME = "bad"
NEEDS = None
LIMITS = ("RLIMIT_CORE", "RLIMIT_FSIZE", "RLIMIT_CPU", "RLIMIT_AS")


def prepare() -> None:
    """Fail to load where the environment says so."""
    if "BAD_READER_IS_BROKEN" in os.environ:
        raise ImportError("no such\nlibrary")


def read(file: BinaryIO, size: int) -> Any:
    """Do what the file's only word says."""
    word = file.read().decode()
    if word == "hang":
        while True:
            pass
    if word == "sleep":
        time.sleep(1000)
    if word == "eat":
        return {"x": bytearray(600 << 20)}
    if word == "crash":
        ctypes.string_at(0)
    if word == "exit":
        os._exit(0)
    if word == "quit":
        os._exit(77)
    if word == "open":
        return Path("/etc/hostname").read_text()
    if word == "write":
        Path("written").write_text("x")
    if word == "flood":
        while True:
            os.write(3, bytes(1 << 20))
    if word == "forge":
        os.write(3, b"\x02" + bytes(7) + b"[]")
        os._exit(0)
    if word == "print":
        print("printed", flush=True)
        return {"$": [1, 2.5, "text", None, True], "array": np.arange(3), "dict": {}}
    if word == "limits":
        return {name: resource.getrlimit(getattr(resource, name)) for name in LIMITS}
    if word == "objects":
        return np.array([None])
    if word == "large":
        return np.zeros(30 << 20)
    raise RuntimeError("two\nlines")
