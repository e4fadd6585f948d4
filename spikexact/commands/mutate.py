"""``spikexact mutate``."""

from pathlib import Path
from typing import Annotated

import typer

from .arguments import (
    MOST_SAMPLES,
    Block,
    File,
    Json,
    Lanes,
    Parallel,
    Pe,
    Seed,
    Simd,
    parallelism,
    writable,
)


def mutate(
    file: File,
    mutants: Annotated[int, typer.Option(help="How many to draw.", min=1, max=1 << 16)] = 100,
    samples: Annotated[
        int, typer.Option(help="Stimuli, those of verify.", min=1, max=MOST_SAMPLES)
    ] = 20,
    pe: Pe = None,
    simd: Simd = None,
    lanes: Lanes = None,
    block: Block = None,
    parallel: Parallel = 1,
    journal: Annotated[Path | None, typer.Option(help="Journal; resumes.")] = None,
    arguments: Annotated[
        Path | None, typer.Option(help="JSON of patterns, and why such mutants are equal.")
    ] = None,
    jobs: Annotated[int, typer.Option(help="Mutants tried at once.", min=1, max=256)] = 1,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="mutation.json")] = None,
    seed: Seed = 0,
    json: Json = False,
) -> int:
    """Change the Verilog bit by bit; say what verify kills, and what is proved equal."""
    from sim.ability import require
    from sim.campaign.stimuli import stimuli
    from sim.mutation import mutate as work

    from .. import console, files

    network = files.network(file)
    require(network, ["rtl"])
    options = {
        "pe": parallelism(pe, "--pe"), "simd": parallelism(simd, "--simd"),
        "lanes": parallelism(lanes, "--lanes"), "block": block, "parallel": parallel,
    }  # fmt: skip
    for path in (output, journal):
        if path is not None:
            writable(path, file, arguments)
    with console.progress(json) as progress:
        found = work(
            network, stimuli(network, samples, seed), mutants, seed, options, journal, jobs,
            arguments, progress=lambda done, total: progress("mutants", done, total),
        )  # fmt: skip
    if output is not None:
        files.write_json(output, found)
    if json:
        console.print_json(found)
    else:
        console.say(f"seed {seed}")
        console.rows("mutants", table(found))
        for mutant in found["list"]:
            if mutant["verdict"] == "open":
                console.say(
                    f"open: {mutant['mode']} of {mutant['port']}[{mutant['bit']}] in "
                    f"{mutant['module']}, {mutant['place']}"
                )
        share = found["share_killed"]
        told = "none is left to kill" if share is None else f"{share:.2%} killed"
        console.say(f"{told} of those neither proved nor argued equal, in {found['seconds']} s")
    return 0 if found["ok"] else 1


def table(found: dict) -> list[dict[str, object]]:
    """Return the rows of the table: what became of mutants, and by what."""
    rows = [("killed", by["name"], by["mutants"]) for by in found["killed_by"]]
    rows += [(name, "", found[name]) for name in ("proved", "argued", "open")]
    rows.append(("all", "", found["mutants"]))
    return [{"verdict": v, "by": by, "mutants": n} for v, by, n in rows]
