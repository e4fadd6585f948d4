"""The command line. Every error is one sentence: status 2 for bad input, 1 for a failed check.

The program starts in ``__main__``, where ``guard`` stands ready for Ctrl-C before anything else.
"""

from __future__ import annotations

import contextlib
import sys
import warnings
from pathlib import Path
from typing import Annotated, Any

import typer

from . import guard, rooms

app = typer.Typer(pretty_exceptions_enable=False)

#: Timesteps of a fold that takes long enough to say so.
LONG = 4096

Json = Annotated[bool, typer.Option("--json", help="Only JSON on stdout.")]
Seed = Annotated[int, typer.Option(help="Seed of everything random.", min=0, max=(1 << 63) - 1)]
File = Annotated[Path, typer.Argument(help="A file written by train, fold or save.")]
Force = Annotated[bool, typer.Option("--force", help="Replace a folder that is not ours.")]
Folds = Annotated[str | None, typer.Option(help="One number, or one per layer: 8,4.")]


def main(arguments: list[str] | None = None) -> None:
    """Run the command line under guard and exit with its status."""
    guard.install()
    guard.finish(status(arguments))


def status(arguments: list[str] | None = None) -> int:
    """Run a command; print any error as one sentence on stderr; return the exit status."""
    if wrong := rooms.sentence():
        return _error(wrong)
    if not sys.warnoptions:  # libraries' warnings are not the user's
        warnings.simplefilter("ignore")
    try:
        found = app(arguments, standalone_mode=False, prog_name="spikexact")
        if found == guard.INTERRUPTED:  # what typer makes of it
            raise KeyboardInterrupt
        return int(found) if isinstance(found, int) else 0
    except (KeyboardInterrupt, typer.Abort):
        _error(guard.sentence())
        return guard.INTERRUPTED
    except BrokenPipeError:  # of "| head": whoever reads has seen enough
        return guard.PIPE
    except SystemExit as error:  # what the parser makes of it
        if isinstance(error.__context__, BrokenPipeError):
            return guard.PIPE
        raise
    except OSError as error:
        return _error(_told(error))
    except (ValueError, TypeError, MemoryError) as error:
        return _error(str(error) or type(error).__name__)
    except Exception as error:
        # Imported here, as completion needs no numpy.
        from sim.tools import MissingTool, ProtocolError, SlowTool

        if isinstance(error, MissingTool | ProtocolError | SlowTool):
            _error(str(error))
            return 1 if isinstance(error, ProtocolError) else 2
        if type(error).__name__ == "OutOfMemoryError":  # torch's, of a GPU
            return _error("the GPU's memory does not hold it: train with a smaller --set batch=N")
        message = getattr(error, "format_message", None)  # a usage error of the parser
        if message is None:
            raise
        return _error(message())


def _error(text: str) -> int:
    print("error: " + " ".join(text.split()), file=sys.stderr)
    return 2


def _told(error: OSError) -> str:
    """Return an error of the system as a sentence that begins with the file it is about."""
    if error.strerror is None:
        return str(error) or type(error).__name__
    named = "the output cannot be written" if error.filename is None else error.filename
    return f"{named}: {error.strerror}"


def _names(text: str) -> list[str]:
    """Return the backends that a text with commas names.

    Raises
    ------
        ValueError: a name that there is not, or none.
    """
    from sim.run import backend_module

    found = [name.strip() for name in text.split(",")]
    if not all(found):
        raise ValueError(f"--backends must be names with commas, as reference,fast, not {text!r}")
    for name in found:
        backend_module(name)
    return found


def _folds(value: str | None, what: str) -> int | list[int] | None:
    if value is None:
        return None
    try:
        numbers = [int(part) for part in value.split(",")]
    except ValueError:
        raise ValueError(
            f"{what} must be one number, or one per layer: 8,4, not {value!r}"
        ) from None
    return numbers[0] if len(numbers) == 1 else numbers


