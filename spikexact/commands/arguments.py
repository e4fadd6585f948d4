"""Options that several commands share, and what makes their texts into values."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

#: Stimuli, vectors or samples that one command draws at most.
MOST_SAMPLES = 1 << 20


def backends_starting_with(incomplete: str) -> list[str]:
    """Complete a backend's name, the last of several with commas; read when it is asked for."""
    from sim.backends.rows import BACKENDS

    before, comma, last = incomplete.rpartition(",")
    return [f"{before}{comma}{name}" for name in BACKENDS if name.startswith(last)]


Json = Annotated[bool, typer.Option("--json", help="Only JSON on stdout.")]
Seed = Annotated[int, typer.Option(help="Seed of everything random.", min=0, max=(1 << 63) - 1)]
File = Annotated[Path, typer.Argument(help="A file written by train, fold or save.")]
Force = Annotated[bool, typer.Option("--force", help="Replace a folder that is not ours.")]
TrainedOutput = Annotated[Path, typer.Option("-o", "--output", help="The trained file.")]
Backend = Annotated[
    str, typer.Option(help="One that doctor lists.", autocompletion=backends_starting_with)
]
Backends = Annotated[
    str, typer.Option(help="Names, separated by commas.", autocompletion=backends_starting_with)
]
Cluster = Annotated[
    str | None, typer.Option(help="local:N processes, or a Dask scheduler: tcp://host:8786.")
]
Parallelism = Annotated[str | None, typer.Option(help="One number, or one per layer: 8,4.")]


def backend_names(text: str) -> list[str]:
    """Return the backends that a text with commas names.

    Raises
    ------
        ValueError: a name that there is not, or none.
    """
    from sim.run import backend_module

    names = [name.strip() for name in text.split(",")]
    if not all(names):
        raise ValueError(f"--backends must be names with commas, as reference,fast, not {text!r}")
    for name in names:
        backend_module(name)
    return names


def parallelism(text: str | None, option: str) -> int | list[int] | None:
    """Return the PE or SIMD that a text names: one number, or one for each layer.

    Raises
    ------
        ValueError: no integers.
    """
    if text is None:
        return None
    try:
        numbers = [int(part) for part in text.split(",")]
    except ValueError:
        raise ValueError(
            f"{option} must be one number, or one per layer: 8,4, not {text!r}"
        ) from None
    return numbers[0] if len(numbers) == 1 else numbers


def writable(path: Path, *read: Path | None) -> None:
    """Say at once, before long work, that a file cannot be written, or is one that is read."""
    from mapping.files import target

    target(path)
    for source in read:
        if source is not None and path.exists() and source.exists() and path.samefile(source):
            raise ValueError(f"{path} is read by this command: name another file for -o")
