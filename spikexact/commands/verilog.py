"""``spikexact verilog``."""

from pathlib import Path
from typing import Annotated

import typer

from .answers import tell
from .arguments import MOST_SAMPLES, File, Force, Json, Parallelism, Seed, parallelism


def verilog(
    file: File,
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for what is written.")],
    pe: Parallelism = None,
    simd: Parallelism = None,
    samples: Annotated[
        int, typer.Option(help="Vectors beside the Verilog.", min=1, max=MOST_SAMPLES)
    ] = 20,
    seed: Seed = 0,
    force: Force = False,
    json: Json = False,
) -> None:
    """Write Verilog, manifest.json, a cocotb testbench and its vectors."""
    from sim.vectors import replaceable, write_bundle

    from .. import files

    network = files.network(file)
    replaceable(output, force)
    outputs, inputs = parallelism(pe, "--pe"), parallelism(simd, "--simd")
    manifest = write_bundle(network, output, samples, seed, outputs, inputs, force)
    facts = {
        "folder": str(output),
        "seed": seed,
        "vectors": samples,
        "network_sha256": manifest["network_sha256"],
        "cycles_per_timestep": manifest["cycles_per_timestep"],
        "latency": manifest["latency"],
        "rom_bits": sum(p["rom_bits"] for p in manifest["populations"]),
        "bytes": (output / manifest["verilog"]).stat().st_size,
    }
    tell(facts, json)
    if not json:
        typer.echo(f"next: python {output / 'run.py'}")
