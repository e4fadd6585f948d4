"""``spikexact campaign``."""

from pathlib import Path
from typing import Annotated

import typer

from .answers import tell
from .arguments import MOST_SAMPLES, Backends, Cluster, Json, Seed, backend_names


def campaign(
    networks: Annotated[int, typer.Option(help="How many to draw.", min=1)] = 300,
    backends: Backends = "reference,fast,rtl",
    per_build: Annotated[
        int | None,
        typer.Option(help="Networks that share RTL builds; dense: 5, all: 1 unless told.", min=1),
    ] = None,
    samples: Annotated[
        int, typer.Option(help="Stimuli per network.", min=1, max=MOST_SAMPLES)
    ] = 12,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Journal; resumes.")] = None,
    kinds: Annotated[str, typer.Option(help="dense, or all: every kind of node.")] = "dense",
    cluster: Cluster = None,
    seed: Seed = 0,
    json: Json = False,
) -> int:
    """Draw random networks, run backends, compare everything; resumes from its journal."""
    from sim.campaign import campaign as work

    from .. import console

    names = backend_names(backends)
    with console.progress(json) as progress:
        result = work(
            networks, names, seed, per_build=per_build, samples=samples, journal=output,
            progress=lambda done, total: progress("networks", done, total), kinds=kinds,
            cluster=cluster,
        )  # fmt: skip
    tell(result, json)
    return 0 if result["ok"] else 1
