"""``spikexact load``."""

from pathlib import Path
from typing import Annotated

import typer

from .answers import tell
from .arguments import File, Json, writable


def load(
    folder: Annotated[Path, typer.Argument(help="What verilog --loadable wrote.")],
    file: File,
    output: Annotated[Path, typer.Option("-o", "--output", help="The words, 4 bytes each.")],
    json: Json = False,
) -> None:
    """Make the words that write a network into a loadable design; one it cannot hold is refused."""
    from hdl.loading import image, planned
    from mapping.files import beside, digest
    from sim.vectors import read_manifest

    from .. import files

    network = files.network(file)
    writable(output, file)
    manifest = read_manifest(folder, network)
    if "loading" not in manifest:
        raise ValueError(f"{folder} holds a network for good: write it with 'verilog --loadable'")
    words = image(planned(manifest["loading"], network), network)
    with beside(output) as part:
        part.write_bytes(b"".join(word.to_bytes(4, "little") for word in words))
    facts = {
        "file": str(output),
        "network_sha256": digest(network),
        "words": len(words) - 1,
        "crc": f"{words[-1]:08x}",
    }
    tell(facts, json)