@app.callback(invoke_without_command=True)
def start(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Trained binary spiking networks, bit for bit on Lava and FPGA."""
    if version:
        typer.echo(f"spikexact {_version()}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def _version() -> str:
    from importlib import metadata

    try:
        return metadata.version("spikexact")
    except metadata.PackageNotFoundError:  # a checkout on the path
        return "(not installed: run from its sources)"


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder for what is written.")] = Path("demo"),
    seed: Seed = 0,
    force: Force = False,
    json: Json = False,
) -> int:
    """Train a small network, certify it, run every backend, write Verilog and a report."""
    from . import demo as work

    return work.run(out, seed, force, json)


@app.command()
def doctor(json: Json = False) -> None:
    """Say what is installed, and what each missing piece would unlock."""
    from . import console
    from .doctor import advice, survey

    found = survey()
    if json:
        console.print_json({"format": 1, "pieces": found})
    else:
        heads = ("what", "version", "unlocks")
        console.rows("spikexact doctor", [{head: row[head] for head in heads} for row in found])
        for line in advice(found):
            console.say(line)


@app.command()
def train(
    dataset: Annotated[str, typer.Argument(help="digits, mnist, cifar10 .. (docs/data.md)")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The trained file.")],
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
    from .train import run as work

    _writable(output)
    work(
        dataset, output, data=data, method=method, net=net, timesteps=timesteps,
        settings=settings or [], tune=tune or [], measures=measures, device=device, mixed=mixed,
        threads=threads, workers=workers, seed=seed, json=json,
        anew=anew,
    )  # fmt: skip


@app.command()
def fold(
    file: File,
    output: Annotated[Path, typer.Option("-o", "--output", help="The network file.")],
    timesteps: Annotated[int | None, typer.Option(help="T; the trained one unless given.")] = None,
    json: Json = False,
) -> None:
    """Fold a trained network into integers and certify every population."""
    import mapping
    from mapping.files import digest

    from . import console, files

    value = files.trained(file)
    _writable(output, file)
    if timesteps is not None and LONG < timesteps <= 1 << 16:
        console.note(f"folding for T = {timesteps}: time and memory grow with T ..")
    with console.progress(json) as tell:
        network = mapping.fold(
            value, timesteps, progress=lambda done, total: tell("populations", done, total)
        )
    mapping.save(network, output, folded_from=digest(value))
    _show(network, json, file=str(output), exact=network.exact)


@app.command()
def show(file: File, json: Json = False) -> None:
    """Show a network: layers, shapes, widths, certificates."""
    from mapping import load

    _show(load(file), json)


@app.command()
def run(
    file: File,
    inputs: Annotated[Path, typer.Option(help="A .npy: (samples, T, ...) or (samples, ...).")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The trace, an .npz.")],
    backend: Annotated[
        str, typer.Option(help="reference, fast, lava, lava-stock, rtl, cocotb")
    ] = "reference",
    json: Json = False,
) -> None:
    """Run one backend on inputs and write its trace."""
    import sim
    from mapping.coding import digest as inputs_digest
    from mapping.files import digest

    from . import files

    network = files.network(file)
    batch = files.inputs(inputs)
    _writable(output, file, inputs)
    trace = sim.run(network, batch, backend)
    trace.info.update(network_sha256=digest(network), inputs_sha256=inputs_digest(batch))
    trace.save(output)
    classes = trace.classes.tolist() if trace.scores is not None else None
    told = {"file": str(output), "backend": backend, "samples": len(batch), "classes": classes}
    _tell(told | trace.info, json)


@app.command()
def verify(
    file: File,
    backends: Annotated[
        str, typer.Option(help="Names, separated by commas.")
    ] = "reference,fast,rtl",
    samples: Annotated[
        int, typer.Option(help="Stimuli, if no inputs are given.", min=1, max=1 << 20)
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
    from sim.written import document, one

    from . import console, files

    names = _names(backends)
    network = files.network(file)
    if rtl is None and inputs is None:
        require(network, names)
    batch = stimuli(network, samples, seed) if inputs is None else files.inputs(inputs)
    if output is not None:
        _writable(output, file, inputs, trained)
    meant = None if trained is None else files.source(trained, file)
    with console.progress(json) as tell:
        found = check(network, batch, names, rtl=rtl, progress=tell)
    told = document([one(found, seed=seed if inputs is None else None)])
    if meant is not None:
        told["checks"][0]["trained"] = files.difference(meant, network, batch)
    if output is not None:
        files.write_json(output, told)
    if json:
        console.print_json(told)
    else:
        if inputs is None:
            console.say(f"seed {seed}")
        console.matrix(found)
        if meant is not None:
            rows = files.difference_rows(told["checks"][0]["trained"])
            console.rows("the trained network in float64, and these integers", rows)
    return 0 if found.ok else 1


@app.command()
def verilog(
    file: File,
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for what is written.")],
    pe: Folds = None,
    simd: Folds = None,
    samples: Annotated[
        int, typer.Option(help="Vectors beside the Verilog.", min=1, max=1 << 20)
    ] = 20,
    seed: Seed = 0,
    force: Force = False,
    json: Json = False,
) -> None:
    """Write Verilog, manifest.json, a cocotb testbench and its vectors."""
    from sim.vectors import replaceable, write_bundle

    from . import files

    network = files.network(file)
    replaceable(output, force)
    manifest = write_bundle(
        network, output, samples, seed, _folds(pe, "--pe"), _folds(simd, "--simd"), force
    )
    told = {
        "folder": str(output),
        "seed": seed,
        "vectors": samples,
        "network_sha256": manifest["network_sha256"],
        "cycles_per_timestep": manifest["cycles_per_timestep"],
        "latency": manifest["latency"],
        "rom_bits": sum(p["rom_bits"] for p in manifest["populations"]),
        "bytes": (output / manifest["verilog"]).stat().st_size,
    }
    _tell(told, json)
    if not json:
        typer.echo(f"next: python {output / 'run.py'}")


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(help="With network.safetensors, and more.")],
    json: Json = False,
) -> None:
    """Write report.html and report.json of a folder: its network, and whatever else is there."""
    from .report import write

    told = write(folder)
    if not json and told["verilog"] is not None:
        told["verilog"] = f"{told['verilog']['bytes']} bytes"
    _tell(told, json)


@app.command()
def campaign(
    networks: Annotated[int, typer.Option(help="How many to draw.", min=1)] = 300,
    backends: Annotated[
        str, typer.Option(help="Names, separated by commas.")
    ] = "reference,fast,rtl",
    per_build: Annotated[int, typer.Option(help="Networks that share an RTL build.", min=1)] = 5,
    samples: Annotated[int, typer.Option(help="Stimuli per network.", min=1, max=1 << 20)] = 12,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Journal; resumes.")] = None,
    kinds: Annotated[
        str, typer.Option(help="all: every node kind; dense: groups that share an RTL build.")
    ] = "dense",
    seed: Seed = 0,
    json: Json = False,
) -> int:
    """Draw random networks, run backends, compare everything; resumes from its journal."""
    from sim.campaign import campaign as work

    from . import console

    names = _names(backends)
    with console.progress(json) as tell:
        found = work(
            networks, names, seed, per_build=per_build, samples=samples, journal=output,
            progress=lambda done, total: tell("networks", done, total), kinds=kinds,
        )  # fmt: skip
    _tell(found, json)
    return 0 if found["ok"] else 1


@app.command(name="import")
def import_(
    source: Annotated[str, typer.Argument(help="package.module:builder; or a NIR or TOML file.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The trained file.")],
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

    from .importing import bring

    _writable(output, Path(source), weights)
    with contextlib.redirect_stdout(sys.stderr):  # what the user's own modules print
        found = bring(
            source, framework, shape=shape, timesteps=timesteps, unit=unit, input_bits=bits,
            coding=None if coding == "steps" else coding, call=call, readout=readout,
            neurons=neuron, weights=weights, dialect=dialect, semantics=semantics, probes=probes,
            near_ties=near_ties, seed=seed,
        )  # fmt: skip
    save(found.network, output)
    if json:
        _show(found.network, True, file=str(output), findings=list(found.findings))
        return
    _tell({"file": str(output), "seed": seed}, json)
    typer.echo(str(found))
    _show(found.network, False)


@app.command()
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
    backend: Annotated[str, typer.Option(help="Who runs all of it.")] = "fast",
    checked: Annotated[int, typer.Option(help="Samples compared with the reference.", min=0)] = 64,
    json: Json = False,
) -> int:
    """Accuracy and agreement over a data set; status 1 at any mismatch with the reference."""
    from sim.evaluate import evaluate as work

    from . import console, files
    from .data import labelled

    network = files.network(file)
    inputs, classes = labelled(network, source, labels, data, part, settings or [])
    with console.progress(json) as tell:
        found = work(
            network, inputs, classes, backend, checked,
            progress=lambda done, total: tell("samples", done, total),
        )  # fmt: skip
    _tell({**found.to_json(), "data": source}, json)
    return 1 if found.mismatches else 0


def _writable(path: Path, *read: Path | None) -> None:
    """Say at once, before long work, that a file cannot be written, or is one that is read."""
    from mapping.files import target

    target(path)
    for one in read:
        if one is not None and path.exists() and one.exists() and path.samefile(one):
            raise ValueError(f"{path} is read by this command: name another file for -o")


def _show(value: Any, as_json: bool, **more: Any) -> None:
    from mapping import TrainedNetwork
    from mapping.files import digest
    from mapping.show import rows_of

    from . import console, targets

    found = targets.told(value)
    if as_json:
        told = {"kind": type(value).__name__, "sha256": digest(value), **more}
        console.print_json({"format": 1, **told, "populations": rows_of(value), **found})
    else:
        console.say(str(value))
        for line in targets.texts(found, isinstance(value, TrainedNetwork)):
            console.say(line)


def _tell(facts: dict[str, Any], as_json: bool) -> None:
    from . import console, labels

    if as_json:
        console.print_json({"format": 1, **facts})
        return
    for key, value in labels.readable(facts).items():
        text = str(value)
        brief = isinstance(value, str) or len(text) <= 300
        console.say(f"{key}: {text if brief else text[:300] + ' ..'}")
