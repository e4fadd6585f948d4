"""``spikexact fold``."""

from pathlib import Path
from typing import Annotated

import typer

from .answers import show_network
from .arguments import File, Json, writable

#: Timesteps of a fold that takes long enough to say so, and the most that a fold takes.
LONG, MOST = 4096, 1 << 16


def fold(
    file: File,
    output: Annotated[Path, typer.Option("-o", "--output", help="The network file.")],
    timesteps: Annotated[int | None, typer.Option(help="T; the trained one unless given.")] = None,
    json: Json = False,
) -> None:
    """Fold a trained network into integers and certify every population."""
    import mapping
    from mapping.files import digest

    from .. import console, files

    trained = files.trained(file)
    writable(output, file)
    if timesteps is not None and LONG < timesteps <= MOST:
        console.note(f"folding for T = {timesteps}: time and memory grow with T ..")
    with console.progress(json) as tell:
        network = mapping.fold(
            trained, timesteps, progress=lambda done, total: tell("populations", done, total)
        )
    mapping.save(network, output, folded_from=digest(trained))
    show_network(network, json, file=str(output), exact=network.exact)
