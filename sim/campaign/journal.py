"""A campaign's journal: what one group of networks came to is one line."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .. import journal_file

#: What a sentence calls it.
KIND = "a campaign's"


@dataclass(frozen=True)
class Result:
    """What one group of networks came to.

    Attributes
    ----------
        networks: run; fewer than asked for only where a problem says why.
        compared: neuron-values by backend.
        problems: a sentence each: a mismatch, or anything that went wrong.
        refused: backend and reason to networks that the backend does not run.
        passed_over: reason to drawn networks that have no integer form, or are too wide.
        builds, built: by kind (``builds.KINDS``) the builds that were run, and their networks.
    """

    group: int
    networks: int
    folded: bool
    exact: int = 0
    compared: dict[str, int] = field(default_factory=dict)
    mismatches: int = 0
    threshold_hits: int = 0
    below_threshold: int = 0
    problems: list[str] = field(default_factory=list)
    refused: dict[str, int] = field(default_factory=dict)
    passed_over: dict[str, int] = field(default_factory=dict)
    builds: dict[str, int] = field(default_factory=dict)
    built: dict[str, int] = field(default_factory=dict)


def read(journal: Path, head: dict[str, Any]) -> dict[int, Result]:
    """Read a journal's results, or begin it; see ``sim.journal_file``."""
    return {r.group: r for r in journal_file.read(journal, head, KIND, _result)}


def append(journal: Path, line: dict[str, Any]) -> None:
    """Append one line and see it to the disk."""
    journal_file.append(journal, line, KIND)


def _result(line: dict[str, Any]) -> Result:
    """Make a Result of a line; ValueError if a field holds something else than it should."""
    result = Result(**line)
    for key, value in vars(result).items():
        if key == "problems":
            good = type(value) is list and all(type(problem) is str for problem in value)
        elif key in ("compared", "refused", "passed_over", "builds", "built"):
            good = type(value) is dict and all(type(n) is int for n in value.values())
        else:
            good = type(value) is (bool if key == "folded" else int) and value >= 0
        if not good:
            raise ValueError(f"{key} is {value!r}")
    return result
