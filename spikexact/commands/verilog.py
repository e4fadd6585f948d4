"""``spikexact verilog``."""

from pathlib import Path
from typing import Annotated

import typer

from .answers import tell
from .arguments import (
    MOST_SAMPLES,
    Also,
    AxisBytes,
    Block,
    Cells,
    Classes,
    Clock,
    File,
    Force,
    Json,
    Lanes,
    Loadable,
    Parallel,
    Pe,
    Ram,
    Seed,
    Simd,
    SkipZeros,
    SkipZerosOf,
    Stop,
    TargetFps,
)


def verilog(
    file: File,
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for what is written.")],
    pe: Pe = None,
    simd: Simd = None,
    lanes: Lanes = None,
    block: Block = None,
    parallel: Parallel = 1,
    skip_zeros: SkipZeros = False,
    skip_zeros_of: SkipZerosOf = None,
    classes: Classes = False,
    stop: Stop = False,
    target_fps: TargetFps = None,
    clock: Clock = None,
    cells: Cells = None,
    ram: Ram = None,
    loadable: Loadable = False,
    also: Also = None,
    axis_bytes: AxisBytes = None,
    samples: Annotated[
        int, typer.Option(help="Vectors beside the Verilog.", min=1, max=MOST_SAMPLES)
    ] = 20,
    seed: Seed = 0,
    force: Force = False,
    json: Json = False,
) -> None:
    """Write Verilog, manifest.json, a cocotb testbench and its vectors."""
    from hdl.axi.transfers import transfers
    from sim.vectors import replaceable, write_bundle

    from .. import files
    from .planning import form, holding

    network = files.network(file)
    replaceable(output, force)
    skips = skip_zeros or tuple(skip_zeros_of or ())
    if axis_bytes is not None:
        transfers(1, axis_bytes)
    made = form(
        network, pe, simd, lanes, block, parallel, target_fps, clock, cells, ram, classes, stop,
        skips,
    )  # fmt: skip
    options = made.options | holding(loadable, also, classes, stop)
    manifest = write_bundle(
        network, output, samples, seed, force=force, axis_bytes=axis_bytes, **options
    )
    facts = {
        "folder": str(output),
        "seed": seed,
        "vectors": samples,
        "network_sha256": manifest["network_sha256"],
        "cycles_per_sample": manifest["cycles_per_sample"],
        "latency": manifest["latency"],
        "rom_bits": sum(p["rom_bits"] for p in manifest["populations"]),
        "bytes": (output / manifest["verilog"]).stat().st_size,
    }
    if "loading" in manifest:
        facts["words"] = manifest["loading"]["words"]
        facts["crc"] = f"{manifest['loading']['crc']:08x}"
    tell(facts, json, version=2)
    if not json:
        typer.echo(f"next: python {output / 'run.py'}")
