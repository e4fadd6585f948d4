"""``spikexact train``."""

from pathlib import Path
from typing import Annotated

import typer

from .arguments import Json, Seed, TrainedOutput, writable


def train(
    dataset: Annotated[str, typer.Argument(help="digits, mnist, cifar10 .. (docs/data.md)")],
    output: TrainedOutput,
    data: Annotated[Path | None, typer.Option(help="Folder of the data set's files.")] = None,
    method: Annotated[str, typer.Option(help="agmm, ste, fp, latency")] = "ste",
    net: Annotated[str, typer.Option(help="mlp, cnn, vggsnn, resnet19, resnet18")] = "mlp",
    timesteps: Annotated[int | None, typer.Option(help="T.", min=1)] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="name=value of the recipe, the layers, the network, the data."),
    ] = None,
    tune: Annotated[
        list[str] | None,
        typer.Option(help="constant-gates, table-gates, dyadic-joins: hardware in the loop."),
    ] = None,
    measures: Annotated[
        bool, typer.Option("--measures", help="Flips, gradients, firing rates, cost.")
    ] = False,
    device: Annotated[str, typer.Option(help="cpu or cuda")] = "cpu",
    mixed: Annotated[bool, typer.Option("--mixed", help="bfloat16 where it serves.")] = False,
    threads: Annotated[int | None, typer.Option(help="Of the CPU.", min=1, max=1024)] = None,
    anew: Annotated[
        bool, typer.Option("--anew", help="From the start, over what was finished or stopped.")
    ] = False,
    workers: Annotated[int, typer.Option(help="Processes that load.", min=0, max=256)] = 0,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Train a network and write a TrainedNetwork; stopped, it resumes with the same command."""
    from ..train import run

    writable(output)
    run(
        dataset, output, data=data, method=method, net=net, timesteps=timesteps,
        settings=settings or [], tune=tune or [], measures=measures, device=device, mixed=mixed,
        threads=threads, workers=workers, seed=seed, json=json, anew=anew,
    )  # fmt: skip
