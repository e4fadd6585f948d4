"""Arguments why a mutant that is not proved is equal all the same: one line each, by pattern."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .mutants import Mutant


@dataclass(frozen=True)
class Argument:
    """One: a pattern that is searched in ``str(mutant)``, and why such a mutant is equal."""

    pattern: re.Pattern[str]
    why: str


def read(path: Path) -> list[Argument]:
    """Read a file of arguments: a list of objects with ``pattern`` and ``why``.

    Raises
    ------
        ValueError: it is no such file. OSError: it cannot be read.
    """
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
        return [Argument(re.compile(e["pattern"]), str(e["why"])) for e in entries]
    except (ValueError, TypeError, KeyError, re.error) as error:
        raise ValueError(f"{path} is no list of arguments ({error})") from None


def argument(arguments: Iterable[Argument], mutant: Mutant) -> str | None:
    """Return why a mutant is equal, by the first pattern that fits, or None."""
    return next((a.why for a in arguments if a.pattern.search(str(mutant))), None)
