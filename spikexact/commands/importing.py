"""``spikexact import``."""

import contextlib
import sys
from pathlib import Path
from typing import Annotated

import typer

from .answers import show_network, tell
from .arguments import Json, Seed, TrainedOutput, writable


def import_network(
    source: Annotated[str, typer.Argument(help="package.module:builder; or a NIR or TOML file.")],
    output: TrainedOutput,
    framework: Annotated[
        str,
        typer.Option("--from", help="torch, snntorch, spikingjelly, norse, sinabs, nir, arrays"),
    ],
    shape: Annotated[str | None, typer.Option("--shape", help="Of one timestep: 2,34,34.")] = None,
    timesteps: Annotated[int | None, typer.Option(help="T.", min=1)] = None,
    coding: Annotated[str, typer.Option(help="steps or direct")] = "steps",
    bits: Annotated[
        int | None, typer.Option(help="Of each input value; 1 of spikes, 8 of pixels.", min=1)
    ] = None,
    unit: Annotated[
        str | None, typer.Option(help="Worth of the input 1, 1/255 for pixels; 1 unless given.")
    ] = None,
    call: Annotated[
        str | None,
        typer.Option(help="step, TN, NT, T*N, N*T or once; found by trying unless given."),
    ] = None,
    readout: Annotated[
        str | None, typer.Option(help="count, membrane or first_spike; found unless given.")
    ] = None,
    neuron: Annotated[
        list[str] | None,
        typer.Option(help="Of torch: 'Class:leak=0.5,threshold=1,reset=zero,compare=>'; repeat."),
    ] = None,
    weights: Annotated[
        Path | None, typer.Option(help="Parameters for the builder: .safetensors, .pt, .npz.")
    ] = None,
    dialect: Annotated[str | None, typer.Option(help="Of NIR: who wrote the file.")] = None,
    semantics: Annotated[
        list[str] | None, typer.Option(help="Of NIR: what the file leaves out, as name=value.")
    ] = None,
    probes: Annotated[int | None, typer.Option(help="Samples of the probe; 256.", min=1)] = None,
    near_ties: Annotated[
        float | None, typer.Option(help="Share of them that may hold a near-tie; 0.01.")
    ] = None,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Bring in a trained network, probed spike by spike; say every semantic that was found."""
    from mapping import save

    from ..importing import bring

    writable(output, Path(source), weights)
    with contextlib.redirect_stdout(sys.stderr):  # what the user's own modules print
        imported = bring(
            source, framework, shape=shape, timesteps=timesteps, unit=unit, input_bits=bits,
            coding=None if coding == "steps" else coding, call=call, readout=readout,
            neurons=neuron, weights=weights, dialect=dialect, semantics=semantics, probes=probes,
            near_ties=near_ties, seed=seed,
        )  # fmt: skip
    save(imported.network, output)
    if json:
        findings = list(imported.findings)
        show_network(imported.network, True, file=str(output), findings=findings)
        return
    tell({"file": str(output), "seed": seed}, json)
    typer.echo(str(imported))
    show_network(imported.network, False)
