"""``spikexact verify``."""

from pathlib import Path
from typing import Annotated

import typer

from .arguments import MOST_SAMPLES, Backends, File, Json, Seed, backend_names, writable


def verify(
    file: File,
    backends: Backends = "reference,fast,rtl",
    samples: Annotated[
        int, typer.Option(help="Stimuli, if no inputs are given.", min=1, max=MOST_SAMPLES)
    ] = 20,
    inputs: Annotated[Path | None, typer.Option(help="A .npy instead of stimuli.")] = None,
    rtl: Annotated[Path | None, typer.Option(help="Check the Verilog in this folder.")] = None,
    trained: Annotated[
        Path | None, typer.Option(help="What it was folded from: count where float64 differs.")
    ] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="verify.json")] = None,
    seed: Seed = 0,
    json: Json = False,
) -> int:
    """Compare backends, every spike and membrane; status 1 at any mismatch."""
    from sim.ability import require
    from sim.campaign.stimuli import stimuli
    from sim.verify import verify as check
    from sim.written import document, entry

    from .. import console, files

    names = backend_names(backends)
    network = files.network(file)
    if rtl is None and inputs is None:
        require(network, names)
    batch = stimuli(network, samples, seed) if inputs is None else files.inputs(inputs)
    if output is not None:
        writable(output, file, inputs, trained)
    source = None if trained is None else files.source(trained, file)
    with console.progress(json) as progress:
        verification = check(network, batch, names, rtl=rtl, progress=progress)
    checked = document([entry(verification, seed=seed if inputs is None else None)])
    if source is not None:
        checked["checks"][0]["trained"] = files.difference(source, network, batch)
    if output is not None:
        files.write_json(output, checked)
    if json:
        console.print_json(checked)
    else:
        if inputs is None:
            console.say(f"seed {seed}")
        console.matrix(verification)
        if source is not None:
            rows = files.difference_rows(checked["checks"][0]["trained"])
            console.rows("the trained network in float64, and these integers", rows)
    return 0 if verification.ok else 1
