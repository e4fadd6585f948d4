"""What a person sees: results on stdout, progress and errors on stderr; with --json only JSON."""

from __future__ import annotations

import contextlib
import json
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from sim.compare import Count
from sim.verify import Verification

#: Wide enough for the matrix where no terminal says otherwise.
_WIDTH = None if sys.stdout.isatty() else 120


class _Console(Console):
    """Leaves it to the command line to end where nobody reads any more."""

    def on_broken_pipe(self) -> None:
        """Raise what is being handled."""
        raise


out = _Console(highlight=False, soft_wrap=True, width=_WIDTH)
err = _Console(stderr=True, highlight=False, soft_wrap=True)


def say(text: str) -> None:
    """Print a line of plain text (no markup)."""
    out.print(text, markup=False)


def program(name: str) -> str:
    """Return what to type for a program of this environment, activated or not."""
    here = Path(sys.executable).parent / name
    if shutil.which(name) == str(here):
        return name
    return str(here.relative_to(Path.cwd()) if here.is_relative_to(Path.cwd()) else here)


def print_json(value: Any) -> None:
    """Print JSON, and nothing else."""
    print(json.dumps(value, indent=2))


def rows(title: str, body: list[dict[str, Any]]) -> None:
    """Print a list of rows with the same keys as a table."""
    table = _table(title, body[0])
    for row in body:
        table.add_row(*(Text(str(value)) for value in row.values()))
    out.print(table)


def _table(title: str, heads: Iterable[str]) -> Table:
    """Return a table without rows. Its texts are plain: in markup, brackets would vanish."""
    table = Table(title=Text(title), title_justify="left")
    for head in heads:
        table.add_column(Text(str(head)), overflow="fold")
    return table


@contextlib.contextmanager
def progress(quiet: bool = False) -> Iterator[Callable[[str, int, int], None]]:
    """Give a callback (what, done, total) that draws bars on stderr, on a terminal only."""
    bars = Progress(
        TextColumn("{task.description}", markup=False), BarColumn(),
        TextColumn("{task.completed}/{task.total}"), TimeElapsedColumn(), console=err,
        transient=True, disable=quiet or not err.is_terminal,
    )  # fmt: skip
    tasks: dict[str, Any] = {}
    with bars:

        def tell(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=total)
            bars.update(tasks[what], completed=done)

        yield tell


def note(text: str) -> None:
    """Print a line of plain text on stderr, above a bar if there is one."""
    err.print(text, markup=False)


def cell(count: Count | None) -> str:
    """Return one cell of the matrix: "0 / 1,024", "not compared", or "-" where there is nothing."""
    return "-" if count is None else str(count)


def matrix(verification: Verification) -> None:
    """Print the agreement matrix: mismatches / neuron-values compared."""
    table = _table(
        f"agreement with {verification.reference}: mismatches / neuron-values compared",
        ("backend", "samples", "population", "spikes", "membranes", "seconds", "result"),
    )
    for name, check in verification.checks.items():
        for k, (population, values) in enumerate(check.cells.items()):
            first = k == 0
            row = (
                name if first else "",
                f"{check.samples}" if first else "",
                population,
                cell(values.spikes),
                cell(values.v),
                f"{check.seconds:.1f}" if first else "",
                ("agrees" if check.ok else "FAILS") if first else "",
            )
            table.add_row(*map(Text, row))
    out.print(table)
    say(
        f"{verification.compared:,} neuron-values compared, "
        f"{verification.mismatches:,} mismatches; "
        f"{verification.threshold_hits:,} membranes exactly at their threshold"
    )
    for problem in verification.problems:
        say(problem)
