"""A journal: a head, then a JSON line for each finished piece of work; a torn last line is dropped.

Whoever was stopped goes on with the same journal. The head says whose it is.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from mapping.files import beside, target

Line = TypeVar("Line")


def read(
    journal: Path, head: dict[str, Any], kind: str, line: Callable[[dict[str, Any]], Line]
) -> list[Line]:
    """Read a journal's lines, or begin it.

    Args:
        head: its first line; the first key says of what kind it is. kind: "a campaign's".
        line: makes a value of a line, or raises ValueError or TypeError.

    Raises
    ------
        ValueError: a journal of other work, or no journal. OSError: it names the journal.
    """
    journal, key = target(journal), next(iter(head))
    text = ""
    with _named(journal, kind):
        if journal.exists():
            text = journal.read_text(encoding="utf-8")
        if json.dumps(head).startswith(text):  # nothing yet, or a torn first line
            journal.write_text(json.dumps(head) + "\n", encoding="utf-8")
            return []
        whole = text[: text.rfind("\n") + 1]
        entries = [json.loads(one) for one in whole.splitlines()]
        if not entries or not isinstance(entries[0], dict) or key not in entries[0]:
            raise ValueError("its first line does not say so")
    if entries[0] != head:
        raise ValueError(f"{journal} is of another {key} ({entries[0]}): name another file")
    with _named(journal, kind):
        results = [line(entry) for entry in entries[1:]]
    if whole != text:
        with beside(journal) as part:
            part.write_text(whole, encoding="utf-8")
    return results


def append(journal: Path, line: dict[str, Any], kind: str) -> None:
    """Append one line and see it to the disk."""
    with _named(journal, kind), journal.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")
        file.flush()
        os.fsync(file.fileno())


@contextlib.contextmanager
def _named(journal: Path, kind: str) -> Iterator[None]:
    """Name the journal in what goes wrong with it."""
    try:
        yield
    except OSError as error:
        raise type(error)(f"{journal}: {error.strerror or error}") from None
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"{journal} is there and is not {kind} journal ({error}): name another file"
        ) from None
