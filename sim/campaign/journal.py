"""A campaign's journal: a head, then a JSON line a group; a torn last line is dropped."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mapping.files import beside, target


@dataclass(frozen=True)
class Result:
    """What one group of networks came to.

    Attributes
    ----------
        networks: run; fewer than asked for only where a problem says why.
        problems: a sentence each: a mismatch, or anything that went wrong.
        refused: backend and reason to networks that the backend does not run.
        passed_over: reason to drawn networks that have no integer form, or are too wide.
    """

    group: int
    networks: int
    folded: bool
    exact: int = 0
    compared: int = 0
    mismatches: int = 0
    threshold_hits: int = 0
    below_threshold: int = 0
    problems: list[str] = field(default_factory=list)
    refused: dict[str, int] = field(default_factory=dict)
    passed_over: dict[str, int] = field(default_factory=dict)


def read(journal: Path, head: dict[str, Any]) -> dict[int, Result]:
    """Read a journal's results, or begin it.

    Raises
    ------
        ValueError: a journal of another campaign, or no journal. OSError: it names the journal.
    """
    journal = target(journal)
    text = ""
    with _named(journal):
        if journal.exists():
            text = journal.read_text(encoding="utf-8")
        if json.dumps(head).startswith(text):  # nothing yet, or a torn first line
            journal.write_text(json.dumps(head) + "\n", encoding="utf-8")
            return {}
        whole = text[: text.rfind("\n") + 1]
        entries = [json.loads(line) for line in whole.splitlines()]
        if not entries or not isinstance(entries[0], dict) or "campaign" not in entries[0]:
            raise ValueError("its first line does not say so")
    if entries[0] != head:
        raise ValueError(f"{journal} is of another campaign ({entries[0]}): name another file")
    with _named(journal):
        results = [_result(line) for line in entries[1:]]
    if whole != text:
        with beside(journal) as part:
            part.write_text(whole, encoding="utf-8")
    return {r.group: r for r in results}


def _result(line: dict[str, Any]) -> Result:
    """Make a Result of a line; ValueError if a field holds something else than it should."""
    result = Result(**line)
    for key, value in vars(result).items():
        if key == "problems":
            good = type(value) is list and all(type(problem) is str for problem in value)
        elif key in ("refused", "passed_over"):
            good = type(value) is dict and all(type(n) is int for n in value.values())
        else:
            good = type(value) is (bool if key == "folded" else int) and value >= 0
        if not good:
            raise ValueError(f"{key} is {value!r}")
    return result


def append(journal: Path, line: dict[str, Any]) -> None:
    """Append one line and see it to the disk."""
    with _named(journal), journal.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")
        file.flush()
        os.fsync(file.fileno())


@contextlib.contextmanager
def _named(journal: Path) -> Iterator[None]:
    """Name the journal in what goes wrong with it."""
    try:
        yield
    except OSError as error:
        raise type(error)(f"{journal}: {error.strerror or error}") from None
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"{journal} is there and is not a campaign's journal ({error}): name another file"
        ) from None
