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
Loadable = Annotated[
    bool, typer.Option("--loadable", help="Other networks of its structure can be written into it.")
]
Also = Annotated[
    list[Path] | None, typer.Option(help="A network that it must be able to hold too; repeatable.")
]
AxisBytes = Annotated[
    int | None, typer.Option(help="Bytes of TDATA of the AXI wrapper; what holds a beat.")
]
HOW = "one number, one per population (8,4), or NAME=N pairs"
Pe = Annotated[list[str] | None, typer.Option(help=f"Outputs a cycle: {HOW}.")]
Simd = Annotated[list[str] | None, typer.Option(help=f"Inputs a cycle: {HOW}.")]
Lanes = Annotated[list[str] | None, typer.Option(help=f"Neurons updated a cycle: {HOW}.")]
Block = Annotated[
    int | None,
    typer.Option(help="Timesteps of a block; 1, or all where maps have much state.", min=1),
]
Parallel = Annotated[int, typer.Option(help="Timesteps of a block summed at once.", min=1)]
SkipZeros = Annotated[
    bool, typer.Option("--skip-zeros", help="Do not read words that are all zero.")
]
SkipZerosOf = Annotated[
    list[str] | None, typer.Option(help="The same of one population, by NAME; may come again.")
]
Classes = Annotated[
    bool, typer.Option("--classes", help="Class and score leave, read out on chip; no spikes.")
]
Stop = Annotated[
    bool, typer.Option("--stop", help="So, and a sample ends at its first output spike.")
]
TargetFps = Annotated[
    float | None, typer.Option(help="Samples a second to reach, with the fewest cells.")
]
Clock = Annotated[float | None, typer.Option(help="Clock in MHz.")]
Cells = Annotated[
    int | None, typer.Option(help="Cells, by estimate, to keep: the fastest form within.", min=1)
]
Ram = Annotated[int | None, typer.Option(help="Bits of memory to keep, ROMs included.", min=1)]


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


def parallelism(texts: list[str] | None, option: str) -> int | list[int] | dict[str, int] | None:
    """Return what texts say of a parallelism: one number, one per population, or by name.

    Args:
        texts: one for each time that the option is given; commas join as well.

    Raises
    ------
        ValueError: anything else; one sentence.
    """
    if texts is None:
        return None
    wrong = f"{option} must be {HOW}, not {', '.join(map(repr, texts))}"
    parts = [part for text in texts for part in text.split(",")]
    named: dict[str, int] = {}
    try:
        if not any("=" in part for part in parts):
            numbers = [int(part) for part in parts]
            return numbers[0] if len(numbers) == 1 else numbers
        for part in parts:
            name, equals, number = part.rpartition("=")
            if not equals or not name:
                raise ValueError
            if name in named:
                raise TypeError
            named[name] = int(number)
    except ValueError:
        raise ValueError(wrong) from None
    except TypeError:
        raise ValueError(f"{option} names {name!r} twice: give it one number") from None
    return named


def writable(path: Path, *read: Path | None) -> None:
    """Say at once, before long work, that a file cannot be written, or is one that is read."""
    from mapping.files import target

    target(path)
    for source in read:
        if source is not None and path.exists() and source.exists() and path.samefile(source):
            raise ValueError(f"{path} is read by this command: name another file for -o")
