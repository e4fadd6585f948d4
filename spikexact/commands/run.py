"""``spikexact run``."""

from pathlib import Path
from typing import Annotated

import typer

from .answers import tell
from .arguments import Backend, File, Json, writable


def run(
    file: File,
    inputs: Annotated[Path, typer.Option(help="A .npy: (samples, T, ...) or (samples, ...).")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The trace, an .npz.")],
    backend: Backend = "reference",
    json: Json = False,
) -> None:
    """Run one backend on inputs and write its trace."""
    import sim
    from mapping.coding import digest as inputs_digest
    from mapping.files import digest

    from .. import files

    network = files.network(file)
    batch = files.inputs(inputs)
    writable(output, file, inputs)
    trace = sim.run(network, batch, backend)
    trace.info.update(network_sha256=digest(network), inputs_sha256=inputs_digest(batch))
    trace.save(output)
    classes = trace.classes.tolist() if trace.scores is not None else None
    facts = {"file": str(output), "backend": backend, "samples": len(batch), "classes": classes}
    tell(facts | trace.info, json)
