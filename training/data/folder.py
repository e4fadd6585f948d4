"""A folder that the user names: what must lie there, and what is missing, in one sentence."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

#: Most bytes of a file that is read at once.
MOST = 1 << 31


def located(folder: Path, wants: Iterable[str], what: str, inside: str = "") -> Path:
    """Return the folder that holds the named files, ``folder`` itself or one inside it.

    Args:
        wants: names of files or folders that must be there.
        what: the data set, in words. inside: the folder that its archive makes.

    Raises
    ------
        ValueError: one is missing; it is named, and where it should be put.
    """
    names = list(wants)
    places = [folder / inside, folder] if inside else [folder]
    best = min(places, key=lambda place: sum(not (place / name).exists() for name in names))
    missing = [name for name in names if not (best / name).exists()]
    if missing:
        raise ValueError(f"{folder} must hold {', '.join(missing)}: put {what} there")
    return best


def size_of(path: Path) -> int:
    """Return the size of a regular file that can be read at once.

    Raises
    ------
        ValueError: missing, no file, or too large.
    """
    if not path.is_file():
        raise ValueError(f"{path} does not exist, or is no file")
    size = path.stat().st_size
    if size > MOST:
        raise ValueError(f"{path} has {size} bytes; at most {MOST} can be read")
    return size


def contents(path: Path) -> bytes:
    """Return a file's bytes, after a look at its size.

    Raises
    ------
        ValueError: as of ``size_of``, or it cannot be read.
    """
    size_of(path)
    try:
        return path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror or error}") from None
