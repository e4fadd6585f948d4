"""``spikexact evaluate``."""

from pathlib import Path
from typing import Annotated

import typer

from .answers import tell
from .arguments import Backend, Cluster, File, Json


def evaluate(
    file: File,
    source: Annotated[
        str,
        typer.Argument(
            metavar="DATA", help="digits, mnist ..; an .npz or .npy; a folder (docs/data.md)."
        ),
    ],
    labels: Annotated[Path | None, typer.Option(help="A .npy of classes, for a .npy.")] = None,
    data: Annotated[Path | None, typer.Option(help="Folder of a named set's files.")] = None,
    part: Annotated[str, typer.Option(help="Of a set or folder: test, train or all.")] = "test",
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="name=value of the data set.")
    ] = None,
    backend: Backend = "fast",
    checked: Annotated[int, typer.Option(help="Samples compared with the reference.", min=0)] = 64,
    cluster: Cluster = None,
    journal: Annotated[Path | None, typer.Option(help="Of finished chunks; resumes.")] = None,
    json: Json = False,
) -> int:
    """Accuracy and agreement over a data set; status 1 at any mismatch with the reference."""
    from mapping.cost import lines
    from sim.evaluate import evaluate as work

    from .. import console, files
    from ..data import labelled

    network = files.network(file)
    inputs, classes = labelled(network, source, labels, data, part, settings or [])
    with console.progress(json) as progress:
        evaluation = work(
            network, inputs, classes, backend, checked,
            progress=lambda done, total: progress("samples", done, total), cluster=cluster,
            journal=journal,
        )  # fmt: skip
    facts = {**evaluation.to_json(), "data": source}
    if evaluation.cost is not None and not json:
        facts |= lines(evaluation.cost)
    tell(facts, json)
    return 1 if evaluation.mismatches else 0
