"""``spikexact report``."""

from pathlib import Path
from typing import Annotated

import typer

from .answers import tell
from .arguments import Json


def report(
    folder: Annotated[Path, typer.Argument(help="With network.safetensors, and more.")],
    json: Json = False,
) -> None:
    """Write report.html and report.json of a folder: its network, and whatever else is there."""
    from ..report import FORMAT, write

    summary = write(folder)
    if not json and summary["verilog"] is not None:
        summary["verilog"] = f"{summary['verilog']['bytes']} bytes"
    tell(summary, json, FORMAT)
