"""``spikexact place``."""

from pathlib import Path
from typing import Annotated

import typer

from .arguments import MOST_SAMPLES, File, Json, Seed, writable


def place(
    file: File,
    chip: Annotated[str, typer.Option(help="loihi1 or loihi2")] = "loihi1",
    data: Annotated[
        str | None, typer.Option(help="Whose spikes count: a .npy, or what evaluate takes.")
    ] = None,
    samples: Annotated[
        int, typer.Option(help="Of the data that are run.", min=1, max=MOST_SAMPLES)
    ] = 8,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="place.json")] = None,
    seed: Seed = 0,
    json: Json = False,
) -> int:
    """Place a network on Loihi's neurocores: limits, traffic, energy; modelled, no chip is run."""
    from .. import console, files
    from ..placing import lines, placed, samples_of, tables

    network = files.network(file)
    if output is not None:
        writable(output, file)
    inputs = None if data is None else samples_of(network, data, samples)
    found = placed(network, chip, inputs, seed)
    if output is not None:
        files.write_json(output, found)
    if json:
        console.print_json(found)
    else:
        for title, rows in tables(found):
            console.rows(title, rows)
        for line in lines(found):
            console.say(line)
    return 1 if found["broken"] else 0
