"""``spikexact nir``."""

from pathlib import Path
from typing import Annotated

import typer

from .answers import tell
from .arguments import Json, writable


def nir(
    source: Annotated[Path, typer.Argument(help="A network file; or a .nir that this wrote.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="X.nir; or a network file.")],
    json: Json = False,
) -> None:
    """Write a network as a NIR graph with its exact integers, or read them back from one."""
    from mapping import save
    from mapping.exporters import load_nir, save_nir, unsaid
    from mapping.files import digest

    from .. import files

    writable(output, source)
    if source.suffix == ".nir":
        network = load_nir(source)
        save(network, output)
    else:
        network = files.network(source)
        save_nir(network, output)
    facts = {"file": str(output), "network_sha256": digest(network), "unsaid": unsaid(network)}
    tell(facts, json)
