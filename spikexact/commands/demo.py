"""``spikexact demo``."""

from pathlib import Path
from typing import Annotated

import typer

from .arguments import Force, Json, Seed


def demo(
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder for what is written.")] = Path(
        "demo"
    ),
    net: Annotated[str, typer.Option(help="mlp, or cnn: convolutions, about two minutes.")] = "mlp",
    seed: Seed = 0,
    force: Force = False,
    json: Json = False,
) -> int:
    """Train a small network, certify it, run every backend, write Verilog and a report."""
    from ..demo import run

    return run(out, net, seed, force, json)
