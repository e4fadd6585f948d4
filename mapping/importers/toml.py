"""TOML, read with limits on its size and on the keys that cost a parser most."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from ..plain import FileError, regular

#: Most bytes of a file, and parts of a dotted key: a parser's work grows with their square.
MOST, PARTS = 1 << 20, 64


def read(path: Path) -> dict[str, Any]:
    """Return the tables of a TOML file.

    Raises
    ------
        FileError: missing, too large, or no TOML; one sentence.
    """
    try:
        import tomllib
    except ImportError:  # Python 3.10
        import tomli as tomllib

    if regular(path) > MOST:
        raise FileError(f"{path} has more than {MOST} bytes: no topology")
    try:
        text = path.read_bytes().decode("utf-8")
        if any(part.count(".") > PARTS for part in re.split(r"[,={}\[\]#\n]", text)):
            raise FileError(f"{path} has a key of more than {PARTS} parts: no topology")
        return tomllib.loads(text)
    except FileError:
        raise
    except RecursionError:
        raise FileError(f"{path} is not TOML: it nests too deep") from None
    except ValueError as error:  # UnicodeDecodeError and TOMLDecodeError are
        raise FileError(f"{path} is not TOML: {' '.join(str(error).split())[:200]}") from None
